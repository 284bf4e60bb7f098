"""Under `facefind dev`, with its daemon: a copied folder leads to results, and a command shares the work with it."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest
from dagster import DagsterRunStatus, RunsFilter

from bench import live
from facefind_pipeline.orchestration.daemon import ENDED_RUNS, daemon_lives
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.plan.due import due
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import face_key
from facefind_pipeline.vision.decode import decode
from facefind_pipeline.vision.detectors import load_detector
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.dev_server import Dev, dev_log
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.work import Work

PATIENCE_S = 240


@pytest.mark.proof
def test_a_copied_folder_leads_to_results_by_itself(
    facefind: Facefind,
    event: Path,
    reference: Path,
    portraits: Portraits,
    dev: Callable[[], Dev],
    settings: Settings,
    database: Database,
    tmp_path: Path,
) -> None:
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}").exit_code == 0
    new_day = tmp_path / "card" / "Day 3"
    new_day.mkdir(parents=True)
    portraits.hopper.crop((20, 20, 500, 580)).save(new_day / "late.jpg")
    dev()
    instance = open_instance(settings, database)
    _wait(lambda: daemon_lives(instance))  # it is at work before the folder comes

    began = time.monotonic()
    shutil.copytree(new_day, event / "Day 3")
    _wait(lambda: any(match["photo"] == "Day 3/late.jpg" for match in _find(facefind)))
    _wait(lambda: _searched(database))
    took = time.monotonic() - began

    records = instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.SUCCESS]))
    work = sum(
        (record.end_time or 0) - (record.start_time or 0) for record in records if _launched(record.dagster_run.tags)
    )
    print(f"\nfrom the copied folder to stored results: {took:.0f} s, of which runs {work:.1f} s")
    _wait(lambda: _at_rest(instance))  # the evaluation follows the results
    assert {record.dagster_run.status for record in instance.get_run_records()} == {DagsterRunStatus.SUCCESS}


@pytest.mark.proof
def test_a_command_and_the_daemon_do_nothing_twice(
    facefind: Facefind,
    reference: Path,
    portraits: Portraits,
    dev: Callable[[], Dev],
    settings: Settings,
    database: Database,
    tmp_path: Path,
) -> None:
    root, photos = tmp_path / "party", 200
    for number in range(photos):
        day = root / f"day {number % 4}"
        day.mkdir(parents=True, exist_ok=True)
        picture = portraits.hopper.crop((number, number, 512, 560)).resize((320, 380))
        picture.save(day / f"{number:03d}.jpg", quality=80)
    dev()
    instance = open_instance(settings, database)
    _wait(lambda: daemon_lives(instance))

    ran = facefind("run", root, "--params", SMALL_SET, "--reference", f"Ada={reference}", "--json")
    assert ran.exit_code == 0, ran.stderr
    _wait(lambda: _at_rest(instance))

    done = Work(settings, database).done()
    expected = sorted(_alone(sorted(root.rglob("*.jpg"))))
    with database.connect() as connection:
        stored = table(connection, "SELECT f.face_key FROM detected_faces f JOIN embeddings USING (face_key)")
    assert sorted(UUID(key) for (key,) in stored) == expected
    assert (done["photos_detected"], done["faces_embedded"]) == (photos, len(expected))
    assert {run.status for run in instance.get_runs()} == {DagsterRunStatus.SUCCESS}
    assert any(_launched(run.tags) for run in instance.get_runs())  # the daemon wanted the same partitions


def _alone(files: list[Path]) -> Iterator[UUID]:
    """Keys of the faces that the set's detector finds, with nobody else at work."""
    parameters = ParameterSet.parse(SMALL_SET)
    detector = load_detector(parameters.detector, Path())
    for file in files:
        data = file.read_bytes()
        for face in detector.detect(decode(data, rgb=True, grey=False)):
            yield face_key(hashlib.sha256(data).digest(), face.box, face.landmarks)


def _at_rest(instance: dg.DagsterInstance) -> bool:
    """Nothing is at work, nor asked for within two ticks of the automation."""
    for _ in range(25):
        if instance.get_runs_count(RunsFilter(statuses=[one for one in DagsterRunStatus if one not in ENDED_RUNS])):
            return False
        time.sleep(1)
    return True


def _wait(condition: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE_S, dev_log()[-3000:]
        time.sleep(1)


def _find(facefind: Facefind) -> list[dict[str, object]]:
    matches: list[dict[str, object]] = json.loads(facefind("find", "Ada", "--json", "-n", 50).stdout)
    return matches


def _searched(database: Database) -> bool:
    with database.connect() as connection:
        return not due(connection, ["search_results"])


def _launched(tags: dict[str, str]) -> bool:
    return "dagster/sensor_name" in tags or "dagster/backfill" in tags


@pytest.mark.proof
@pytest.mark.usefixtures("database")
def test_photos_that_come_while_a_page_is_open_are_read_decoded_and_searched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The benchmark of live photos, in small."""
    monkeypatch.setattr(live, "KEPT", tmp_path / "kept")
    measured = live.measure(tmp_path, 12, 3, 2.0)
    assert len(measured.waited) == 3
    assert measured.work == dict.fromkeys(live.COUNTED, 1.0)
