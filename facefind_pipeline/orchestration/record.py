"""What is kept of Dagster's own record: runs that ended long ago and say nothing about what exists now are deleted.

A run's log takes 62 kB, and every night there is one per event day. What exists stays as it is, also in the UI: runs
that made it last, and those from which Dagster says what is stale, are kept however old they are.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta

import dagster as dg
import psycopg2

from facefind_pipeline.orchestration.dagster_internals import BACKFILL_ID_TAG, delete_check_evaluations
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.plurals import counted
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.queries import query


def superseded_runs(database: Database, before: datetime) -> list[str]:
    """Ids of the runs that ended before then and that nothing needs any more, oldest first."""
    with closing(psycopg2.connect(database.dagster_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(query("record/superseded_runs"), {"backfill": BACKFILL_ID_TAG, "before": before.timestamp()})
        return [run_id for (run_id,) in cursor.fetchall()]


def delete_runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Deletes runs with all that the record has of them; interrupted, it leaves whole runs."""
    for run_id in run_ids:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    delete_check_evaluations(instance, run_ids)


@dg.op
def delete_superseded_runs(context: dg.OpExecutionContext, workspace: dg.ResourceParam[Workspace]) -> None:
    """Deletes runs that ended more than FACEFIND_KEEP_RUNS days ago, but those that made what exists now."""
    days = workspace.settings.keep_runs
    if days is None:
        context.log.info("FACEFIND_KEEP_RUNS is `all`: nothing is deleted")
        return
    found = superseded_runs(workspace.database, datetime.now().astimezone() - timedelta(days=days))
    delete_runs(context.instance, found)
    context.log.info(f"{counted(len(found), 'run')} older than {counted(days, 'day')} deleted")


@dg.job
def delete_old_runs() -> None:
    """Keeps Dagster's record small: deletes old runs that say nothing about what exists now."""
    delete_superseded_runs()
