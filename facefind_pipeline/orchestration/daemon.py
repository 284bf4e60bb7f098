"""The daemon that works off backfills: whether one is at work, and one of our own for as long as it is needed."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
import psutil
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.tags import BACKFILL_ID_TAG

from facefind_pipeline.orchestration.processes import PID_TAG
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
POLL_S = 0.5


def daemon_lives(instance: dg.DagsterInstance) -> bool:
    """Whether a daemon wrote its heartbeat lately, here or on another machine."""
    heartbeat = instance.get_daemon_heartbeats().get("BACKFILL")
    return heartbeat is not None and time.time() - heartbeat.timestamp < HEARTBEAT_S


@contextmanager
def daemon_at_work(instance: dg.DagsterInstance, settings: Settings) -> Iterator[Callable[[], None]]:
    """Starts a daemon if none lives and ends it afterwards; call what it yields now and then, for one that died."""
    started: list[subprocess.Popen[bytes]] = []

    def ensure() -> None:
        if any(process.poll() is None for process in started) or daemon_lives(instance):
            return
        with (settings.dagster_home / "daemon.log").open("ab") as log:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dagster._daemon", "run", "-m", "facefind_pipeline.definitions"],
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is ours; we end it with its children
                )
            )

    try:
        ensure()
        yield ensure
        _wait_for_runs(instance, started)  # not when interrupted
    finally:
        for process in started:
            _end(process)


def wait_for_backfill(
    instance: dg.DagsterInstance, backfill_id: str, ensure_daemon: Callable[[], None], told: Callable[[int], None]
) -> BulkActionStatus:
    """Waits until the backfill has ended; `told` hears how many of its runs ended since the last call."""
    ended = 0
    while True:
        backfill = instance.get_backfill(backfill_id)
        assert backfill is not None
        now = instance.get_runs_count(RunsFilter(statuses=ENDED_RUNS, tags={BACKFILL_ID_TAG: backfill_id}))
        told(now - ended)
        ended = now
        if backfill.status in FINISHED:
            return backfill.status
        ensure_daemon()
        time.sleep(POLL_S)


def failed_partitions(instance: dg.DagsterInstance, backfill_id: str) -> list[tuple[str, str]]:
    """Partition and run id of a backfill's failed runs."""
    runs = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE], tags={BACKFILL_ID_TAG: backfill_id}))
    return [(run.tags.get("dagster/partition", ""), run.run_id) for run in runs]


def _wait_for_runs(instance: dg.DagsterInstance, started: Sequence[subprocess.Popen[bytes]]) -> None:
    """Runs that our daemon has launched for others meanwhile end before it does; those of other processes go on."""
    unfinished = RunsFilter(statuses=[DagsterRunStatus.STARTING, DagsterRunStatus.STARTED])
    while ours := {child.pid for process in started for child in _children(process)}:
        runs = instance.get_runs(unfinished)
        # A run that is starting has no process yet; one that never gets there is failed by the daemon's monitoring.
        if all(run.status is DagsterRunStatus.STARTED and int(run.tags.get(PID_TAG, 0)) not in ours for run in runs):
            return
        time.sleep(POLL_S)


def _children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Of a process that lives, all the way down; none of one that ended."""
    return psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    children = _children(process)
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
    for child in children:
        if child.is_running():
            child.kill()
