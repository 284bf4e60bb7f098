"""Runs on the workers of several hosts, as whoever requested them sees it: what died or was lost is launched again."""

import logging

import dagster as dg
from dagster import DagsterRun

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.execution import repeat
from facefind_pipeline.orchestration.processes import end_dead_runs
from facefind_pipeline.orchestration.run_launcher import launch_lost_runs, require_broker
from facefind_pipeline.store.database import Database

_logger = logging.getLogger(__name__)


def look_after_runs(instance: dg.DagsterInstance, database: Database) -> list[DagsterRun]:
    """Launches again what dead workers were making, and what the broker lost; returns the runs of the dead ones.

    While the broker is away nothing is launched nor recorded as failed: it is looked at again.
    """
    try:
        require_broker(instance)
    except FacefindError as error:
        _logger.warning("%s", error)
        return []
    dead = end_dead_runs(instance, database, follow=lambda run: repeat(instance, run))
    launch_lost_runs(instance)
    return dead
