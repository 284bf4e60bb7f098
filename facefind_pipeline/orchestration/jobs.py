"""Jobs beside the assets: what is watched and worked on is registered in runs too, from the command or the UI."""

from enum import Enum
from pathlib import Path

import dagster as dg
from pydantic import Field

from facefind_pipeline.orchestration.partitions import sync_with_tables
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.parameters import ALIASES


class IndexMethod(Enum):
    """How a set's vectors are indexed; Dagster's forms offer these names."""

    auto = "auto"
    hnsw = "hnsw"
    ivfflat = "ivfflat"
    none = "none"


class EventDaysConfig(dg.Config):
    """A folder of photos: one event day, or one for each of its subfolders."""

    folder: str = Field(description="Absolute path; watched from then on.")
    day_name: str | None = Field(default=None, description="Name of the event day, in place of the folder's.")


class ParameterSetsConfig(dg.Config):
    """Parameter sets to register and activate."""

    keys: list[str] = Field(description=f"Canonical keys or aliases, as {ALIASES['default']} or recommended.")
    index: IndexMethod | None = Field(
        default=None, description="Approximate index of each; unchanged, or auto for a new set, if left out."
    )


class DefaultSetConfig(dg.Config):
    """The set that `find` asks and the view `pictures` shows."""

    key: str


@dg.op
def register_event_days(
    context: dg.OpExecutionContext, config: EventDaysConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Registers the folder's event days; those whose folder is gone are marked unavailable and kept."""
    from facefind_pipeline.ingest.register import register_folder

    folder = register_folder(workspace.database, Path(config.folder), config.day_name)
    sync_with_tables(context.instance, workspace.database)
    context.log.info(f"{config.folder}: event days {', '.join(day.key for day in folder.days) or 'none'}")
    for day in folder.gone:
        context.log.warning(f"{day.path} is gone: event day {day.key} is marked unavailable, nothing was deleted")


@dg.op
def register_parameter_sets(
    context: dg.OpExecutionContext, config: ParameterSetsConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Registers and activates each set and makes its table; one that can't be used stops nothing that came before."""
    from facefind_pipeline.ingest.register import register_set

    try:
        for key in config.keys:
            parameters = register_set(workspace.database, workspace.settings, key, config.index and config.index.value)
            context.log.info(f"{parameters.key} is registered and active")
    finally:
        sync_with_tables(context.instance, workspace.database)


@dg.op
def set_default_set(config: DefaultSetConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Makes a registered set the default."""
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.store import parameter_sets

    with workspace.database.connect() as connection:
        parameter_sets.set_default(connection, ParameterSet.parse(config.key).key)


@dg.job
def add_event_days() -> None:
    """Registers the event days of a folder; it is watched from then on."""
    register_event_days()


@dg.job
def add_parameter_sets() -> None:
    """Registers and activates parameter sets; their partitions are then filled by a backfill or by automation."""
    register_parameter_sets()


@dg.job
def choose_default_set() -> None:
    """Chooses the set that `find` asks and the view `pictures` shows."""
    set_default_set()


JOBS = [add_event_days, add_parameter_sets, choose_default_set]
