"""Looks at folders: what was seen holds until something came or went, and not for ever."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facefind_pipeline.ingest import looks
from facefind_pipeline.ingest.looks import LOOK_AGAIN_S, SETTLED_S, Looks
from facefind_pipeline.ingest.watch import day_state, new_days
from facefind_pipeline.store.photos import EventDay


@pytest.fixture
def names() -> tuple[Looks[list[str]], list[Path]]:
    """A look at the names in folders, and which folders were looked at."""
    looked = []

    def look(folder: Path) -> list[str]:
        looked.append(folder)
        return _names(folder)

    return Looks(look), looked


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _settle(folder: Path, seconds: float = SETTLED_S + 1) -> None:
    """Makes the folder one in which nothing came or went for so long."""
    then = time.time() - seconds
    os.utime(folder, (then, then))


def test_an_unchanged_folder_is_looked_at_once(names: tuple[Looks[list[str]], list[Path]], tmp_path: Path) -> None:
    look, looked = names
    (tmp_path / "one.jpg").touch()
    _settle(tmp_path)
    assert [look(tmp_path) for _ in range(3)] == [["one.jpg"]] * 3
    assert looked == [tmp_path]


def test_a_folder_that_changed_just_now_is_looked_at_again(
    names: tuple[Looks[list[str]], list[Path]], tmp_path: Path
) -> None:
    look, looked = names
    _settle(tmp_path, 0)
    look(tmp_path)
    look(tmp_path)
    assert len(looked) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "two.jpg").touch(),
        lambda folder: (folder / "one.jpg").unlink(),
        lambda folder: (folder / "one.jpg").rename(folder / "other.jpg"),
    ],
    ids=["came", "went", "renamed"],
)
def test_what_comes_or_goes_is_seen(
    names: tuple[Looks[list[str]], list[Path]], tmp_path: Path, change: Callable[[Path], object]
) -> None:
    look, _ = names
    (tmp_path / "one.jpg").touch()
    _settle(tmp_path)
    before = look(tmp_path)
    change(tmp_path)
    assert look(tmp_path) == _names(tmp_path) != before


def test_another_folder_of_the_same_name_and_time_is_seen(
    names: tuple[Looks[list[str]], list[Path]], tmp_path: Path
) -> None:
    look, _ = names
    day, other = tmp_path / "day", tmp_path / "other"
    for folder in (day, other):
        folder.mkdir()
    (other / "one.jpg").touch()
    then = time.time() - SETTLED_S - 1
    for folder in (day, other):
        os.utime(folder, (then, then))
    assert look(day) == []
    day.rename(tmp_path / "former")
    other.rename(day)
    assert look(day) == ["one.jpg"]


def test_a_folder_that_went_is_an_error(names: tuple[Looks[list[str]], list[Path]], tmp_path: Path) -> None:
    look, _ = names
    day = tmp_path / "day"
    day.mkdir()
    _settle(day)
    look(day)
    day.rmdir()
    with pytest.raises(FileNotFoundError):
        look(day)


def test_what_is_written_in_place_is_seen_by_and_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = EventDay("party", tmp_path, "")
    (tmp_path / "one.jpg").write_bytes(b"1")
    _settle(tmp_path)
    before = day_state(day)
    with (tmp_path / "one.jpg").open("ab") as file:
        file.write(b"2")
    assert day_state(day) == before
    now = time.time()
    monkeypatch.setattr(looks.time, "time", lambda: now + LOOK_AGAIN_S)
    assert day_state(day) != before


def test_a_new_day_below_unchanged_folders_is_found(tmp_path: Path) -> None:
    friday = tmp_path / "year" / "friday"
    friday.mkdir(parents=True)
    (friday / "one.jpg").touch()
    for folder in (tmp_path, tmp_path / "year", friday):
        _settle(folder)
    known = [EventDay("year-friday", tmp_path, "year/friday")]
    assert new_days(tmp_path, known, settle_seconds=0) == ([], [])
    saturday = tmp_path / "year" / "saturday"
    saturday.mkdir()
    (saturday / "two.jpg").touch()
    days, _ = new_days(tmp_path, known, settle_seconds=0)
    assert [day.key for day in days] == ["year-saturday"]
