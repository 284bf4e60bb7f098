"""What is expected of Dagster's insides; a release that changes it fails here."""

import ast
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from facefind_pipeline.orchestration import dagster_internals as internals
from facefind_pipeline.orchestration.daemon import ENDED_RUNS, FINISHED
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database

CLONE = Path(__file__).parents[2]
ROOMS = ("facefind_pipeline", "facefind_pipeline_tests", "bench", "tools")
ALLOWED = {"facefind_pipeline/orchestration/dagster_internals.py", "facefind_pipeline_tests/orchestration/stale.py"}

DEFINITIONS = """
import dagster as dg

days = dg.DynamicPartitionsDefinition(name="day")
sets = dg.StaticPartitionsDefinition(["a", "b"])
day_sets = dg.MultiPartitionsDefinition({"day": days, "set": sets})


@dg.asset(partitions_def=days)
def photos() -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion("seen"))


@dg.asset(partitions_def=day_sets, deps=[photos])
def faces() -> None: ...


defs = dg.Definitions([photos, faces])
"""


def _imports(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_they_are_imported_in_one_module() -> None:
    files = [file for room in ROOMS for file in (CLONE / room).rglob("*.py")]
    private = {
        str(file.relative_to(CLONE))
        for file in files
        if any(name.startswith("dagster") and "._" in name for name in _imports(file))
    }
    assert private == ALLOWED


def test_tags_name_a_runs_partition_its_dimensions_and_its_data_version() -> None:
    made: dict[str, object] = {}
    exec(DEFINITIONS, made)
    definitions, faces, photos = made["defs"], made["faces"], made["photos"]
    assert isinstance(definitions, dg.Definitions)
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("day", ["friday"])
        both = dg.MultiPartitionKey({"day": "friday", "set": "a"})
        run = dg.materialize([photos, faces], instance=instance, partition_key=both, selection=[faces]).dagster_run
        assert run.tags[internals.PARTITION_NAME_TAG] == str(both)
        assert run.tags[f"{internals.MULTIDIMENSIONAL_PARTITION_PREFIX}day"] == "friday"
        dg.materialize([photos], instance=instance, partition_key="friday")
        latest = instance.event_log_storage.get_latest_tags_by_partition(
            dg.AssetKey("photos"), dg.DagsterEventType.ASSET_MATERIALIZATION, [internals.DATA_VERSION_TAG], ["friday"]
        )
        assert latest == {"friday": {internals.DATA_VERSION_TAG: "seen"}}


def test_what_define_asset_job_returns_has_that_type() -> None:
    assert isinstance(dg.define_asset_job("job"), internals.UnresolvedAssetJobDefinition)


def test_an_instance_opens_with_settings_replaced(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reference = internals.InstanceRef.from_dir(str(tmp_path), overrides={"compute_logs": internals.NO_COMPUTE_LOGS})

    @dg.asset
    def talkative() -> None:
        print("on the terminal")

    with dg.DagsterInstance.from_ref(reference) as instance:
        assert type(instance.compute_log_manager).__name__ == internals.NO_COMPUTE_LOGS["class"]
        dg.materialize([talkative], instance=instance)
    assert "on the terminal" in capfd.readouterr().out
    assert list(tmp_path.rglob("*.out")) == []


def test_sigterm_ends_like_an_interrupt() -> None:
    code = (
        "import os, signal, time\n"
        "from facefind_pipeline.orchestration.dagster_internals import take_signals\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"  # as what a script starts with `&` does
        "take_signals()\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(10)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "interrupted"


def test_loggers_of_dagsters_processes_take_a_level() -> None:
    code = (
        "import logging\n"
        "from facefind_pipeline.orchestration.dagster_internals import configure_loggers\n"
        "configure_loggers(log_level='WARNING')\n"
        "for name in ('dagster', 'dagster-webserver'):\n"
        "    logging.getLogger(name).info('quiet')\n"
        "    logging.getLogger(name).warning('loud')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    printed = done.stdout + done.stderr
    assert printed.count("loud") == 2
    assert "quiet" not in printed


def test_the_daemons_ask_the_instance_that_they_are_given(tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    asked = []
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        instance.add_daemon_heartbeat = asked.append  # type: ignore[method-assign]
        workspace = internals.WorkspaceFileTarget([str(tmp_path / "workspace.yaml")])
        with internals.daemon_controller(instance, workspace, "warning") as controller:
            until = time.monotonic() + 60
            while not asked and time.monotonic() < until:
                time.sleep(0.1)
            controller.check_daemon_threads()
    assert asked


def test_the_code_server_is_asked_less_often_and_read_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    internals.ask_code_server_less()  # imports both
    watcher, controller = (sys.modules[f"dagster.{name}"] for name in ("_grpc.server_watcher", "_daemon.controller"))
    monkeypatch.setattr(watcher, "WATCH_INTERVAL", 1)
    monkeypatch.setattr(controller, "RELOAD_WORKSPACE_INTERVAL", 60)
    monkeypatch.setattr(internals, "SAME_SERVER_S", 0.01)
    monkeypatch.setattr(internals, "DEFINITIONS_S", 0.01)
    internals.ask_code_server_less()
    asked, read = threading.Semaphore(0), threading.Semaphore(0)
    same = internals.CodeServerClient(socket="nowhere")
    monkeypatch.setattr(same, "get_server_id", lambda **_: asked.release())
    nothing = dict.fromkeys(
        ("get_location_entry", "refresh_code_location", "on_disconnect", "on_reconnected", "on_updated", "on_error"),
        lambda *_: None,
    )
    ending, thread = watcher.create_grpc_watch_thread("location", same, **nothing)
    thread.start()
    try:
        assert all(asked.acquire(timeout=0.9) for _ in range(3))  # else once per second
    finally:
        ending.set()
        thread.join()
    reading = SimpleNamespace(
        _grpc_server_registry=None,
        _workspace_process_context=SimpleNamespace(refresh_workspace=read.release),
    )
    controller.DagsterDaemonController.check_workspace_freshness(reading, time.time() - 1)
    assert read.acquire(blocking=False)


def test_storage_looks_once_for_what_older_releases_lack(settings: Settings, database: Database) -> None:
    asked: list[str] = []

    def note(*given: Any) -> None:
        asked.append(given[2])

    with open_instance(settings, database) as instance:

        def look() -> None:
            instance.get_run_records()
            instance.all_instigator_state()

        look()
        event.listen(Engine, "before_cursor_execute", note)
        try:
            look()
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    assert [statement.split()[0] for statement in asked] == ["SELECT", "SELECT"]
    assert "pg_catalog" not in "".join(asked)


def test_a_backfill_is_worked_off_look_by_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = "{module: dagster._core.launcher.sync_in_memory_run_launcher, class: SyncInMemoryRunLauncher}"
    (tmp_path / "event.py").write_text(DEFINITIONS)
    (tmp_path / "dagster.yaml").write_text(f"telemetry: {{enabled: false}}\nrun_launcher: {launcher}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    logger = logging.getLogger(__name__)
    target = internals.definitions_in_process("event")
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("day", ["friday"])
        backfill_id = internals.make_new_backfill_id()
        _request(instance, backfill_id)
        with (
            internals.WorkspaceProcessContext(instance, target) as workspace,
            internals.QueuedRunCoordinatorDaemon(interval_seconds=1) as coordinator,
        ):
            while (backfill := instance.get_backfill(backfill_id)).status not in FINISHED:
                for look in (
                    internals.execute_backfill_jobs(workspace, logger, [backfill]),
                    coordinator.run_iteration(workspace),
                    internals.execute_run_monitoring_iteration(workspace, logger),
                    internals.execute_concurrency_slots_iteration(workspace, logger),
                ):
                    assert [error for error in look if error is not None] == []
        assert backfill.status is internals.BulkActionStatus.COMPLETED_SUCCESS
        (run,) = instance.get_runs(dg.RunsFilter(tags={internals.BACKFILL_ID_TAG: backfill_id}))
        assert (run.status in ENDED_RUNS, run.tags[internals.PARTITION_NAME_TAG]) == (True, "friday")


def test_a_backfill_can_be_cancelled() -> None:
    with dg.instance_for_test() as instance:
        backfill_id = internals.make_new_backfill_id()
        _request(instance, backfill_id)
        instance.update_backfill(instance.get_backfill(backfill_id).with_status(internals.BulkActionStatus.CANCELED))
        assert instance.get_backfill(backfill_id).status is internals.BulkActionStatus.CANCELED


def _request(instance: dg.DagsterInstance, backfill_id: str) -> None:
    days = dg.DynamicPartitionsDefinition(name="day")
    partitions = {dg.AssetKey("photos"): days.subset_with_partition_keys(["friday"])}
    backfill = internals.PartitionBackfill.from_asset_graph_subset(
        backfill_id=backfill_id,
        backfill_timestamp=0.0,
        tags={},
        dynamic_partitions_store=instance,
        asset_graph_subset=internals.AssetGraphSubset(partitions_subsets_by_asset_key=partitions),
        title="a backfill",
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)


def test_a_copied_run_differs_in_what_is_given_alone() -> None:
    run = dg.DagsterRun("job", run_id=internals.make_new_run_id(), tags={"a": "1"}, run_config={"ops": {}})
    copied = internals.copy_record(run, run_id="another", tags={"a": "2"})
    assert (copied.run_id, copied.tags) == ("another", {"a": "2"})
    assert (copied.job_name, copied.run_config) == (run.job_name, run.run_config)
    assert run.tags == {"a": "1"}
