"""What is expected of Dagster's insides; a release that changes it fails here."""

import ast
import logging
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from facefind_pipeline.orchestration import dagster_internals as internals
from facefind_pipeline.orchestration.daemon import ENDED_RUNS, FINISHED

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
        "from facefind_pipeline.orchestration.dagster_internals import setup_interrupt_handlers\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "setup_interrupt_handlers()\n"
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


def test_the_daemon_is_a_module_that_runs() -> None:
    command = [sys.executable, "-m", internals.DAEMON_MODULE, "run", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {"--log-level", "--workspace"} <= set(done.stdout.split())


@pytest.mark.proof
def test_a_backfill_is_worked_off_look_by_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "event.py").write_text(DEFINITIONS)
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    logger = logging.getLogger(__name__)
    target = internals.ModuleTarget("event", None, str(tmp_path), None)
    file = tmp_path / "workspace.yaml"
    with dg.DagsterInstance.get() as instance, internals.proxy_servers(instance, target, "warning") as servers:
        instance.add_dynamic_partitions("day", ["friday"])
        file.write_text(yaml.safe_dump({"load_from": list(servers.get_code_server_specs())}))
        backfill_id = internals.make_new_backfill_id()
        _request(instance, backfill_id)
        with (
            internals.WorkspaceProcessContext(instance, internals.WorkspaceFileTarget([str(file)])) as workspace,
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
