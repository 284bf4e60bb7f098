"""A day that is taken out: what goes, what stays, and that it does not come back by itself."""

import json
import shutil
from pathlib import Path

import dagster as dg
import pytest

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.errors import FacefindError
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
    asked = facefind("forget", "--day", "Day 1")  # nobody answers
    assert asked.exit_code == 1
    assert asked.stderr.startswith(
        "day day-1: 3 photo files, 2 faces, 2 vectors, 1 confirmed or rejected photo, 1 row of truth, "
    )
    assert "--yes forgets without asking" in asked.stderr
    assert _contents(database) == before
    done = facefind("forget", "--day", "Day 1", "--yes")
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


def test_it_stays_out_until_the_forgetting_is_lifted(
    facefind: Facefind, spoken_of: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facefind_pipeline.ingest.photos.time.time", lambda: 4e9 + SETTLE_S)
    instance, workspace = open_instance(settings, database), Workspace(settings, Silence())
    definitions = build_defs({"workspace": workspace})
    evaluated = dg.evaluate_automation_conditions(defs=definitions, instance=instance)
    assert facefind("forget", "--day", "day-1", "--yes").exit_code == 0
    again = f"left out: {spoken_of}/Day 1: was forgotten: `facefind ingest '{spoken_of}/Day 1'` looks for other photos"
    for command in (("ingest",), ("ingest", spoken_of), ("run", spoken_of, "--params", SMALL_SET)):
        result = facefind(*command)
        assert result.exit_code == 0, result.stderr
        assert sum(line.startswith(again) for line in result.stderr.splitlines()) == 1, result.stderr
    ticked = sensors.new_event_days(dg.build_sensor_context(instance, resources={"workspace": workspace}))
    assert isinstance(ticked, dg.SensorResult)
    assert not ticked.run_requests
    # That a partition went which Dagster's cursor remembers does not trouble it.
    later = dg.evaluate_automation_conditions(defs=definitions, instance=instance, cursor=evaluated.cursor)
    faces = later.get_requested_partitions(dg.AssetKey("detected_faces"))
    assert not [partition for partition in faces if partition and "day-1" in partition]
    with database.connect() as connection:
        assert table(connection, "SELECT event_day FROM event_days") == [("day-2",)]
    # Given by name, or copied under other names, its photos are known again and left out.
    copies = shutil.copytree(spoken_of / "Day 1", spoken_of.parent / "elsewhere")
    (copies / "both.jpg").rename(copies / "renamed.jpg")
    work = Work(settings, database)
    work.done()
    for folder, name in ((spoken_of / "Day 1", "both.jpg"), (copies, "renamed.jpg")):
        named = facefind("run", folder, "--params", SMALL_SET)
        assert named.exit_code == 0, named.stderr
        assert f"{name}: was forgotten on " in named.stderr
    assert work.done()["photos_detected"] == 0
    assert "no forgetting 2" in facefind("forget", "--lift", "2").stderr
    assert facefind("forget", "--lift", "1").stdout.startswith("3 tombstones lifted")
    back = facefind("run", spoken_of / "Day 1", "--params", SMALL_SET)
    assert back.exit_code == 0
    assert "forgotten" not in back.stderr
    assert work.done()["photos_detected"] == 2  # but the one that the other day has


def test_faces_of_a_person_are_found_again_once_the_forgetting_is_lifted(
    facefind: Facefind, spoken_of: Path, database: Database
) -> None:
    faces = "SELECT sha256, face_key FROM detected_faces JOIN embeddings USING (sha256, face_key) ORDER BY 1, 2"
    with database.connect() as connection:
        before = table(connection, faces)
    assert facefind("forget", "Ada", "--yes").exit_code == 0
    assert facefind("who").exit_code == 0
    with database.connect() as connection:
        assert len(table(connection, faces)) < len(before)
    assert facefind("forget", "--lift", "1").exit_code == 0
    assert facefind("who").exit_code == 0
    with database.connect() as connection:
        assert table(connection, faces) == before


def test_what_was_forgotten_stays_so_when_its_root_moves(
    facefind: Facefind, spoken_of: Path, database: Database
) -> None:
    assert facefind("forget", "--day", "day-1", "--yes").exit_code == 0
    new = spoken_of.parent / "new"
    spoken_of.rename(new)
    assert facefind("ingest", "--moved", spoken_of, new).exit_code == 0
    assert f"{new}/Day 1: was forgotten" in facefind("ingest").stderr
    with database.connect() as connection:
        assert table(connection, "SELECT event_day FROM event_days") == [("day-2",)]


def test_a_root_of_one_day_is_not_watched_any_more(facefind: Facefind, spoken_of: Path, tmp_path: Path) -> None:
    shutil.copytree(spoken_of / "Day 2", tmp_path / "alone")
    assert facefind("ingest", tmp_path / "alone").exit_code == 0
    assert facefind("forget", "--day", "alone", "--yes").exit_code == 0
    assert "alone" not in facefind("ingest").stderr + facefind("status").stdout
    assert "no event day 'alone'" in facefind("forget", "--day", "alone", "--yes").stderr


def test_no_is_taken_for_an_answer(facefind: Facefind, spoken_of: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    result = facefind("forget", "--day", "day-1")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (0, "nothing was forgotten")
    assert facefind("find", "Ada", "--day", "day-1").exit_code == 0


def test_an_interrupted_forgetting_is_ended_by_the_same_command(
    facefind: Facefind, filled: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise FacefindError("the power is off")

    with monkeypatch.context() as patch:
        patch.setattr("facefind_pipeline.privacy.forgetting.rewrite_tables", stop)
        assert "the power is off" in facefind("forget", "Ada", "--yes").stderr
    state = settings.home / "forgetting.json"
    assert state.stat().st_mode & 0o777 == 0o600
    assert facefind("forget", "--list").stdout.splitlines()[1].split()[1] == "person"
    assert "a forgetting was interrupted: `facefind forget` ends it" in facefind("status").stdout
    assert json.loads(facefind("status", "--json").stdout)["forgetting_interrupted"] is True
    done = facefind("forget", "Ada", "--yes", "--json")
    assert done.exit_code == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["clean"]
    assert receipt["rows"]["people"] == [1, 0]
    assert receipt["rows"]["detected_faces"] == [3, 0]
    assert any("FACEFIND_DATABASE_URL" in line for line in receipt["out_of_reach"])
    assert not state.exists()
    assert "no person 'ada'" in facefind("find", "Ada").stderr
    with database.connect() as connection:
        assert table(connection, "SELECT count(*) FROM detected_faces") == [(2,)]  # the other person's
    assert "nothing is left to resume" in facefind("forget").stderr


def test_what_a_run_finds_while_forget_waits_for_it_goes_too(
    facefind: Facefind, filled: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: object) -> None:
        assert facefind("confirm", "Ada", "Day 2/collins.png").exit_code == 0

    monkeypatch.setattr("facefind_pipeline.cli.forget._wait_until_idle", wait)
    done = facefind("forget", "Ada", "--yes", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["feedback"] == [1, 0]
    with database.connect() as connection:
        assert table(connection, "SELECT path FROM detected_faces JOIN photos USING (sha256)") == [("Day 1/both.jpg",)]


def test_what_was_found_since_an_interruption_goes_too(
    facefind: Facefind, filled: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise FacefindError("the power is off")

    with monkeypatch.context() as patch:
        patch.setattr("facefind_pipeline.privacy.forgetting.erase_rows", stop)
        assert "the power is off" in facefind("forget", "Ada", "--yes").stderr
    assert facefind("confirm", "Ada", "Day 2/collins.png").exit_code == 0
    done = facefind("forget", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["clean"]
    with database.connect() as connection:
        assert table(connection, "SELECT path FROM detected_faces JOIN photos USING (sha256)") == [("Day 1/both.jpg",)]
