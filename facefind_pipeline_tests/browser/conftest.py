"""What is served to the browser."""

from facefind_pipeline_tests.web.conftest import door, make_door, selfie, working_host

__all__ = ["door", "make_door", "selfie", "working_host"]
