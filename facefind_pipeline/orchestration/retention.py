"""Forgetting where Dagster is: its partitions and runs go too, and event days by the clock.

What is due by the clock is announced by one night's run and forgotten by a later one: a clock that was set wrong for an
evening, or a number of days with a digit too few, forgets nothing if that is put right by then.

A person is never forgotten by a run: what a run is asked for is recorded, and would keep the name.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

import dagster as dg

from facefind_pipeline.orchestration.backfills import missing_partitions, request_backfill
from facefind_pipeline.orchestration.partitions import forget_event_day, forget_parameter_set
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.plurals import counted
from facefind_pipeline.privacy.forgetting import Forgetting
from facefind_pipeline.privacy.subject import Subject, of_day
from facefind_pipeline.progress import Progress
from facefind_pipeline.store.photos import EventDay, days_registered_before

ANNOUNCED = "facefind_retention"  # cursor: event days that are due, and when that was first announced, in ISO 8601
NOTICE = timedelta(hours=12)  # the next night's run comes 24 hours later, or 23


def forgetting_in(instance: dg.DagsterInstance, workspace: Workspace, progress: Progress) -> Forgetting:
    """What `facefind forget` and the nightly retention work with."""

    def forget_partitions(subject: Subject) -> None:
        for day in subject.days:
            forget_event_day(instance, day)
        for key in subject.sets:
            forget_parameter_set(instance, key)

    return Forgetting(workspace.database, workspace.settings, progress, forget_partitions)


def expired_days(workspace: Workspace) -> list[EventDay]:
    """Event days that were registered more than FACEFIND_KEEP_DAYS days ago; none where they are kept for ever."""
    kept = workspace.settings.keep_days
    if kept is None:
        return []
    with workspace.database.connect() as connection:
        return days_registered_before(connection, datetime.now().astimezone() - timedelta(days=kept))


@dg.op
def forget_expired(context: dg.OpExecutionContext, workspace: dg.ResourceParam[Workspace]) -> None:
    """Forgets each expired day, as `facefind forget --day` does, once an earlier night announced it.

    What an earlier night began is ended first.
    """
    forgetting = forgetting_in(context.instance, workspace, workspace.progress_for(context.log))
    with forgetting.alone():
        state = forgetting.unfinished()
        forgotten = state is not None
        if state is not None:
            context.log.info(forgetting.carry_out(state).summary())
        for day in _announced_before(context, expired_days(workspace)):
            receipt = forgetting.carry_out(forgetting.begin(partial(of_day, day=day)))
            gone, _ = receipt.rows.get("photos", (0, 0))
            context.log.info(f"an event day with {counted(gone, 'photo file')} is forgotten: {receipt.summary()}")
            forgotten = True
    if forgotten:  # results and groups went with the day, and no condition asks for what only lacks in the tables
        backfill = request_backfill(
            context.instance, missing_partitions(context.instance, workspace), "what follows forgotten days"
        )
        context.log.info(f"backfill {backfill} requested" if backfill else "nothing is missing")


def _announced_before(context: dg.OpExecutionContext, expired: Iterable[EventDay]) -> list[EventDay]:
    """Those that an earlier run announced, long enough ago; announces the others."""
    cursors, now = context.instance.daemon_cursor_storage, datetime.now().astimezone()
    before: dict[str, str] = json.loads(cursors.get_cursor_values({ANNOUNCED}).get(ANNOUNCED, "{}"))
    due, announced = [], {}
    for day in expired:
        since = datetime.fromisoformat(before.get(day.key, now.isoformat()))
        if now - since >= NOTICE:
            due.append(day)
            continue
        announced[day.key] = min(since, now).isoformat()  # one that is to come is of a clock that was ahead
        context.log.warning(f"{day.key} was kept for longer than FACEFIND_KEEP_DAYS says: the next night forgets it")
    cursors.set_cursor_values({ANNOUNCED: json.dumps(announced)})
    return due


@dg.job
def forget_expired_days() -> None:
    """Forgets event days that were kept for as long as FACEFIND_KEEP_DAYS says, and that a night before announced."""
    forget_expired()
