"""Executing runs in a process that is there before and after them: a worker's."""

import logging
from collections.abc import Callable

import dagster as dg
from dagster import DagsterRun, DagsterRunStatus

from facefind_pipeline.orchestration.dagster_internals import copy_record, execute_run, make_new_run_id
from facefind_pipeline.orchestration.processes import (
    RETRY_TAG,
    end_if_dead,
    executing_if_free,
    is_of_command,
    process_tags,
)
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.outages import outage

_logger = logging.getLogger(__name__)

NOT_BEGUN = (DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING)


class NotForThisHostError(Exception):
    """Another host is to execute the run; the message says what differs here."""


def execute(
    instance: dg.DagsterInstance,
    database: Database,
    run_id: str,
    refusal: Callable[[DagsterRun], str | None] = lambda _: None,
) -> None:
    """Executes a run that was handed out, maybe again.

    One that another worker is at, or that has ended, is left alone. What a dead worker was making becomes a new run.

    Args:
        instance: of the run.
        database: that has its lock.
        run_id: its id.
        refusal: says why the run is not for this host, or nothing.

    Raises:
        NotForThisHostError: it would be made differently here.
    """
    with executing_if_free(database, run_id) as free:
        run = instance.get_run_by_id(run_id)
        if not free or run is None or run.is_finished:
            return
        if run.status in NOT_BEGUN:
            if (reason := refusal(run)) is not None:
                raise NotForThisHostError(reason)
            instance.add_run_tags(run_id, process_tags(run_id))
            try:
                execute_run(instance, run_id)
            except Exception as error:
                if outage(error) is None:
                    instance.report_run_failed(run, str(error))
                raise
            return
    end_if_dead(instance, database, run, lambda dead: repeat(instance, dead))


def repeat(instance: dg.DagsterInstance, run: DagsterRun) -> None:
    """Launches a run like this one, of the same backfill; not where a command executed it, which says how to resume.

    Nor where it repeats another itself: a photo that kills each process that reads it would be tried for ever.
    """
    if RETRY_TAG in run.tags or is_of_command(run):
        return
    new = copy_record(
        run,
        run_id=make_new_run_id(),
        status=DagsterRunStatus.NOT_STARTED,
        parent_run_id=run.run_id,
        root_run_id=run.root_run_id or run.run_id,
        tags={**run.tags, RETRY_TAG: run.run_id},
    )
    instance.add_run(new)
    try:
        instance.launch_run(new.run_id, None)  # type: ignore[arg-type]  # a workspace, of which our launchers ask nothing
    except Exception as error:
        if outage(error) is not None:
            raise
        _logger.warning("run %s can't be made again: %s", run.run_id, error)  # Dagster recorded the new one as failed
