"""Runs in the command's process, and the end of runs whose process died."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.dagster_internals import make_new_run_id
from facefind_pipeline.orchestration.instance import open_instance, write_configuration
from facefind_pipeline.orchestration.partitions import sync_with_tables
from facefind_pipeline.orchestration.processes import (
    HOST_TAG,
    LOCKED_TAG,
    OF_BEFORE_TAG,
    PID_TAG,
    described,
    end_dead_runs,
    executing,
    process_tags,
)
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph, why_failed
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Silence
from facefind_pipeline_tests.store import rows

HOLDER = """
import sys, time
from facefind_pipeline.orchestration.processes import execute_until_exit
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database

execute_until_exit(open_database(read_settings()), sys.argv[1])
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def _started(instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str] = MappingProxyType({})) -> None:
    instance.add_run(
        dg.DagsterRun("any job", run_id, status=DagsterRunStatus.STARTED, tags={**process_tags(run_id), **tags})
    )


def _ended(instance: dg.DagsterInstance, database: Database) -> set[str]:
    return {run.run_id for run in end_dead_runs(instance, database)}


def test_a_run_is_dead_when_its_process_is_and_not_before(instance: dg.DagsterInstance, database: Database) -> None:
    run_id = make_new_run_id()
    with subprocess.Popen([sys.executable, "-c", HOLDER, run_id], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        try:
            assert holder.stdout.readline() == "held\n"
            _started(instance, run_id)
            assert _ended(instance, database) == set()
        finally:
            holder.kill()
    assert _ended(instance, database) == {run_id}
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == DagsterRunStatus.FAILURE
    assert _ended(instance, database) == set()


def test_a_dead_run_of_another_host_is_ended_too(instance: dg.DagsterInstance, database: Database) -> None:
    run_id = make_new_run_id()
    _started(instance, run_id, {HOST_TAG: "another", PID_TAG: "1"})
    with executing(database, run_id):
        assert _ended(instance, database) == set()
    assert _ended(instance, database) == {run_id}
    assert why_failed(instance, run_id) == "process 1 on another died before the run ended"


def test_a_run_that_could_not_be_launched_says_why(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch(*_: object) -> None:
        raise OSError("broker unreachable\nsince noon")

    monkeypatch.setattr(instance.run_launcher, "launch_run", launch)
    run = instance.add_run(dg.DagsterRun("any job"))
    with pytest.raises(OSError, match="broker unreachable"):
        instance.launch_run(run.run_id, None)  # type: ignore[arg-type]  # as in `execution.repeat`
    assert why_failed(instance, run.run_id) == "OSError: broker unreachable"


def test_a_run_that_nobody_executes_yet_is_not_dead(instance: dg.DagsterInstance, database: Database) -> None:
    _started(instance, make_new_run_id(), {LOCKED_TAG: make_new_run_id()})  # tags copied from the run that it repeats
    instance.add_run(dg.DagsterRun("any job", status=DagsterRunStatus.STARTING))
    assert _ended(instance, database) == set()


def test_a_run_that_an_earlier_versions_command_left_is_ended(instance: dg.DagsterInstance, database: Database) -> None:
    tags = {HOST_TAG: "one", PID_TAG: "1", OF_BEFORE_TAG: "1700000000.00"}
    instance.add_run(dg.DagsterRun("any job", "left", status=DagsterRunStatus.STARTED, tags=tags))
    parent = {"parent_run_id": "left", "root_run_id": "left"}
    instance.add_run(dg.DagsterRun("any job", "repeats", status=DagsterRunStatus.STARTED, tags=tags, **parent))
    own = {**tags, OF_BEFORE_TAG: "1700000001.00"}
    instance.add_run(dg.DagsterRun("any job", "repeated", status=DagsterRunStatus.STARTED, tags=own, **parent))
    assert _ended(instance, database) == {"left", "repeated"}


def test_tags_name_this_process() -> None:
    assert process_tags("0") == {HOST_TAG: socket.gethostname(), PID_TAG: str(os.getpid()), LOCKED_TAG: "0"}


def test_partitions_are_added_and_never_deleted(database: Database) -> None:
    with database.connect() as connection:
        rows.partition(connection, "friday", SMALL_SET)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("event_day", ["gone"])
        sync_with_tables(instance, database)
        assert set(instance.get_dynamic_partitions("event_day")) == {"gone", "friday"}
        assert instance.get_dynamic_partitions("parameter_set") == [SMALL_SET]


def test_a_failed_step_is_one_line_with_the_run_to_look_up(settings: Settings, database: Database) -> None:
    workspace = Workspace(settings, Silence())
    graph = Graph(open_instance(settings, database), workspace, build_defs({"workspace": workspace}))
    graph.instance.add_dynamic_partitions("event_day", ["nowhere"])
    with pytest.raises(FacefindError) as error:
        graph.materialize(["raw_photos"], "nowhere")
    (run,) = graph.instance.get_runs()
    assert "no event day 'nowhere'" in str(error.value)
    assert str(error.value) == f"raw_photos [nowhere]: {why_failed(graph.instance, run.run_id)} (run {run.run_id})"
    assert described(run) == "raw_photos of nowhere"
    assert f"(run {run.run_id})" in str(error.value)
    assert "\n" not in str(error.value)
    assert run.tags[PID_TAG] == str(os.getpid())
    assert run.tags[LOCKED_TAG] == run.run_id


def test_the_configuration_holds_no_password_and_dagster_reads_it(settings: Settings, database: Database) -> None:
    instance = open_instance(settings, database)
    text = (settings.dagster_home / "dagster.yaml").read_text()
    assert "postgresql" not in text
    assert "FACEFIND_DAGSTER_DATABASE_URL" in text
    assert type(instance.run_storage).__name__ == "PostgresRunStorage"
    before = (settings.dagster_home / "dagster.yaml").stat().st_mtime_ns
    write_configuration(settings)
    assert (settings.dagster_home / "dagster.yaml").stat().st_mtime_ns == before
