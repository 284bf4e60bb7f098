"""Works off one backfill where no daemon does, in a process of its own: `python -m ... BACKFILL_ID`.

Dagster's daemon looks at backfills every 30 seconds, starts its code server anew every 60, and has all sensors at work.
This looks as soon as a look costs little beside what it leads to, and does nothing else.
"""

import logging
import os
import sys
import time

import dagster as dg

from facefind_pipeline.orchestration.daemon import FINISHED
from facefind_pipeline.orchestration.dagster_internals import (
    ModuleTarget,
    QueuedRunCoordinatorDaemon,
    WorkspaceProcessContext,
    execute_backfill_jobs,
    execute_concurrency_slots_iteration,
    execute_run_monitoring_iteration,
)
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database

LOOK_S = 1.0  # between two looks at least
LOOKING_SHARE = 1 / 20  # of one core at most, so that large backfills are looked at less often

_logger = logging.getLogger(__name__)


def work_until_ended(backfill_id: str) -> None:
    """Requests, launches and watches the backfill's runs until it has ended, or the process that started this one has.

    One at a time on a database: whoever comes second waits.
    """
    starter = os.getppid()
    target = ModuleTarget("facefind_pipeline.definitions", None, None, None)
    with (
        open_database(read_settings()).lock("backfills"),
        dg.DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, target) as workspace,
        QueuedRunCoordinatorDaemon(interval_seconds=LOOK_S) as coordinator,
    ):
        while os.getppid() == starter:
            busy = time.process_time()
            backfill = instance.get_backfill(backfill_id)
            if backfill is None or backfill.status in FINISHED:
                return
            # Each yields what went wrong, which it has logged; the next look tries again.
            for look in (
                execute_backfill_jobs(workspace, _logger, [backfill]),
                coordinator.run_iteration(workspace),
                execute_run_monitoring_iteration(workspace, _logger),
                execute_concurrency_slots_iteration(workspace, _logger),
            ):
                for _ in look:
                    pass
            time.sleep(max(LOOK_S, (time.process_time() - busy) / LOOKING_SHARE))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    work_until_ended(sys.argv[1])
