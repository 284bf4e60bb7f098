"""What waits in Dagster's queue, for a run that can do part of it on its way."""

from collections.abc import Set

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from facefind_pipeline.orchestration.dagster_internals import MULTIDIMENSIONAL_PARTITION_PREFIX


def waiting_sets(instance: dg.DagsterInstance, event_day: str, assets: Set[dg.AssetKey]) -> list[str]:
    """Parameter sets under which all these assets of the event day are to be made by runs that wait, the oldest first.

    Whatever asked for them: a backfill, a person or the automation.
    """
    tags = {f"{MULTIDIMENSIONAL_PARTITION_PREFIX}event_day": event_day}
    runs = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.QUEUED], tags=tags), ascending=True)
    found = [
        run.tags[f"{MULTIDIMENSIONAL_PARTITION_PREFIX}parameter_set"]
        for run in runs
        if assets <= (run.asset_selection or frozenset())
    ]
    return list(dict.fromkeys(found))
