"""What is done by the clock."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import dagster as dg

from facefind_pipeline.orchestration.jobs import ingest_photos
from facefind_pipeline.orchestration.priorities import AUTOMATION
from facefind_pipeline.orchestration.record import delete_old_runs
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.retention import expired_days, forget_expired_days

REHASH_WEEKDAY = 6  # Sunday


def nightly_requests(days: Iterable[str], at: datetime) -> Iterator[dg.RunRequest]:
    """One run per day; on Sundays every file is read again, so that one that changed behind its times is noticed."""
    from facefind_pipeline.ingest.photos import SETTLE_S

    config = {"settle_seconds": SETTLE_S, "rehash": at.weekday() == REHASH_WEEKDAY}
    for day in days:
        yield dg.RunRequest(
            f"{day} {at:%Y-%m-%d}",
            partition_key=day,
            run_config={"ops": {"raw_photos": {"config": config}}},
            tags=AUTOMATION,
        )


@dg.schedule(
    job=ingest_photos,
    cron_schedule="0 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks at all event days again at three in the morning; on Sundays reads every file.",
)
def nightly_reingestion(
    context: dg.ScheduleEvaluationContext, workspace: dg.ResourceParam[Workspace]
) -> Iterator[dg.RunRequest]:
    """A run for each day that Dagster knows."""
    from facefind_pipeline.store import photos

    registered = context.instance.get_dynamic_partitions("event_day")
    with workspace.database.connect() as connection:
        days = [day.key for day in photos.days(connection) if day.key in registered]
    yield from nightly_requests(days, context.scheduled_execution_time)


@dg.schedule(
    job=delete_old_runs,
    cron_schedule="0 5 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Deletes runs older than FACEFIND_KEEP_RUNS days at five in the morning, but those that made what "
    "exists now.",
)
def nightly_deletion_of_runs(workspace: dg.ResourceParam[Workspace]) -> dg.RunRequest | dg.SkipReason:
    """One run, unless all are kept."""
    if workspace.settings.keep_runs is None:
        return dg.SkipReason("FACEFIND_KEEP_RUNS is `all`")
    return dg.RunRequest(tags=AUTOMATION)


@dg.schedule(
    job=forget_expired_days,
    cron_schedule="0 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Forgets event days that were registered more than FACEFIND_KEEP_DAYS days ago, at night.",
)
def nightly_forgetting(workspace: dg.ResourceParam[Workspace]) -> dg.RunRequest | dg.SkipReason:
    """One run where there is such a day."""
    if not expired_days(workspace):
        return dg.SkipReason("no event day is older than FACEFIND_KEEP_DAYS")
    return dg.RunRequest()


SCHEDULES = [nightly_reingestion, nightly_forgetting, nightly_deletion_of_runs]
