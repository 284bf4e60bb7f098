"""Which process executes a run, and the end of runs whose process died, on whatever host.

Dagster does not notice: a run left STARTED keeps its partition from ever being requested again. So whoever executes a
run holds a lock named by its id, which the database frees when the process ends, however it ends, or its host does.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import dagster as dg
from dagster import DagsterRun, DagsterRunStatus, RunsFilter

from facefind_pipeline.orchestration.dagster_internals import PARTITION_NAME_TAG
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.hosts import RUN_LOCK

HIDDEN, SHOWN = (
    ".dagster/facefind_",
    "facefind/",
)  # beginnings of tags: the UI leaves out the first, earlier versions' not
HOST_TAG, PID_TAG = f"{HIDDEN}host", f"{HIDDEN}pid"
LOCKED_TAG = f"{HIDDEN}locked"  # names the run itself: Dagster copies tags to a run that repeats another
RETRY_TAG = f"{HIDDEN}retry_of"
WHY_TAG = f"{SHOWN}why"  # what people see in the list of runs: the command, or what a backfill is for
OF_BEFORE_TAG = f"{SHOWN}process_started"  # of commands of versions that held no lock
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


def tag_of(run: DagsterRun, tag: str) -> str | None:
    """One of these tags of a run, which may have been begun by a version that had it shown."""
    return run.tags.get(tag, run.tags.get(tag.replace(HIDDEN, SHOWN)))


def is_of_command(run: DagsterRun) -> bool:
    """Whether a command executes it in its own process, instead of a worker."""
    return run.job_code_origin is None


@contextmanager
def executing(database: Database, run_id: str) -> Iterator[None]:
    """Holds the run's lock, in a session of its own; to be held before the run is tagged and until it has ended."""
    with database.lock(RUN_LOCK, run_id), _remembered(run_id):
        yield


@contextmanager
def executing_if_free(database: Database, run_id: str) -> Iterator[bool]:
    """As `executing`, unless another process is at the run: False then."""
    with database.lock_if_free(RUN_LOCK, run_id) as free:
        if not free:
            yield False
            return
        with _remembered(run_id):
            yield True


def execute_until_exit(database: Database, run_id: str) -> None:
    """Holds the run's lock until this process ends, as one that Dagster starts for a run does when that has ended."""
    if run_id not in _executed:
        _until_exit.enter_context(executing(database, run_id))


def unfinished_elsewhere(instance: dg.DagsterInstance, pid: int) -> list[str]:
    """What is unfinished on this instance but for the runs of a process of this host, a line for each run."""
    ours = {HOST_TAG: socket.gethostname(), PID_TAG: str(pid)}
    return [
        described(run)
        for run in instance.get_runs(RunsFilter(statuses=UNFINISHED))
        if not ours.items() <= run.tags.items()
    ]


def described(run: DagsterRun) -> str:
    """The assets that a run makes, else its job; and the partition."""
    assets = sorted(key.to_user_string() for key in run.asset_selection or ())
    partition = run.tags.get(PARTITION_NAME_TAG)
    return f"{', '.join(assets) or run.job_name}{f' of {partition}' if partition else ''}"


@contextmanager
def _remembered(run_id: str) -> Iterator[None]:
    _executed.add(run_id)
    try:
        yield
    finally:
        _executed.remove(run_id)


def unfinished_runs(instance: dg.DagsterInstance) -> list[DagsterRun]:
    """Runs that were launched or begun, and have not ended."""
    return list(instance.get_runs(RunsFilter(statuses=UNFINISHED)))


def end_dead_runs(
    instance: dg.DagsterInstance, database: Database, follow: Callable[[DagsterRun], object] = lambda _: None
) -> list[DagsterRun]:
    """Marks unfinished runs whose lock nobody holds any more as failed and frees their slots; returns them.

    Args:
        instance: of the runs.
        database: that has the locks.
        follow: called with each before it is marked, so that a backfill never sees it without what follows it.
    """
    locked = [
        run
        for run in unfinished_runs(instance)
        if tag_of(run, LOCKED_TAG) == run.run_id or _is_of_before(instance, run)
    ]
    return [run for run in locked if end_if_dead(instance, database, run, follow)]


def _is_of_before(instance: dg.DagsterInstance, run: DagsterRun) -> bool:
    """Whether an earlier version executed it; a run that repeats such a one has that one's tags before its own."""
    parent = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    inherited = parent.tags.get(OF_BEFORE_TAG) if parent else None
    return run.tags.get(OF_BEFORE_TAG) not in (None, inherited)


def end_if_dead(
    instance: dg.DagsterInstance, database: Database, run: DagsterRun, follow: Callable[[DagsterRun], object]
) -> bool:
    """As `end_dead_runs`, of one run."""
    # Under its lock, so that of two who look at once one ends it; and it may have ended by itself since it was listed.
    with database.lock_if_free(RUN_LOCK, run.run_id) as free:
        if not free or (status := _unfinished(instance, run.run_id)) is None:
            return False
        if status is DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run)
        else:
            follow(run)
            instance.report_run_failed(
                run, f"process {tag_of(run, PID_TAG)} on {tag_of(run, HOST_TAG)} died before the run ended"
            )
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        return status is not DagsterRunStatus.CANCELING


def _unfinished(instance: dg.DagsterInstance, run_id: str) -> DagsterRunStatus | None:
    now = instance.get_run_by_id(run_id)
    return None if now is None or now.is_finished else now.status
