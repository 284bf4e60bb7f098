"""Runs in the command's process, and the end of runs whose process died."""

import os
import socket
import subprocess
import sys

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.instance import open_instance, write_configuration
from facefind_pipeline.orchestration.partitions import sync_with_tables
from facefind_pipeline.orchestration.processes import HOST_TAG, PID_TAG, STARTED_TAG, end_dead_runs, process_tags
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Silence
from facefind_pipeline_tests.store import rows


def _unfinished(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    return instance.add_run(dg.DagsterRun("any job", status=DagsterRunStatus.STARTED, tags=tags)).run_id


def test_only_runs_of_dead_processes_of_this_host_are_ended() -> None:
    mine = process_tags()
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    with dg.DagsterInstance.ephemeral() as instance:
        alive = _unfinished(instance, mine)
        dead = _unfinished(instance, mine | {PID_TAG: ended.stdout.strip()})
        pid_given_again = _unfinished(instance, mine | {STARTED_TAG: "1000.00"})
        elsewhere = _unfinished(instance, mine | {HOST_TAG: "another", PID_TAG: ended.stdout.strip()})
        launched_by_dagster = _unfinished(instance, {})
        assert {run.run_id for run in end_dead_runs(instance)} == {dead, pid_given_again}
        statuses = {run.run_id: run.status for run in instance.get_runs()}
        assert statuses[dead] == statuses[pid_given_again] == DagsterRunStatus.FAILURE
        assert {statuses[run] for run in (alive, elsewhere, launched_by_dagster)} == {DagsterRunStatus.STARTED}
        assert end_dead_runs(instance) == []


def test_tags_name_this_process() -> None:
    tags = process_tags()
    assert tags[HOST_TAG] == socket.gethostname()
    assert tags[PID_TAG] == str(os.getpid())


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
    assert f"(run {run.run_id})" in str(error.value)
    assert "\n" not in str(error.value)
    assert run.tags[PID_TAG] == str(os.getpid())


def test_the_configuration_holds_no_password_and_dagster_reads_it(settings: Settings, database: Database) -> None:
    instance = open_instance(settings, database)
    text = (settings.dagster_home / "dagster.yaml").read_text()
    assert "postgresql" not in text
    assert "FACEFIND_DAGSTER_DATABASE_URL" in text
    assert type(instance.run_storage).__name__ == "PostgresRunStorage"
    before = (settings.dagster_home / "dagster.yaml").stat().st_mtime_ns
    write_configuration(settings.dagster_home)
    assert (settings.dagster_home / "dagster.yaml").stat().st_mtime_ns == before
