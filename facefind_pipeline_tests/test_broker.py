"""Where the broker's address comes from, and that its password stays where it is."""

from pathlib import Path

import pytest

from facefind_pipeline import broker
from facefind_pipeline.errors import FacefindError

URL = "redis://:s3cret@db:6379/0"


def _write(home: Path, text: str, mode: int = 0o600) -> None:
    file = home / "broker"
    file.write_text(text)
    file.chmod(mode)


def test_it_is_the_variables_or_that_of_the_file_in_the_home_or_none(tmp_path: Path) -> None:
    assert broker.address(None, tmp_path) is None
    _write(tmp_path, f"{URL}\n")
    assert broker.address(None, tmp_path) == URL
    assert broker.address("rediss://u:p@elsewhere", tmp_path) == "rediss://u:p@elsewhere"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    _write(tmp_path, URL, mode)
    with pytest.raises(FacefindError, match=r"broker holds a password that others can read: chmod 600 it"):
        broker.address(None, tmp_path)


@pytest.mark.parametrize("url", ["redis://db:6379", "redis://user@db"])
def test_a_broker_without_a_password_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(FacefindError, match=r"no password: .*requirepass"):
        broker.address(url, tmp_path)


@pytest.mark.parametrize("url", ["s3cret", "http://:s3cret@db", "redis://:s3cret@", "redis://:s3cret@db:x"])
def test_what_is_no_address_is_refused_and_not_quoted(tmp_path: Path, url: str) -> None:
    with pytest.raises(FacefindError, match="can't be read") as error:
        broker.address(url, tmp_path)
    assert "s3cret" not in str(error.value)


def test_people_see_it_without_the_password() -> None:
    assert broker.shown(URL) == "redis://db:6379"
