"""Works off one backfill where no daemon does, in a process of its own: `python -m ... BACKFILL_ID`.

Dagster's daemon looks at backfills every 30 seconds, starts its code server anew every 60, and has all sensors at work.
This looks for what follows once all that it launched has ended, before that as often as costs little, and does nothing
else.
"""

import logging
import os
import sys
import time
from collections.abc import Iterable

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from facefind_pipeline.orchestration.daemon import ENDED_RUNS, FINISHED
from facefind_pipeline.orchestration.dagster_internals import (
    BACKFILL_ID_TAG,
    ModuleTarget,
    QueuedRunCoordinatorDaemon,
    WorkspaceProcessContext,
    execute_backfill_jobs,
    execute_concurrency_slots_iteration,
    execute_run_monitoring_iteration,
)
from facefind_pipeline.orchestration.execution import repeat
from facefind_pipeline.orchestration.processes import end_dead_runs
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database, open_database

LOOK_S = 1.0  # between two looks at the queue and at the runs' processes
# Of one core at most, for looks at the backfill: a look at a large one takes seconds.
SHARE_BESIDE_RUNS = 1 / 20
SHARE_WHILE_NOTHING_RUNS = 1 / 2
AT_WORK = [status for status in DagsterRunStatus if status not in ENDED_RUNS]

_logger = logging.getLogger(__name__)


def work_until_ended(backfill_id: str) -> None:
    """Requests, launches and watches the backfill's runs until it has ended, or the process that started this one has.

    One at a time on a database: whoever comes second waits.
    """
    starter = os.getppid()
    settings = read_settings()
    database = open_database(settings)
    target = ModuleTarget("facefind_pipeline.definitions", None, None, None)
    with (
        database.lock("backfills"),
        dg.DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, target) as workspace,
        QueuedRunCoordinatorDaemon(interval_seconds=LOOK_S) as coordinator,
    ):
        looked_at, cost_s = 0.0, 0.0
        while os.getppid() == starter:
            backfill = instance.get_backfill(backfill_id)
            if backfill is None or backfill.status in FINISHED:
                return
            runs = RunsFilter(tags={BACKFILL_ID_TAG: backfill_id}, statuses=AT_WORK)
            share = SHARE_BESIDE_RUNS if instance.get_runs_count(runs) else SHARE_WHILE_NOTHING_RUNS
            if time.monotonic() >= looked_at + cost_s / share:
                busy = time.process_time()
                _carry_out(execute_backfill_jobs(workspace, _logger, [backfill]))
                looked_at, cost_s = time.monotonic(), time.process_time() - busy
            _carry_out(coordinator.run_iteration(workspace))
            _carry_out(execute_run_monitoring_iteration(workspace, _logger))
            _carry_out(execute_concurrency_slots_iteration(workspace, _logger))
            _look_after_runs(instance, database, settings)
            time.sleep(LOOK_S)


def _carry_out(look: Iterable[object]) -> None:
    """Each yields what went wrong, which it has logged; the next look tries again."""
    for _ in look:
        pass


def _look_after_runs(instance: dg.DagsterInstance, database: Database, settings: Settings) -> None:
    if settings.broker_url:
        from facefind_pipeline.orchestration.hosts import look_after_runs

        look_after_runs(instance, database)
    else:
        end_dead_runs(instance, database, follow=lambda run: repeat(instance, run))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    work_until_ended(sys.argv[1])
