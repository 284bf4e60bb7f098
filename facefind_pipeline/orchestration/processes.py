"""Which process executes a run, and the end of runs whose process died, on whatever host.

Dagster does not notice: a run left STARTED keeps its partition from ever being requested again. So whoever executes a
run holds a lock named by its id, which the database frees when the process ends, however it ends, or its host does.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import dagster as dg
from dagster import DagsterRun, DagsterRunStatus, RunsFilter

from facefind_pipeline.store.database import Database

HOST_TAG, PID_TAG = "facefind/host", "facefind/pid"
LOCKED_TAG = "facefind/locked"  # names the run itself: Dagster copies tags to a run that repeats another
LOCK = "run"
OF_BEFORE_TAG = "facefind/process_started"  # of commands of versions that held no lock
UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]

_executed: set[str] = set()  # runs whose lock this process holds
_until_exit = ExitStack()


def process_tags(run_id: str) -> dict[str, str]:
    """Who executes a run, and that its lock is held from now on until it has ended."""
    return {HOST_TAG: socket.gethostname(), PID_TAG: str(os.getpid()), LOCKED_TAG: run_id}


@contextmanager
def executing(database: Database, run_id: str) -> Iterator[None]:
    """Holds the run's lock, in a session of its own; to be held before the run is tagged and until it has ended."""
    with database.lock(LOCK, run_id):
        _executed.add(run_id)
        try:
            yield
        finally:
            _executed.remove(run_id)


def execute_until_exit(database: Database, run_id: str) -> None:
    """Holds the run's lock until this process ends, as one that Dagster starts for a run does when that has ended."""
    if run_id not in _executed:
        _until_exit.enter_context(executing(database, run_id))


def end_dead_runs(instance: dg.DagsterInstance, database: Database) -> list[DagsterRun]:
    """Marks unfinished runs whose lock nobody holds any more as failed and frees their slots; returns them."""
    runs = instance.get_runs(RunsFilter(statuses=UNFINISHED))
    locked = [run for run in runs if run.tags.get(LOCKED_TAG) == run.run_id or _is_of_before(instance, run)]
    return [run for run in locked if _end_if_dead(instance, database, run)]


def _is_of_before(instance: dg.DagsterInstance, run: DagsterRun) -> bool:
    """Whether an earlier version executed it; a run that repeats such a one has that one's tags before its own."""
    parent = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    inherited = parent.tags.get(OF_BEFORE_TAG) if parent else None
    return run.tags.get(OF_BEFORE_TAG) not in (None, inherited)


def _end_if_dead(instance: dg.DagsterInstance, database: Database, run: DagsterRun) -> bool:
    # Under its lock, so that of two who look at once one ends it; and it may have ended by itself since it was listed.
    with database.lock_if_free(LOCK, run.run_id) as free:
        if not free or _has_ended(instance, run.run_id):
            return False
        instance.report_run_failed(
            run, f"process {run.tags[PID_TAG]} on {run.tags[HOST_TAG]} died before the run ended"
        )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        return True


def _has_ended(instance: dg.DagsterInstance, run_id: str) -> bool:
    now = instance.get_run_by_id(run_id)
    return now is None or now.is_finished
