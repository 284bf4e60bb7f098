"""Dagster's daemon, with connections that it keeps: `python -m ... WORKSPACE_FILE`.

The one that `dagster-daemon run` starts connects anew for each thing it asks of the database, some ten times a second
while nothing happens.
"""

import sys
from contextlib import suppress

import dagster as dg

from facefind_pipeline.orchestration.dagster_internals import (
    WorkspaceFileTarget,
    ask_code_server_less,
    capture_interrupts,
    daemon_controller,
    take_signals,
)
from facefind_pipeline.orchestration.instance import keep_connections, know_pools

LOG_LEVEL = "warning"  # at `info` it writes a hundred lines a minute


def main() -> None:
    """Runs until this process is told to end."""
    take_signals()
    ask_code_server_less()
    with suppress(KeyboardInterrupt), capture_interrupts(), dg.DagsterInstance.get() as instance:
        keep_connections(instance)
        know_pools(instance)
        with daemon_controller(instance, WorkspaceFileTarget([sys.argv[1]]), LOG_LEVEL) as controller:
            controller.check_daemon_loop()


if __name__ == "__main__":
    main()
