"""The job that changes which event days there are: it follows a folder that moved."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from facefind_pipeline.orchestration import examples
from facefind_pipeline.orchestration.examples import EXAMPLES
from facefind_pipeline.orchestration.partitions import forget_event_day, sync_with_tables
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.plurals import counted
from facefind_pipeline.store.root_places import here


class MoveConfig(dg.Config):
    """A folder that moved or was renamed."""

    old: str = Field(description="Absolute path as it was: of a root, of an event day, or of a folder between.")
    new: str = Field(description="Absolute path now; approved as that of event days that are added.")


@dg.op
def follow_folder(context: dg.OpExecutionContext, config: MoveConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Lets what is known of the days follow, once the new folder is seen to hold their photos."""
    from facefind_pipeline.ingest.approval import require_approved
    from facefind_pipeline.ingest.moved import move_folder

    old, new = Path(here(config.old)), Path(here(config.new))
    with workspace.database.connect() as connection:
        require_approved(connection, new, [*workspace.incoming.folders, *workspace.settings.photo_parents])
    move = move_folder(workspace.database, old, new)
    for key in move.given_up:
        forget_event_day(context.instance, key)
    sync_with_tables(context.instance, workspace.database)
    for day in move.days:
        found = f"{counted(day.same, 'photo')} found, {day.missing:,} missing, {day.new:,} new"
        context.log.info(f"{day.after.key}: {found}")


@dg.job(config=examples.config(follow_folder={"old": EXAMPLES.day_folder, "new": f"{EXAMPLES.day_folder}-renamed"}))
def move_event_days() -> None:
    """Lets what is known of event days follow a folder that moved or was renamed."""
    follow_folder()


DAY_JOBS = [move_event_days]
