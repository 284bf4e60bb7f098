"""What the command says of clothes: in `find`, `explain` and `status`."""

import json

import pytest

from facefind_pipeline.cli.answer import clothes_in_words
from facefind_pipeline.search.results import refresh
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import Facefind
from facefind_pipeline_tests.search.dressed import write_event
from facefind_pipeline_tests.store.rows import KEY


def _write(database: Database, *, uniforms: bool) -> None:
    with database.connect() as connection:
        write_event(connection, uniforms=uniforms)
        refresh(connection, parameter_sets.find(connection, KEY))


@pytest.mark.parametrize(
    ("log_odds", "photos", "expected"),
    [
        (2.0, 3, "clothes as on 3 sure photos of that day"),
        (-2.0, 1, "clothes unlike those on 1 sure photo of that day"),
        (0.3, 3, ""),
        (None, None, ""),
    ],
)
def test_what_clothes_added_is_said_in_words(log_odds: float | None, photos: int | None, expected: str) -> None:
    assert clothes_in_words(log_odds, photos) == expected


def test_find_says_what_clothes_added_and_asks_without_them(facefind: Facefind, database: Database) -> None:
    _write(database, uniforms=False)
    assert ", clothes as on " in facefind("find", "Guest-00").stdout
    assert ", clothes unlike those on " in facefind("find", "Guest-00", "--all").stdout
    assert "clothes" not in facefind("find", "Guest-00", "--all", "--no-clothes").stdout
    matches = [
        json.loads(facefind("find", "Guest-00", "--all", "--json", *options).stdout)
        for options in ([], ["--no-clothes"])
    ]
    assert any(one["clothes"] and one["clothes_photos"] and one["score"] != one["face_score"] for one in matches[0])
    assert all(one["clothes"] is None and one["score"] == one["face_score"] for one in matches[1])


def test_explain_says_what_clothes_added_or_why_nothing(
    facefind: Facefind, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(database, uniforms=False)
    matches = json.loads(facefind("find", "Guest-00", "--all", "--json").stdout)
    match = next(one for one in matches if (one["clothes"] or 0) > 1)
    asked = ("explain", "Guest-00", match["photo"], "--day", match["event_day"], "--json")
    found = json.loads(facefind(*asked).stdout)
    assert found["clothes"] == clothes_in_words(match["clothes"], match["clothes_photos"])
    assert found["score by the face alone"] == pytest.approx(match["face_score"], abs=1e-6)
    assert isinstance(found["rank by the face alone"], int)
    monkeypatch.setenv("FACEFIND_CLOTHES", "off")
    assert json.loads(facefind(*asked).stdout)["clothes"] == "switched off by FACEFIND_CLOTHES"


def test_a_day_on_which_clothes_tell_nothing_is_named(facefind: Facefind, database: Database) -> None:
    _write(database, uniforms=True)
    (match, *_) = json.loads(facefind("find", "Guest-00", "--json").stdout)
    day = match["event_day"]
    found = facefind("explain", "Guest-00", match["photo"], "--day", day, "--json").stdout
    assert json.loads(found)["clothes"].startswith(f"do not count on {day}: people are dressed alike")
    (one,) = [row for row in json.loads(facefind("status", "--json").stdout)["sets"] if row["set"] == KEY]
    assert one["clothes count on days"] == "0 of 2"
