"""What each sensor requests, on a real folder, real tables and an ephemeral instance."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from facefind_pipeline.cli import stages
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.ingest.photos import SETTLE_S
from facefind_pipeline.orchestration import sensors
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.orchestration.schedules import nightly_reingestion, nightly_requests
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.set_names import ALIASES
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import overview
from facefind_pipeline.store import parameter_sets as sets
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits, Silence


@pytest.fixture
def graph(settings: Settings, database: Database, event: Path) -> Iterator[Graph]:
    """Two registered days that were read, and files that have long been there."""
    with dg.DagsterInstance.ephemeral() as instance:
        workspace = Workspace(settings, Silence())
        graph = Graph(instance, workspace, build_defs({"workspace": workspace}))
        days = stages.register_folder(graph, event, None).days
        graph.sync_partitions()
        stages.read_photos(graph, days)
        yield graph


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled: the clock that they are compared with is ahead of theirs."""
    now = time.time
    monkeypatch.setattr("facefind_pipeline.ingest.photos.time.time", lambda: now() + SETTLE_S + 1)


def _tick(graph: Graph, sensor: dg.SensorDefinition, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(graph.instance, cursor=cursor, resources={"workspace": graph.workspace})
    result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def _requests(result: dg.SensorResult) -> list[tuple[str | None, str | None]]:
    return [(request.job_name, request.partition_key) for request in result.run_requests or ()]


def _days(graph: Graph) -> list[dict[str, object]]:
    with graph.workspace.database.connect() as connection:
        return overview.days(connection)


def test_unchanged_days_lead_to_nothing(graph: Graph) -> None:
    first = _tick(graph, sensors.new_event_days)
    assert _requests(first) == []
    assert _requests(_tick(graph, sensors.new_event_days, first.cursor)) == []


def test_a_changed_day_is_requested_once_and_again_when_it_is_as_before(graph: Graph, event: Path) -> None:
    cursor = _tick(graph, sensors.new_event_days).cursor
    (event / "Day 1" / "hopper.jpg").rename(event / "Day 1" / "renamed.jpg")
    first = _tick(graph, sensors.new_event_days, cursor)
    assert _requests(first) == [("ingest_photos", "day-1")]
    assert _requests(_tick(graph, sensors.new_event_days, first.cursor)) == []
    graph.materialize(["raw_photos"], "day-1")
    cursor = _tick(graph, sensors.new_event_days, first.cursor).cursor
    (event / "Day 1" / "renamed.jpg").rename(event / "Day 1" / "hopper.jpg")
    again = _tick(graph, sensors.new_event_days, cursor)
    assert _requests(again) == [("ingest_photos", "day-1")]
    # Dagster skips a request whose key a former run had, and this state was seen before.
    assert [request.run_key for request in again.run_requests or ()] == [None]


def test_a_file_that_is_still_copied_is_left_until_it_is_stable(
    graph: Graph, event: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = _tick(graph, sensors.new_event_days).cursor
    (event / "Day 1" / "copying.jpg").write_bytes(b"half of a photo")
    new = event / "Day 3"
    new.mkdir()
    (new / "copying.jpg").write_bytes(b"half of a photo")
    with monkeypatch.context() as patch:
        patch.setattr("facefind_pipeline.ingest.photos.time.time", lambda: (new / "copying.jpg").stat().st_ctime + 1)
        unsettled = _tick(graph, sensors.new_event_days, cursor)
    assert _requests(unsettled) == []
    assert _requests(_tick(graph, sensors.new_event_days, unsettled.cursor)) == [
        ("add_event_days", None),
        ("ingest_photos", "day-1"),
    ]


def test_a_new_folder_below_a_root_is_registered_then_read(graph: Graph, event: Path, portraits: Portraits) -> None:
    cursor = _tick(graph, sensors.new_event_days).cursor
    (event / "Day 3").mkdir()
    portraits.collins.save(event / "Day 3" / "new.png")
    (request,) = _tick(graph, sensors.new_event_days, cursor).run_requests or ()
    assert request.job_name == "add_event_days"
    graph.run_job("add_event_days", {op: ran["config"] for op, ran in request.run_config["ops"].items()})
    assert "day-3" in graph.instance.get_dynamic_partitions("event_day")
    assert _requests(_tick(graph, sensors.new_event_days, cursor)) == [("ingest_photos", "day-3")]


def test_a_folder_that_is_gone_is_requested_once_to_be_marked(graph: Graph, event: Path) -> None:
    cursor = _tick(graph, sensors.new_event_days).cursor
    (event / "Day 1").rename(event.parent / "elsewhere")
    first = _tick(graph, sensors.new_event_days, cursor)
    assert _requests(first) == [("ingest_photos", "day-1")]
    graph.materialize(["raw_photos"], "day-1")
    assert _requests(_tick(graph, sensors.new_event_days, first.cursor)) == []
    (event.parent / "elsewhere").rename(event / "Day 1")
    assert _requests(_tick(graph, sensors.new_event_days, first.cursor)) == [("ingest_photos", "day-1")]


def test_a_folder_that_is_suddenly_empty_is_requested_once_and_keeps_its_photos(graph: Graph, event: Path) -> None:
    cursor = _tick(graph, sensors.new_event_days).cursor
    (event / "Day 1").rename(event.parent / "elsewhere")
    (event / "Day 1").mkdir()
    first = _tick(graph, sensors.new_event_days, cursor)
    assert _requests(first) == [("ingest_photos", "day-1")]
    graph.materialize(["raw_photos"], "day-1")
    assert _requests(_tick(graph, sensors.new_event_days, first.cursor)) == []
    assert [day["photos"] for day in _days(graph)] == [4, 3]


def test_odd_entries_are_told_once_and_keep_no_root_or_day_from_being_read(
    graph: Graph, event: Path, tmp_path: Path, portraits: Portraits, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    shutil.copytree(event / "Day 2", gone / "Other")
    stages.register_folder(graph, gone, None)
    shutil.rmtree(gone)
    cursor = _tick(graph, sensors.new_event_days).cursor
    for path, target in {"loop": ".", "x.jpg": "x.jpg", "Day 1/y.jpg": "/mnt/none", "Day 2/z.jpg": "z.jpg"}.items():
        (event / path).symlink_to(target)
    for name in ("\u200b", "Day-1", "Day 3"):
        (event / name).mkdir()
        portraits.collins.save(event / name / "new.png")
    os.utime(event / "Day 2" / "collins.png", (13_569_465_600, 13_569_465_600))
    capfd.readouterr()
    first = _tick(graph, sensors.new_event_days, cursor)
    assert [name for name, _ in _requests(first)] == ["add_event_days", "ingest_photos"]
    assert capfd.readouterr().err.count("WARNING") == 6  # the root that is gone was told of before
    again = _tick(graph, sensors.new_event_days, first.cursor)
    assert [name for name, _ in _requests(again)] == ["add_event_days"]
    assert capfd.readouterr().err == ""


def test_a_reference_that_can_not_be_had_now_is_no_reason_to_stop_looking(
    graph: Graph, settings: Settings, portraits: Portraits
) -> None:
    settings.references.mkdir(parents=True)
    portraits.hopper.save(settings.references / "Ada.jpg")
    (settings.references / "Bob.jpg").symlink_to("/mnt/none/bob.jpg")
    (settings.references / "loop").symlink_to(".")
    first = _tick(graph, sensors.new_people)
    assert len(first.run_requests or ()) == 1
    assert _requests(_tick(graph, sensors.new_people, first.cursor)) == []


def test_a_picture_in_the_references_folder_is_read_once(
    graph: Graph, settings: Settings, portraits: Portraits
) -> None:
    assert _requests(_tick(graph, sensors.new_people)) == []
    (settings.references / "Ada").mkdir(parents=True)
    portraits.hopper.save(settings.references / "Ada" / "1.jpg")
    first = _tick(graph, sensors.new_people)
    assert len(first.run_requests or ()) == 1
    assert _requests(_tick(graph, sensors.new_people, first.cursor)) == []
    (settings.references / "Ada" / "1.jpg").unlink()
    assert len(_tick(graph, sensors.new_people, first.cursor).run_requests or ()) == 1


def test_partitions_that_only_the_tables_have_are_added(graph: Graph, settings: Settings, database: Database) -> None:
    from facefind_pipeline.ingest.register import register_set

    register_set(database, settings, SMALL_SET)
    first = _tick(graph, sensors.registry_sync)
    (added,) = first.dynamic_partitions_requests or ()
    assert (added.partitions_def_name, list(added.partition_keys)) == ("parameter_set", [SMALL_SET])
    assert first.asset_events == []  # Dagster would refuse what it does not know yet
    graph.sync_partitions()
    second = _tick(graph, sensors.registry_sync, first.cursor)
    assert [event.partition for event in second.asset_events] == [SMALL_SET]
    third = _tick(graph, sensors.registry_sync, second.cursor)
    assert not third.dynamic_partitions_requests
    assert third.asset_events == []


PRESENT_VERSIONS = """
import json, sys
from facefind_pipeline.ingest.faces import present_versions
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database
settings = read_settings()
versions = present_versions(open_database(settings), settings)
loaded = {"onnxruntime", "dlib", "cv2", "transformers", "imgbeddings"} & sys.modules.keys()
print(json.dumps([list(versions), sorted(loaded)]))
"""


def test_what_sets_are_now_is_known_without_their_models(database: Database) -> None:
    with database.connect() as connection:  # in the Hugging Face cache of the tests the second one's model is missing
        for key, dimension in ((SMALL_SET, 128), (ALIASES["talk"], 768)):
            sets.register(connection, ParameterSet.parse(key), dimension, "l2")
    done = subprocess.run([sys.executable, "-c", PRESENT_VERSIONS], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[SMALL_SET], []]


def test_an_index_that_is_out_of_date_is_told_once(graph: Graph, event: Path) -> None:
    parameters = stages.register_set(graph, SMALL_SET)
    stages.index_and_search(graph, parameters)
    first = _tick(graph, sensors.index_watch)
    assert [event.passed for event in first.asset_events] == [True]
    graph.materialize(["detected_faces", "face_embeddings"], f"day-1|{SMALL_SET}")
    second = _tick(graph, sensors.index_watch, first.cursor)
    assert [(event.passed, event.metadata["outdated"].value) for event in second.asset_events] == [(False, [SMALL_SET])]
    assert _tick(graph, sensors.index_watch, second.cursor).asset_events == []


def test_the_nightly_schedule_asks_for_every_day_and_reads_all_files_on_sundays(graph: Graph) -> None:
    sunday, monday = datetime(2024, 6, 16, 3), datetime(2024, 6, 17, 3)
    for at, rehash in ((sunday, True), (monday, False)):
        requests = list(nightly_requests(["a", "b"], at))
        assert [request.partition_key for request in requests] == ["a", "b"]
        assert {request.run_config["ops"]["raw_photos"]["config"]["rehash"] for request in requests} == {rehash}
    keys = {request.run_key for at in (sunday, monday) for request in nightly_requests(["a"], at)}
    assert len(keys) == 2


def test_the_nightly_schedule_knows_the_registered_days(graph: Graph, settings: Settings, database: Database) -> None:
    instance = open_instance(settings, database)  # a schedule's context takes none that is ephemeral
    instance.add_dynamic_partitions("event_day", ["day-2"])
    context = dg.build_schedule_context(
        instance, scheduled_execution_time=datetime(2024, 6, 17, 3), resources={"workspace": graph.workspace}
    )
    assert [request.partition_key for request in nightly_reingestion(context)] == ["day-2"]
