"""What is used of Dagster's own insides: no other module imports a name from `dagster._`.

Dagster promises nothing about these names from one release to the next. Each has its reason here, and what is expected
of it in the test of this module.
"""

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING

from dagster import DagsterInstance, SensorEvaluationContext
from dagster._cli.api import (
    _execute_run_command_body,  # what Dagster's own Celery task calls to execute a run in its worker
)
from dagster._core.definitions.assets.graph.asset_graph_subset import (
    AssetGraphSubset,  # which partitions of which assets a backfill makes; `dg.RunRequest` knows one partition
)
from dagster._core.definitions.data_version import (
    DATA_VERSION_TAG,  # by which one query reads the data versions of all partitions; the public way is one event each
)
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # what the public `define_asset_job` returns; its type has no public name
)
from dagster._core.errors import (
    DagsterUserCodeUnreachableError as CodeServerUnreachableError,  # raised by a client that gets no answer
)
from dagster._core.execution.backfill import (
    BulkActionsFilter,  # which backfills are at work, asked before every look at the conditions
    BulkActionStatus,  # of a backfill; the public API has no backfills outside the UI
    PartitionBackfill,  # what the UI makes when somebody selects partitions there
)
from dagster._core.instance.ref import (
    InstanceRef,  # opens an instance with some settings replaced, which `DagsterInstance.get` can't
)
from dagster._core.launcher.base import (
    LaunchRunContext,  # what a run launcher is given
    RunLauncher,  # what one is; `dg` has no such name
)
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,  # where those are
)
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,  # evaluations of checks, which `DagsterInstance.delete_run` leaves behind
)
from dagster._core.storage.event_log.sql_event_log import (
    SqlEventLogStorage,  # has the table above; all that can be configured here are of this kind
)
from dagster._core.storage.runs.sql_run_storage import (
    SqlRunStorage,  # looks for columns before each query
)
from dagster._core.storage.schedules.sql_schedule_storage import (
    SqlScheduleStorage,  # looks for a table before each query
)
from dagster._core.storage.tags import (
    BACKFILL_ID_TAG,  # of a backfill's runs
    MULTIDIMENSIONAL_PARTITION_PREFIX,  # of the tags that name each dimension of a run's partition
    PARTITION_NAME_TAG,  # of a run's partition
    PRIORITY_TAG,  # of a run in the queue
)
from dagster._core.types.loadable_target_origin import (
    LoadableTargetOrigin,  # likewise
)
from dagster._core.utils import (
    make_new_backfill_id,  # in the form by which the UI finds a backfill
    make_new_run_id,  # of a run whose lock is to be held before it begins
)
from dagster._core.workspace.context import (
    WorkspaceProcessContext,  # a code server and its definitions, for the web server and for working off a backfill
)
from dagster._core.workspace.load_target import (
    InProcessWorkspaceLoadTarget,  # definitions without a code server, which takes seconds to start
    WorkspaceFileTarget,  # what `dagster dev -w FILE` serves
)
from dagster._daemon.backfill import (
    execute_backfill_jobs,  # one look of the daemon at backfills, which it takes every 30 s
)
from dagster._daemon.monitoring import (
    execute_concurrency_slots_iteration,  # one look at slots that ended runs still hold
    execute_run_monitoring_iteration,  # one look at runs that died
)
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,  # its `run_iteration` launches the runs whose turn it is
)
from dagster._grpc.client import (
    DagsterGrpcClient as CodeServerClient,  # asks a code server whether it answers, and tells it that we live
)
from dagster._grpc.types import (
    ExecuteRunArgs,  # what the run launcher sends through the broker
)
from dagster._record import (
    copy as copy_record,  # a run like another
)
from dagster._serdes import (
    ConfigurableClass,  # what `dagster.yaml` can name
    ConfigurableClassData,  # where in `dagster.yaml` a run launcher comes from
    unpack_value,  # reads it there
)
from dagster._utils.interrupts import (
    capture_interrupts,  # so that the daemon's loops end between two looks
    setup_interrupt_handlers,  # SIGTERM ends like Ctrl-C, as in Dagster's own processes
)
from dagster._utils.log import (
    configure_loggers,  # levels and format of Dagster's own processes
)

if TYPE_CHECKING:
    from dagster._daemon.controller import DagsterDaemonController

__all__ = [
    "BACKFILL_ID_TAG",
    "DATA_VERSION_TAG",
    "MULTIDIMENSIONAL_PARTITION_PREFIX",
    "NO_COMPUTE_LOGS",
    "PARTITION_NAME_TAG",
    "PRIORITY_TAG",
    "AssetGraphSubset",
    "BulkActionStatus",
    "BulkActionsFilter",
    "CodeServerClient",
    "CodeServerUnreachableError",
    "ConfigurableClass",
    "ConfigurableClassData",
    "ExecuteRunArgs",
    "InstanceRef",
    "LaunchRunContext",
    "PartitionBackfill",
    "QueuedRunCoordinatorDaemon",
    "RunLauncher",
    "UnresolvedAssetJobDefinition",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "ask_code_server_less",
    "ask_schema_once",
    "capture_interrupts",
    "configure_loggers",
    "copy_record",
    "daemon_controller",
    "definitions_in_process",
    "delete_check_evaluations",
    "execute_backfill_jobs",
    "execute_concurrency_slots_iteration",
    "execute_run",
    "execute_run_monitoring_iteration",
    "give_instance",
    "make_new_backfill_id",
    "make_new_run_id",
    "take_signals",
    "unpack_value",
]

SAME_SERVER_S = 5  # between questions whether the code server is still the same
DEFINITIONS_S = 3600  # between readings of all definitions, although they are the same

# The only manager that leaves standard output and error alone, in the form of `dagster.yaml`.
NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
    "config": {},
}


def take_signals() -> None:
    """SIGTERM ends this process like Ctrl-C, also where a script started it with `&`, whose jobs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    setup_interrupt_handlers()


def ask_code_server_less() -> None:
    """Has this process ask each few seconds, not each second, whether the code server is still the same one.

    And has the daemon read all definitions anew each hour, not each minute: that question tells when they changed.
    """
    from dagster._daemon import controller
    from dagster._grpc import server_watcher

    server_watcher.WATCH_INTERVAL = SAME_SERVER_S
    controller.RELOAD_WORKSPACE_INTERVAL = DEFINITIONS_S


def ask_schema_once(instance: DagsterInstance) -> None:
    """Has Dagster's storage look once for what older releases' tables lack, not before each query.

    Those looks are half of what the daemon asks while nothing happens. The tables are of this release.
    """
    runs, schedules = instance.run_storage, instance.schedule_storage
    assert isinstance(runs, SqlRunStorage)
    assert isinstance(schedules, SqlScheduleStorage)
    for storage, look in (
        (runs, "has_run_stats_index_cols"),
        (schedules, "has_instigators_table"),
        (schedules, "_has_instigators_table"),  # what the public one asks, of a connection
    ):
        setattr(storage, look, _once(getattr(storage, look)))
    schedules.has_built_index = cache(schedules.has_built_index)  # type: ignore[method-assign]


def _once(look: Callable[..., bool]) -> Callable[..., bool]:
    answers: list[bool] = []

    def ask(*connection: object) -> bool:
        if not answers:
            answers.append(look(*connection))
        return answers[0]

    return ask


def give_instance(context: SensorEvaluationContext, instance: DagsterInstance) -> None:
    """Has a sensor's look use an instance that is open; by itself it opens one, which looks through all tables."""
    context._instance = instance


def definitions_in_process(module: str) -> InProcessWorkspaceLoadTarget:
    """A module's definitions in this process, under the name that they have on a code server."""
    loaded = LoadableTargetOrigin(executable_path=sys.executable, module_name=module)
    return InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(loaded, location_name=module))


def daemon_controller(
    instance: DagsterInstance, workspace: WorkspaceFileTarget, log_level: str
) -> "AbstractContextManager[DagsterDaemonController]":
    """All of Dagster's daemons, as `dagster-daemon run` starts them, on an instance that is open already."""
    from dagster._daemon.controller import daemon_controller_from_instance

    return daemon_controller_from_instance(instance, workspace, log_level=log_level, code_server_log_level=log_level)


def delete_check_evaluations(instance: DagsterInstance, run_ids: Sequence[str]) -> None:
    """Deletes what these runs found out by checks."""
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    with storage.index_connection() as connection:
        connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id.in_(run_ids)))


def execute_run(instance: DagsterInstance, run_id: str) -> None:
    """Executes a run in this process, and records its events and its end."""
    _execute_run_command_body(run_id, instance, lambda _: None, set_exit_code_on_failure=False)
