"""Runs in the command's own process on the instance that the UI shows, and the end of runs whose process died."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
import psutil
from dagster import DagsterEvent, DagsterEventType, DagsterRunStatus, RunsFilter
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.errors import DagsterExecutionInterruptedError

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.partitions import sync_with_tables
from facefind_pipeline.orchestration.resources import Workspace

HOST_TAG, PID_TAG, STARTED_TAG = "facefind/host", "facefind/pid", "facefind/process_started"
UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph on an instance, for a command that writes.

    Attributes:
        instance: that the UI shows.
        workspace: what assets are given.
        definitions: all assets.
    """

    instance: dg.DagsterInstance
    workspace: Workspace
    definitions: dg.Definitions

    def materialize(
        self, assets: Sequence[str], partition: str | None = None, config: Mapping[str, Any] | None = None
    ) -> None:
        """Makes these assets of one partition in one run, in this process.

        Raises:
            FacefindError: a step failed; the message is its error's, with the run's id to look up in the UI.
        """
        job = self.definitions.resolve_implicit_global_asset_job_def()
        selection = [dg.AssetKey(asset) for asset in assets]
        name = ", ".join(assets) + (f" [{partition}]" if partition else "")
        self._execute(name, job, config or {}, partition_key=partition, asset_selection=selection)

    def run_job(self, job: str, config: Mapping[str, Any]) -> None:
        """Executes a job that has no assets, in this process; `config` is by op.

        Raises:
            FacefindError: as `materialize`.
        """
        self._execute(job, self.definitions.resolve_job_def(job), config)

    def recorded_versions(self, asset: str, partitions: Sequence[str]) -> dict[str, str]:
        """The data version of each partition when it was last made; partitions never made are missing."""
        tags = self.instance.event_log_storage.get_latest_tags_by_partition(
            dg.AssetKey(asset), DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG], list(partitions)
        )
        return {partition: values[DATA_VERSION_TAG] for partition, values in tags.items()}

    def sync_partitions(self) -> None:
        """Tells Dagster of the event days and parameter sets that the tables have."""
        sync_with_tables(self.instance, self.workspace.database)

    def _execute(self, name: str, job: dg.JobDefinition, config: Mapping[str, Any], **selected: Any) -> None:
        # Ctrl-C reaches us from within a step as a failed step, and between steps as Dagster's own exception.
        try:
            result = job.execute_in_process(
                run_config={
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    "ops": {op: {"config": values} for op, values in config.items()},
                },
                instance=self.instance,
                tags=process_tags(),
                raise_on_error=False,
                **selected,
            )
        except DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None
        if not result.success:
            if any(_interrupted(event) for event in result.all_events):
                raise KeyboardInterrupt
            raise FacefindError(f"{name}: {_reason(result)} (run {result.run_id})")


def process_tags() -> dict[str, str]:
    """Who executes a run, so that its end can be told from outside: host, process and when that began."""
    return {
        HOST_TAG: socket.gethostname(),
        PID_TAG: str(os.getpid()),
        STARTED_TAG: f"{psutil.Process().create_time():.2f}",
    }


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Marks unfinished runs of this host's dead processes as failed and frees their slots; returns their ids.

    Dagster does not: a run left STARTED keeps its partition from ever being requested again.
    """
    ended = []
    runs = instance.get_runs(RunsFilter(statuses=UNFINISHED, tags={HOST_TAG: socket.gethostname()}))
    for run in runs:
        if not _lives(int(run.tags[PID_TAG]), run.tags[STARTED_TAG]):
            instance.report_run_failed(run, f"process {run.tags[PID_TAG]} died before the run ended")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended


def _lives(pid: int, started: str) -> bool:
    try:
        process = psutil.Process(pid)
        # A zombie is dead; and a process number is given again after a while.
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - float(started)) < 1
    except psutil.NoSuchProcess:
        return False


def _interrupted(event: DagsterEvent) -> bool:
    error = event.step_failure_data.error if event.is_step_failure else None
    interruptions = (DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__)
    return error is not None and any(part.cls_name in interruptions for part in (error, error.cause) if part)


def _reason(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            error = event.step_failure_data.error
            cause = error.cause or error
            return cause.message.strip().removeprefix("facefind_pipeline.errors.FacefindError: ").splitlines()[0]
    return "the run failed"
