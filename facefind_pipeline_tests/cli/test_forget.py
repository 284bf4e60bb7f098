"""A day that is taken out: what goes, what stays, and that it does not come back by itself."""

import json
import shutil
from pathlib import Path

import dagster as dg
import pytest

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.ingest.photos import SETTLE_S
from facefind_pipeline.orchestration import sensors
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Silence
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.work import Work

pytestmark = pytest.mark.slow

BY_PHOTO = ("photos", "detections", "detected_faces", "embeddings", "search_results", "feedback", "truth")


@pytest.fixture
def spoken_of(facefind: Facefind, filled: Path) -> Path:
    """Two days, one photo in both; a photo of the first was confirmed and is in truth, so is the one in both."""
    assert facefind("confirm", "Ada", "both.jpg").exit_code == 0
    assert facefind("confirm", "Ada", "Day 1/hopper.jpg").exit_code == 0
    truth = filled.parent / "truth.csv"
    truth.write_text("person,filename\nAda,both.jpg\nAda,hopper.jpg\n")
    assert facefind("truth", "add", truth).exit_code == 0
    return filled


def _contents(database: Database) -> dict[str, set[bytes]]:
    with database.connect() as connection:
        return {
            name: {bytes(sha) for (sha,) in table(connection, f"SELECT sha256 FROM {name} WHERE sha256 IS NOT NULL")}
            for name in BY_PHOTO
        }


def test_a_day_goes_with_all_that_its_photos_alone_led_to(
    facefind: Facefind, spoken_of: Path, settings: Settings, database: Database
) -> None:
    instance = open_instance(settings, database)
    with database.connect() as connection:
        other = {bytes(s) for (s,) in table(connection, "SELECT sha256 FROM photos WHERE event_day = 'day-2'")}
        shared = {bytes(s) for (s,) in table(connection, "SELECT sha256 FROM photos WHERE path = 'Day 1/hopper.jpg'")}
    assert shared < other
    before = _contents(database)
    asked = facefind("ingest", "--forget", "Day 1")  # nobody answers
    assert asked.exit_code == 1
    assert asked.stdout.startswith(
        f"event day day-1 ({spoken_of}/Day 1): 4 photos, 2 faces, 1 confirmation or rejection, 1 row of truth will be "
        "taken out; 1 photo of them also in another day, which keeps what is known\n"
    )
    assert "--yes forgets without asking" in asked.stderr
    assert _contents(database) == before
    done = facefind("ingest", "--forget", "Day 1", "--yes")
    assert done.exit_code == 0, done.stderr
    after = _contents(database)
    for name in BY_PHOTO:
        assert after[name] == before[name] & other, name
    assert after["feedback"] == after["truth"] == shared
    with database.connect() as connection:
        for name in ("photos", "set_days", "event_days", "clock_shifts"):
            assert table(connection, f"SELECT count(*) FROM {name} WHERE event_day = 'day-1'") == [(0,)], name
    assert instance.get_dynamic_partitions("event_day") == ["day-2"]
    assert not [run for run in instance.get_runs() if "day-1" in run.tags.get("dagster/partition", "")]
    assert not [sheet for sheet in settings.sheets.rglob("*.jpg") if "day-1" in str(sheet) or "people" in str(sheet)]
    assert (spoken_of / "Day 1" / "both.jpg").is_file()
    # Results are of what is left, at once.
    matches = json.loads(facefind("find", "Ada", "--json").stdout)
    assert {match["event_day"] for match in matches} == {"day-2"}
    assert all(not match["copies"] for match in matches)
    assert facefind("evaluate", "--params", SMALL_SET).exit_code == 0


def test_it_stays_out_until_its_folder_is_given_by_name(
    facefind: Facefind, spoken_of: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facefind_pipeline.ingest.photos.time.time", lambda: 4e9 + SETTLE_S)
    instance, workspace = open_instance(settings, database), Workspace(settings, Silence())
    definitions = build_defs({"workspace": workspace})
    evaluated = dg.evaluate_automation_conditions(defs=definitions, instance=instance)
    assert facefind("ingest", "--forget", "day-1", "--yes").exit_code == 0
    again = f"left out: {spoken_of}/Day 1: was forgotten: `facefind ingest '{spoken_of}/Day 1'` takes it again"
    for command in (("ingest",), ("ingest", spoken_of), ("run", spoken_of, "--params", SMALL_SET)):
        result = facefind(*command)
        assert (result.exit_code, result.stderr.splitlines().count(again)) == (0, 1), result.stderr
    ticked = sensors.new_event_days(dg.build_sensor_context(instance, resources={"workspace": workspace}))
    assert isinstance(ticked, dg.SensorResult)
    assert not ticked.run_requests
    # That a partition went which Dagster's cursor remembers does not trouble it.
    later = dg.evaluate_automation_conditions(defs=definitions, instance=instance, cursor=evaluated.cursor)
    faces = later.get_requested_partitions(dg.AssetKey("detected_faces"))
    assert not [partition for partition in faces if partition and "day-1" in partition]
    with database.connect() as connection:
        assert table(connection, "SELECT event_day FROM event_days") == [("day-2",)]
    work = Work(settings, database)
    work.done()
    back = facefind("run", spoken_of / "Day 1", "--params", SMALL_SET)
    assert back.exit_code == 0
    assert "forgotten" not in back.stderr
    assert work.done()["photos_detected"] == 2  # but the one that the other day has
    assert facefind("ingest", spoken_of).stderr == ""
    assert {day["day"] for day in json.loads(facefind("status", "--json").stdout)["days"]} == {"day-1", "day-2"}


def test_what_was_forgotten_stays_so_when_its_root_moves(
    facefind: Facefind, spoken_of: Path, database: Database
) -> None:
    assert facefind("ingest", "--forget", "day-1", "--yes").exit_code == 0
    new = spoken_of.parent / "new"
    spoken_of.rename(new)
    assert facefind("ingest", "--moved", spoken_of, new).exit_code == 0
    assert f"{new}/Day 1: was forgotten" in facefind("ingest").stderr
    with database.connect() as connection:
        assert table(connection, "SELECT event_day FROM event_days") == [("day-2",)]


def test_a_root_of_one_day_is_not_watched_any_more(facefind: Facefind, spoken_of: Path, tmp_path: Path) -> None:
    shutil.copytree(spoken_of / "Day 2", tmp_path / "alone")
    assert facefind("ingest", tmp_path / "alone").exit_code == 0
    assert facefind("ingest", "--forget", "alone", "--yes").exit_code == 0
    assert "alone" not in facefind("ingest").stderr + facefind("status").stdout
    assert "no event day 'alone'" in facefind("ingest", "--forget", "alone", "--yes").stderr
    assert facefind("ingest", tmp_path / "alone").stdout == "alone: 3 photos\n"


def test_no_is_taken_for_an_answer(facefind: Facefind, spoken_of: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.confirm", lambda _: False)
    result = facefind("ingest", "--forget", "day-1")
    assert (result.exit_code, result.stderr) == (0, "nothing was forgotten\n")
    assert facefind("find", "Ada", "--day", "day-1").exit_code == 0
