"""What is gone comes after all that is there; few files are looked for, and a dead disk holds up nobody."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline import presence
from facefind_pipeline.presence import Look
from facefind_pipeline.search.gone import there_first
from facefind_pipeline.search.matches import Answer, Copy, Match
from facefind_pipeline.search.stored import KEPT


def _match(rank: int, *files: Path) -> Match:
    first, *copies = (Copy(file.parent.name, f"{file.parent.name}/{file.name}", file) for file in files)
    return Match(
        rank=rank, photo=first.photo, file=first.file, event_day=first.event_day, distance=rank / 100, score=rank / 100,
        plain_distance=rank / 100, probability=None, rival=None, rival_distance=None, band="",
        box=(0, 0, 9, 9), detector_score=1.0, taken_at=None, country=None, place=None, sha256=f"{rank:064x}",
        copies=tuple(copies), thumbnail=b"",
    )  # fmt: skip


def _first(ranked: Callable[[int], Sequence[Match]], limit: int) -> list[Match]:
    def search(most: int | None) -> Answer:
        assert most is not None
        return Answer(list(ranked(most)), {}, None, at_least=False, cut=None)

    return there_first(search, limit).matches


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which each second of 300 photos is there."""
    folder = tmp_path_factory.mktemp("day")
    for number in range(0, 300, 2):
        (folder / f"{number}.jpg").touch()
    return folder


@given(numbers=st.lists(st.integers(0, 299), max_size=80, unique=True), limit=st.integers(1, 100))
def test_the_best_that_are_there_come_first_as_by_brute_force(day: Path, numbers: Sequence[int], limit: int) -> None:
    ranked = [_match(rank, day / f"{number}.jpg") for rank, number in enumerate(numbers, start=1)]
    found = _first(lambda most: ranked[:most], limit)
    wanted = [n for n in numbers if n % 2 == 0] + [n for n in numbers if n % 2]
    assert [match.file.name for match in found] == [f"{number}.jpg" for number in wanted[:limit]]
    assert [match.there for match in found] == [number % 2 == 0 for number in wanted[:limit]]
    assert [match.rank for match in found] == list(range(1, len(found) + 1))


def test_only_what_may_be_shown_is_looked_for(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_for = []
    exists = os.path.exists
    monkeypatch.setattr(presence.os.path, "exists", lambda path: looked_for.append(path) or exists(path))
    ranked = [_match(number, day / f"{number}.jpg") for number in range(0, 300, 2)]
    assert len(_first(lambda most: ranked[:most], 10)) == 10
    assert len(looked_for) == 10
    # Of a day that is away one question is asked, however many of its photos come first.
    away = [_match(number, day.with_name("away") / f"{number}.jpg") for number in range(500)]
    found = _first(lambda most: [*away, *ranked][:most], 10)
    assert [match.file.parent for match in found] == [day] * 10
    assert not [path for path in looked_for if path.parent != day]


def test_where_all_are_away_the_search_ends(day: Path) -> None:
    asked = []
    ranked = [_match(number, day.with_name("away") / f"{number}.jpg") for number in range(5 * KEPT)]
    found = _first(lambda most: asked.append(most) or ranked[:most], 10)
    assert [match.rank for match in found] == list(range(1, 11))
    assert not any(match.there for match in found)
    assert max(asked) == KEPT


def test_of_copies_one_that_is_there_is_shown(day: Path) -> None:
    (found,) = _first(lambda _: [_match(1, day / "1.jpg", day / "3.jpg", day / "4.jpg")], 1)
    assert (found.there, found.file) == (True, day / "4.jpg")
    assert [(copy.file.name, copy.there) for copy in found.copies] == [("1.jpg", False), ("3.jpg", False)]


def test_a_mount_that_never_answers_is_waited_for_once(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, ended = day.with_name("dead"), threading.Event()
    isdir = os.path.isdir
    monkeypatch.setattr(presence.os.path, "isdir", lambda path: ended.wait(60) if path == dead else isdir(path))
    monkeypatch.setattr(presence, "WAIT_S", 0.2)
    look = Look()
    look.ask([dead / "0.jpg", day / "0.jpg"])
    assert (look.is_there(day / "0.jpg"), look.is_there(dead / "0.jpg")) == (True, False)
    began = time.monotonic()
    look.ask(dead / f"{number}.jpg" for number in range(1, 1000))
    assert not look.is_there(dead / "1.jpg")
    assert time.monotonic() - began < 0.2  # not asked again
    ended.set()


def test_without_a_limit_all_are_shown_what_is_gone_last(day: Path) -> None:
    ranked = [_match(rank, day / f"{number}.jpg") for rank, number in enumerate((1, 2, 3, 4), start=1)]
    found = there_first(lambda most: Answer(ranked if most is None else [], {}, None, at_least=False, cut=None), None)
    assert [(match.file.name, match.there) for match in found.matches] == [
        *(("2.jpg", True), ("4.jpg", True), ("1.jpg", False), ("3.jpg", False))
    ]
