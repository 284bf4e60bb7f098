"""What is done by the clock."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import dagster as dg

from facefind_pipeline.orchestration.jobs import ingest_photos
from facefind_pipeline.orchestration.resources import Workspace

REHASH_WEEKDAY = 6  # Sunday


def nightly_requests(days: Iterable[str], at: datetime) -> Iterator[dg.RunRequest]:
    """One run per day; on Sundays every file is read again, so that one that changed behind its times is noticed."""
    from facefind_pipeline.ingest.photos import SETTLE_S

    config = {"settle_seconds": SETTLE_S, "rehash": at.weekday() == REHASH_WEEKDAY}
    for day in days:
        yield dg.RunRequest(
            f"{day} {at:%Y-%m-%d}", partition_key=day, run_config={"ops": {"raw_photos": {"config": config}}}
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
