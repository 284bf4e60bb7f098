"""Runs in the command's own process on the instance that the UI shows."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import Any, TextIO

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, DagsterExecutionInterruptedError
from dagster_shared.error import SerializableErrorInfo

from facefind_pipeline.errors import FacefindError, OutageError, said_of_memory
from facefind_pipeline.orchestration.dagster_internals import make_new_run_id
from facefind_pipeline.orchestration.partitions import sync_with_tables
from facefind_pipeline.orchestration.processes import WHY_TAG, executing, process_tags
from facefind_pipeline.orchestration.resources import NOTHING, Incoming, Workspace
from facefind_pipeline.store.outages import outage

LOST_EVENT = "Exception while writing logger call to event log"


class CheckFailedError(FacefindError):
    """A blocking check of what was made failed: nothing is to be made from it, and other partitions go on."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph on an instance, for a command that writes.

    Attributes:
        instance: that the UI shows.
        workspace: what assets are given.
        definitions: all assets.
        why: the command, as the UI names its runs; it has no arguments, which are names and paths.
    """

    instance: dg.DagsterInstance
    workspace: Workspace
    definitions: dg.Definitions
    why: str = "facefind"

    def materialize(
        self,
        assets: Sequence[str],
        partition: str | None = None,
        config: Mapping[str, Any] | None = None,
        incoming: Incoming = NOTHING,
    ) -> None:
        """Makes these assets of one partition in one run, in this process, which is handed what is `incoming`.

        Raises:
            OutageError: the database stopped, a disk is full or memory is short.
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
        run_id = make_new_run_id()
        # Ctrl-C reaches us from within a step as a failed step, and between steps as Dagster's own exception.
        try:
            with (
                executing(self.workspace.database, run_id),
                self.workspace.handing_over(incoming),
                redirect_stderr(_WithoutLostEvents(sys.stderr)),
            ):
                result = job.execute_in_process(
                    run_config={
                        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                        "ops": {op: {"config": values} for op, values in config.items()},
                    },
                    instance=self.instance,
                    tags={**process_tags(run_id), WHY_TAG: self.why},
                    run_id=run_id,
                    raise_on_error=False,
                    **selected,
                )
        except DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None
        except Exception as error:
            if (found := outage(error, self.workspace.database.data)) is not None:
                raise found from error
            raise
        if not result.success:
            if any(_interrupted(event) for event in result.all_events):
                raise KeyboardInterrupt
            failure = next(filter(None, map(_failure, result.all_events)), None)
            if failure is not None and failure.cls_name == OutageError.__name__:
                raise OutageError(_first_line(failure))
            if failure is not None and (lacking := _lacking_memory(failure)) is not None:
                raise lacking
            check_failed = any(_failed_check(event) for event in result.all_events)
            kind = CheckFailedError if check_failed else FacefindError
            reason = _first_line(failure) if failure else "the run failed"
            raise kind(f"{name}: {reason} (run {result.run_id})")


def why_failed(instance: dg.DagsterInstance, run_id: str) -> str:
    """What a failed run's step raised, else what kept it from being launched, else what ended it; one line."""
    kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.ENGINE_EVENT, DagsterEventType.RUN_FAILURE}
    events = [entry.get_dagster_event() for entry in instance.all_logs(run_id, of_type=kinds)]
    launching = [event.engine_event_data.error for event in events if event.is_engine_event]
    failure = next(filter(None, [*map(_failure, events), *launching]), None)
    if failure is not None:
        return _first_line(failure)
    ended = [event.message for event in events if event.event_type == DagsterEventType.RUN_FAILURE and event.message]
    return ended[0].splitlines()[0] if ended else "nothing says why"


class _WithoutLostEvents:
    """Standard error, but for what Dagster writes there when its storage fails, which it raises too."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if text.startswith(LOST_EVENT) else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


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


def _failure(event: DagsterEvent) -> SerializableErrorInfo | None:
    """What a failed step raised."""
    error = event.step_failure_data.error if event.is_step_failure else None
    return error and (error.cause or error)


def _lacking_memory(failure: SerializableErrorInfo) -> OutageError | None:
    """An error of a library that got no memory; our own say themselves what is wrong."""
    ours = failure.message.startswith("facefind_pipeline.")
    return None if ours else said_of_memory(failure.cls_name or "", failure.message)


def _first_line(failure: SerializableErrorInfo) -> str:
    return failure.message.strip().removeprefix(f"facefind_pipeline.errors.{failure.cls_name}: ").splitlines()[0]
