"""What this process and those it starts have in common: closed files, and nothing taken from the working directory."""

import os

from facefind_pipeline.settings import Settings


def close_new_files() -> None:
    """Give what is written from now on to this user alone: photos' faces lie in sheets, tables, logs and reports."""
    os.umask(0o077)


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a Python process that we start; its working directory is to be `settings.home`.

    `python -m` would put the working directory, whatever lies there, in front of all modules.
    """
    return {**os.environ, "FACEFIND_HOME": os.fspath(settings.home), "PYTHONSAFEPATH": "1"}
