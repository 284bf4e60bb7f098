"""`facefind album` and `facefind person consent`, as a user meets them."""

from pathlib import Path

import pytest

from facefind_pipeline_tests.conftest import SMALL_SET, Facefind


@pytest.fixture
def filled(facefind: Facefind, event: Path, reference: Path) -> Path:
    """An event that was run for one person."""
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Grace={reference}").exit_code == 0
    return event


def test_x(facefind, filled):
    print(facefind("find", "Grace").stdout)
    r = facefind("album", "Grace", "--to", "out")
    print(r.stdout, r.stderr)
    assert 0
