"""Runs in the command's own process on the instance that the UI shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster import DagsterEvent, DagsterEventType
from dagster._core.errors import DagsterExecutionInterruptedError

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.partitions import sync_with_tables
from facefind_pipeline.orchestration.processes import process_tags
from facefind_pipeline.orchestration.resources import NOTHING, Incoming, Workspace


class CheckFailedError(FacefindError):
    """A blocking check of what was made failed: nothing is to be made from it, and other partitions go on."""


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
        self,
        assets: Sequence[str],
        partition: str | None = None,
        config: Mapping[str, Any] | None = None,
        incoming: Incoming = NOTHING,
    ) -> None:
        """Makes these assets of one partition in one run, in this process, which is handed what is `incoming`.

        Raises:
            CheckFailedError: a blocking check failed.
            FacefindError: a step failed; the message is its error's, with the run's id to look up in the UI.
        """
        job = self.definitions.resolve_implicit_global_asset_job_def()
        selection = [dg.AssetKey(asset) for asset in assets]
        name = ", ".join(assets) + (f" [{partition}]" if partition else "")
        self._execute(name, job, config or {}, incoming, partition_key=partition, asset_selection=selection)

    def run_job(self, job: str, config: Mapping[str, Any], incoming: Incoming = NOTHING) -> None:
        """Executes a job that has no assets, in this process; `config` is by op.

        Raises:
            FacefindError: as `materialize`.
        """
        self._execute(job, self.definitions.resolve_job_def(job), config, incoming)

    def sync_partitions(self) -> None:
        """Tells Dagster of the event days and parameter sets that the tables have."""
        sync_with_tables(self.instance, self.workspace.database)

    def _execute(
        self, name: str, job: dg.JobDefinition, config: Mapping[str, Any], incoming: Incoming, **selected: Any
    ) -> None:
        # Ctrl-C reaches us from within a step as a failed step, and between steps as Dagster's own exception.
        try:
            with self.workspace.handing_over(incoming):
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
            check_failed = any(_failed_check(event) for event in result.all_events)
            error = CheckFailedError if check_failed else FacefindError
            raise error(f"{name}: {_reason(result)} (run {result.run_id})")


def _interrupted(event: DagsterEvent) -> bool:
    error = event.step_failure_data.error if event.is_step_failure else None
    interruptions = (DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__)
    return error is not None and any(part.cls_name in interruptions for part in (error, error.cause) if part)


def _failed_check(event: DagsterEvent) -> bool:
    return (
        event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION
        and event.asset_check_evaluation_data.blocking is True
        and not event.asset_check_evaluation_data.passed
        and event.asset_check_evaluation_data.severity == dg.AssetCheckSeverity.ERROR
    )


def _reason(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error:
            error = event.step_failure_data.error
            cause = error.cause or error
            return cause.message.strip().removeprefix("facefind_pipeline.errors.FacefindError: ").splitlines()[0]
    return "the run failed"
