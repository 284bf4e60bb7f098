"""Works off one backfill, whose id it reads from standard input, where no daemon does: a process of its own.

Dagster's daemon looks at backfills every 30 seconds, starts its code server anew every 60, and has all sensors at work.
This has the definitions in its own process, looks for what follows as soon as a run has ended, before that as often as
costs little, and does nothing else.
"""

import logging
import os
import sys
import time
from collections.abc import Iterable
from importlib import import_module

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from facefind_pipeline.environment import libraries_are_loaded
from facefind_pipeline.orchestration.code_server import MODULE
from facefind_pipeline.orchestration.daemon import ENDED_RUNS, FINISHED
from facefind_pipeline.orchestration.dagster_internals import (
    BACKFILL_ID_TAG,
    QueuedRunCoordinatorDaemon,
    WorkspaceProcessContext,
    definitions_in_process,
    execute_backfill_jobs,
    execute_concurrency_slots_iteration,
    execute_run_monitoring_iteration,
)
from facefind_pipeline.orchestration.execution import repeat
from facefind_pipeline.orchestration.instance import keep_connections, know_pools
from facefind_pipeline.orchestration.processes import end_dead_runs
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database, open_database

GLANCE_S = 0.1  # between two glances at how many runs have not ended
LOOK_S = 1.0  # between two looks at the queue and at the runs' processes, while none has ended
# Of one core at most, for looks at the backfill: a look at a large one takes seconds.
SHARE_BESIDE_RUNS = 1 / 20
SHARE_AFTER_NEWS = 1 / 2
AT_WORK = [status for status in DagsterRunStatus if status not in ENDED_RUNS]

_logger = logging.getLogger(__name__)


def work_until_ended(backfill_id: str) -> None:
    """Requests, launches and watches the backfill's runs until it has ended, or the process that started this one has.

    One at a time on a database: whoever comes second waits.
    """
    starter = os.getppid()
    settings = read_settings()
    database = open_database(settings)
    with (
        database.lock("backfills"),
        dg.DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, definitions_in_process(MODULE)) as workspace,
        QueuedRunCoordinatorDaemon(interval_seconds=LOOK_S) as coordinator,
    ):
        keep_connections(instance)
        know_pools(instance)
        of_it = RunsFilter(tags={BACKFILL_ID_TAG: backfill_id}, statuses=AT_WORK)
        looked, look_of_backfill, cost_s, before = 0.0, 0.0, 0.0, 0
        while os.getppid() == starter:
            at_work = instance.get_runs_count(of_it)
            news, before = at_work != before or not at_work, at_work
            if not news and time.monotonic() < looked + LOOK_S:
                time.sleep(GLANCE_S)
                continue
            looked = time.monotonic()
            backfill = instance.get_backfill(backfill_id)
            if backfill is None or backfill.status in FINISHED:
                return
            _carry_out(coordinator.run_iteration(workspace))
            if looked >= look_of_backfill + cost_s / (SHARE_AFTER_NEWS if news else SHARE_BESIDE_RUNS):
                busy = time.process_time()
                _carry_out(execute_backfill_jobs(workspace, _logger, [backfill]))
                look_of_backfill, cost_s = time.monotonic(), time.process_time() - busy
            _carry_out(execute_run_monitoring_iteration(workspace, _logger))
            _carry_out(execute_concurrency_slots_iteration(workspace, _logger))
            _look_after_runs(instance, database, settings)
            time.sleep(GLANCE_S)


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
    import_module(MODULE)
    libraries_are_loaded()
    if given := sys.stdin.readline().strip():  # nothing where whoever started it had nothing to do, or is no more
        work_until_ended(given)
