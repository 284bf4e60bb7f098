"""Which process executes a run, and the end of runs whose process died.

Dagster does not notice: a run left STARTED keeps its partition from ever being requested again.
"""

import os
import socket

import dagster as dg
import psutil
from dagster import DagsterRun, DagsterRunStatus, RunsFilter

HOST_TAG, PID_TAG, STARTED_TAG = "facefind/host", "facefind/pid", "facefind/process_started"
UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def process_tags() -> dict[str, str]:
    """Who executes a run, so that its end can be told from outside: host, process and when that began."""
    return {
        HOST_TAG: socket.gethostname(),
        PID_TAG: str(os.getpid()),
        STARTED_TAG: f"{psutil.Process().create_time():.2f}",
    }


def end_dead_runs(instance: dg.DagsterInstance) -> list[DagsterRun]:
    """Marks unfinished runs of this host's dead processes as failed and frees their slots; returns them."""
    runs = instance.get_runs(RunsFilter(statuses=UNFINISHED, tags={HOST_TAG: socket.gethostname()}))
    dead = [
        run
        for run in runs
        if not _lives(int(run.tags[PID_TAG]), run.tags[STARTED_TAG]) and not _starts_with_parents_tags(instance, run)
    ]
    for run in dead:
        instance.report_run_failed(run, f"process {run.tags[PID_TAG]} died before the run ended")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return dead


def _starts_with_parents_tags(instance: dg.DagsterInstance, run: DagsterRun) -> bool:
    """Whether the tags are still those that Dagster copied from the run that this one repeats."""
    parent = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    return parent is not None and all(parent.tags.get(tag) == run.tags[tag] for tag in (PID_TAG, STARTED_TAG))


def _lives(pid: int, started: str) -> bool:
    try:
        process = psutil.Process(pid)
        # A zombie is dead; and a process number is given again after a while.
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - float(started)) < 1
    except psutil.NoSuchProcess:
        return False
