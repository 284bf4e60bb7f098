"""The jobs that change which event days there are: one follows a folder that moved, one takes days out."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from facefind_pipeline.orchestration.partitions import forget_event_day, require_idle, sync_with_tables
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.plurals import counted
from facefind_pipeline.store.root_places import here


class MoveConfig(dg.Config):
    """A folder that moved or was renamed."""

    old: str = Field(description="Absolute path as it was: of a root, of an event day, or of a folder between.")
    new: str = Field(description="Absolute path now; approved as that of event days that are added.")


class ForgetConfig(dg.Config):
    """Event days to take out."""

    days: list[str] = Field(description="Their keys.")


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


@dg.op
def forget_days(context: dg.OpExecutionContext, config: ForgetConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Takes each day out with what its photos alone led to, and Dagster's own record of it."""
    from facefind_pipeline.ingest.forget import forget_day

    for key in config.days:
        require_idle(context.instance, key)
        taken = forget_day(workspace.database, workspace.settings, key)
        forget_event_day(context.instance, key)
        context.log.info(f"{key}: {counted(taken.photos, 'photo')} and {counted(taken.faces, 'face')} taken out")


@dg.job
def move_event_days() -> None:
    """Lets what is known of event days follow a folder that moved or was renamed."""
    follow_folder()


@dg.job
def forget_event_days() -> None:
    """Takes event days out. Their files stay, and their folders are left out until they are given by name."""
    forget_days()
