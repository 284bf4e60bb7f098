"""What is used of Dagster's own insides: no other module imports a name from `dagster._`.

Dagster promises nothing about these names from one release to the next. Each has its reason here, and what is expected
of it in the test of this module.
"""

from typing import TYPE_CHECKING

from dagster import DagsterInstance
from dagster._core.definitions.assets.graph.asset_graph_subset import (
    AssetGraphSubset,  # which partitions of which assets a backfill makes; `dg.RunRequest` knows one partition
)
from dagster._core.definitions.data_version import (
    DATA_VERSION_TAG,  # by which one query reads the data versions of all partitions; the public way is one event each
)
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # what the public `define_asset_job` returns; its type has no public name
)
from dagster._core.execution.backfill import (
    BulkActionStatus,  # of a backfill; the public API has no backfills outside the UI
    PartitionBackfill,  # what the UI makes when somebody selects partitions there
)
from dagster._core.instance.ref import (
    InstanceRef,  # opens an instance with some settings replaced, which `DagsterInstance.get` can't
)
from dagster._core.storage.tags import (
    BACKFILL_ID_TAG,  # of a backfill's runs
    MULTIDIMENSIONAL_PARTITION_PREFIX,  # of the tags that name each dimension of a run's partition
    PARTITION_NAME_TAG,  # of a run's partition
)
from dagster._core.utils import (
    make_new_backfill_id,  # in the form by which the UI finds a backfill
    make_new_run_id,  # of a run whose lock is to be held before it begins
)
from dagster._core.workspace.context import (
    WorkspaceProcessContext,  # a code server and its definitions, for the web server and for working off a backfill
)
from dagster._core.workspace.load_target import (
    ModuleTarget,  # what `dagster dev -m MODULE` serves
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
from dagster._utils.interrupts import (
    setup_interrupt_handlers,  # SIGTERM ends like Ctrl-C, as in Dagster's own processes
)
from dagster._utils.log import (
    configure_loggers,  # levels and format of Dagster's own processes
)

if TYPE_CHECKING:
    from dagster._cli.proxy_server_manager import ProxyServerManager

__all__ = [
    "BACKFILL_ID_TAG",
    "DAEMON_MODULE",
    "DATA_VERSION_TAG",
    "MULTIDIMENSIONAL_PARTITION_PREFIX",
    "NO_COMPUTE_LOGS",
    "PARTITION_NAME_TAG",
    "AssetGraphSubset",
    "BulkActionStatus",
    "InstanceRef",
    "ModuleTarget",
    "PartitionBackfill",
    "QueuedRunCoordinatorDaemon",
    "UnresolvedAssetJobDefinition",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "configure_loggers",
    "execute_backfill_jobs",
    "execute_concurrency_slots_iteration",
    "execute_run_monitoring_iteration",
    "make_new_backfill_id",
    "make_new_run_id",
    "proxy_servers",
    "setup_interrupt_handlers",
]

# `dagster-daemon` is the same, but a script that need not be on the PATH.
DAEMON_MODULE = "dagster._daemon"
# The only manager that leaves standard output and error alone, in the form of `dagster.yaml`.
NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
    "config": {},
}


def proxy_servers(instance: DagsterInstance, target: ModuleTarget, log_level: str) -> "ProxyServerManager":
    """The code server that `dagster dev` shares between its web server and its daemon; a context manager.

    Without it each would start one of its own. Imported here, since no command needs these 30 ms.
    """
    from dagster._cli.proxy_server_manager import ProxyServerManager

    return ProxyServerManager(instance, target, log_level)
