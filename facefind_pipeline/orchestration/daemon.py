"""Waiting for a backfill, which a daemon works off, or a process of our own where none is at work."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import psutil
from dagster import DagsterRun, DagsterRunStatus, RunsFilter

from facefind_pipeline.environment import child_environment
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration import warm_workers
from facefind_pipeline.orchestration.dagster_internals import BACKFILL_ID_TAG, BulkActionStatus
from facefind_pipeline.orchestration.processes import RETRY_TAG
from facefind_pipeline.orchestration.semaphores import require_semaphores
from facefind_pipeline.settings import Settings

HEARTBEAT_S = 60  # a daemon writes one every 30 s
FINISHED = (
    BulkActionStatus.COMPLETED,
    BulkActionStatus.COMPLETED_SUCCESS,
    BulkActionStatus.COMPLETED_FAILED,
    BulkActionStatus.FAILED,
    BulkActionStatus.CANCELED,
)
ENDED_RUNS = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
WAITING_RUNS = [DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING]
POLL_S = 0.3
WORKER_TRIES = 3


def daemon_lives(instance: dg.DagsterInstance) -> bool:
    """Whether a daemon wrote its heartbeat lately, here or on another machine.

    One that is far to come is of a daemon that ended before the clock was put back: it would be waited for in vain.
    """
    heartbeat = instance.get_daemon_heartbeats().get("BACKFILL")
    return heartbeat is not None and abs(time.time() - heartbeat.timestamp) < HEARTBEAT_S


@contextmanager
def standing_by(instance: dg.DagsterInstance, settings: Settings) -> "Iterator[subprocess.Popen[bytes] | None]":
    """A process that is to work a backfill off, and one for its first run, where no daemon is at work.

    They take two seconds to start, in which the backfill is planned.

    Raises:
        FacefindError: no runs can be started here.
    """
    if daemon_lives(instance):
        yield None
        return
    worker = _start_worker(instance, settings)
    try:
        if not settings.broker_url:
            warm_workers.start_ahead(settings)
        yield worker
    finally:
        _end(worker)


def work_off(
    instance: dg.DagsterInstance,
    settings: Settings,
    backfill_id: str,
    advance: Callable[[int], None],
    worker: "subprocess.Popen[bytes] | None" = None,
) -> BulkActionStatus:
    """Waits until the backfill has ended; where no daemon is at work, a process of our own works it off meanwhile.

    Args:
        instance: that the backfill was requested on, whose variables are in this process's environment.
        settings: whose home takes what that process writes.
        backfill_id: of a requested backfill.
        advance: called with how many of its asset partitions ended since the last call, made or failed.
        worker: one that is standing by.

    Raises:
        FacefindError: that process could not start runs here, or failed again and again.
    """
    failures = 0
    ended = _EndedRuns(instance, backfill_id)
    try:
        if worker is not None:
            _give(worker, backfill_id)
        while True:
            backfill = instance.get_backfill(backfill_id)
            assert backfill is not None
            advance(sum(len(run.asset_selection or ()) for run in ended.since_last_look() if RETRY_TAG not in run.tags))
            if backfill.status in FINISHED:
                if worker is not None:
                    _end(worker)
                return backfill.status
            if (worker is None or worker.poll() is not None) and not daemon_lives(instance):
                failures += worker is not None and worker.returncode != 0
                if failures == WORKER_TRIES:
                    raise FacefindError(f"backfill {backfill_id} can't be worked off: {_log(settings)} says why")
                worker = _start_worker(instance, settings)
                _give(worker, backfill_id)
            time.sleep(POLL_S)
    except BaseException:
        if worker is not None:
            _end(worker)
            if (backfill := instance.get_backfill(backfill_id)) and backfill.status not in FINISHED:
                canceled = backfill.with_status(BulkActionStatus.CANCELED)  # type: ignore[no-untyped-call]
                instance.update_backfill(canceled)
                if settings.broker_url:
                    _cancel_waiting(instance, backfill_id)
        raise


def _cancel_waiting(instance: dg.DagsterInstance, backfill_id: str) -> None:
    """Cancels what no host has begun; what hosts are at they finish."""
    for run in instance.get_runs(RunsFilter(statuses=WAITING_RUNS, tags={BACKFILL_ID_TAG: backfill_id})):
        instance.run_coordinator.cancel_run(run.run_id)


def failed_runs(instance: dg.DagsterInstance, backfill_id: str) -> list[DagsterRun]:
    """A backfill's, but for those that another run repeated."""
    runs = instance.get_runs(RunsFilter(statuses=ENDED_RUNS, tags={BACKFILL_ID_TAG: backfill_id}))
    repeated = {run.tags.get(RETRY_TAG) for run in runs}
    return [run for run in runs if run.status is DagsterRunStatus.FAILURE and run.run_id not in repeated]


class _EndedRuns:
    """Of a backfill; each is seen once, and few are read at a look, however many there are."""

    def __init__(self, instance: dg.DagsterInstance, backfill_id: str) -> None:
        self._instance = instance
        self._tags = {BACKFILL_ID_TAG: backfill_id}
        self._seen: set[str] = set()
        self._newest: datetime | None = None

    def since_last_look(self) -> list[DagsterRun]:
        after = self._newest and self._newest - timedelta(seconds=1)  # so that none of the same instant is missed
        records = self._instance.get_run_records(
            RunsFilter(statuses=ENDED_RUNS, tags=self._tags, updated_after=after), order_by="update_timestamp"
        )
        new = [record.dagster_run for record in records if record.dagster_run.run_id not in self._seen]
        self._seen |= {run.run_id for run in new}
        self._newest = max((record.update_timestamp for record in records), default=self._newest)
        return new


def _log(settings: Settings) -> Path:
    return settings.dagster_home / "backfills.log"


def _start_worker(instance: dg.DagsterInstance, settings: Settings) -> "subprocess.Popen[bytes]":
    """A process that loads what it needs, and then waits for a backfill."""
    if settings.broker_url:
        from facefind_pipeline.orchestration.run_launcher import require_broker

        require_broker(instance)
    else:
        require_semaphores()
    with _log(settings).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "facefind_pipeline.orchestration.backfill_worker"],
            stdout=log,
            stderr=log,
            stdin=subprocess.PIPE,
            cwd=settings.home,
            env=child_environment(settings),
            start_new_session=True,  # Ctrl-C is ours; we end it with its children
        )


def _give(worker: "subprocess.Popen[bytes]", backfill_id: str) -> None:
    assert worker.stdin is not None
    with suppress(BrokenPipeError), worker.stdin as told:  # it has ended, which whoever waits will see
        told.write(f"{backfill_id}\n".encode())


def _end(worker: "subprocess.Popen[bytes]") -> None:
    """Ends the process with its code server and runs: asked first, so that the runs are recorded as ended."""
    if worker.poll() is not None:
        return
    process = psutil.Process(worker.pid)
    family = [*process.children(recursive=True), process]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.terminate()
    for member in psutil.wait_procs(family, timeout=20)[1]:
        with suppress(psutil.NoSuchProcess):
            member.kill()
