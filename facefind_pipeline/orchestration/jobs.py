"""Jobs beside the assets: what is watched and worked on is registered in runs too, from the command or the UI."""

from enum import Enum
from pathlib import Path

import dagster as dg
from pydantic import Field

from facefind_pipeline.orchestration import examples
from facefind_pipeline.orchestration.dagster_internals import UnresolvedAssetJobDefinition
from facefind_pipeline.orchestration.examples import EXAMPLES
from facefind_pipeline.orchestration.partitions import fingerprint_observation, sync_with_tables
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.path_text import printable
from facefind_pipeline.plurals import counted
from facefind_pipeline.set_names import ALIASES, DEFAULT
from facefind_pipeline.store.root_places import here

SET = f"Key or name of a registered set; {DEFAULT} is the default one."
NAMES = f"{', '.join(ALIASES)}; {DEFAULT} is the default set of this home"


class IndexMethod(Enum):
    """How a set's vectors are indexed; Dagster's forms offer these names."""

    auto = "auto"
    hnsw = "hnsw"
    ivfflat = "ivfflat"
    none = "none"


class EventDaysConfig(dg.Config):
    """A folder of photos: one event day, or one for each of its subfolders."""

    folder: str = Field(
        description="Absolute path of a folder below one that a command was given or below FACEFIND_PHOTO_PARENTS; "
        "watched from then on."
    )
    day_name: str | None = Field(default=None, description="Name of the event day, in place of the folder's.")
    by_name: bool = Field(default=True, description="Take this folder again if it was forgotten.")


class ParameterSetsConfig(dg.Config):
    """Parameter sets to register and activate."""

    keys: list[str] = Field(description=f"Canonical keys, as {ALIASES['hog']}, or {NAMES}.")
    index: IndexMethod | None = Field(
        default=None, description="Approximate index of each; unchanged, or auto for a new set, if left out."
    )
    name: str | None = Field(default=None, description="A name of one's own for a single set and its table.")
    backfill: bool = Field(default=True, description="Request what the sets lack, as one backfill.")


class IndexConfig(dg.Config):
    """The index that a registered set is to have; what is left out has its default."""

    key: str = Field(description=SET)
    method: IndexMethod = Field(description="auto chooses by the number of vectors; none searches exactly.")
    halfvec: bool = Field(default=False, description="Whether it holds floats of 16 bits.")
    m: int | None = Field(default=None, ge=2, le=100, description="HNSW: connections per node and layer.")
    ef_construction: int | None = Field(
        default=None, ge=4, le=1000, description="HNSW: candidates while a node is connected; at least twice m."
    )
    lists: int | None = Field(default=None, ge=1, le=32768, description="IVFFlat: number of lists.")


class ActiveConfig(dg.Config):
    """Parameter sets to activate or deactivate."""

    keys: list[str] = Field(description=f"Keys or names of registered sets; {DEFAULT} is the default one.")
    active: bool = Field(description="Whether automation fills them from now on.")


class DefaultSetConfig(dg.Config):
    """The set that `find` asks and the view `pictures` shows."""

    key: str = Field(description=SET)


@dg.op
def register_event_days(
    context: dg.OpExecutionContext, config: EventDaysConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Registers the folder's event days; those whose photos can't be had now are marked unavailable and kept."""
    from facefind_pipeline.ingest.approval import require_approved
    from facefind_pipeline.ingest.register import register_folder

    root, approved = Path(here(config.folder)), [*workspace.incoming.folders, *workspace.settings.photo_parents]
    with workspace.database.connect() as connection:
        require_approved(connection, root, approved)
    folder = register_folder(workspace.database, workspace.settings, root, config.day_name, by_name=config.by_name)
    sync_with_tables(context.instance, workspace.database)
    context.log.info(f"{config.folder}: event days {', '.join(day.key for day in folder.days) or 'none'}")
    for line in (*folder.moved, *folder.problems):
        context.log.warning(printable(line))
    for day, reason in folder.unavailable:
        path = printable(str(day.path))
        context.log.warning(f"{path} {reason}: event day {day.key} is marked unavailable, nothing was deleted")


@dg.op
def register_parameter_sets(
    context: dg.OpExecutionContext, config: ParameterSetsConfig, workspace: dg.ResourceParam[Workspace]
) -> None:
    """Registers and activates each set, makes its table and requests its partitions."""
    from facefind_pipeline.ingest.faces import present_version
    from facefind_pipeline.ingest.register import register_set

    registered = []
    try:
        for key in config.keys:
            index = config.index and config.index.value
            parameters = register_set(workspace.database, workspace.settings, key, index, config.name)
            registered.append(parameters.key)
            context.log.info(f"{parameters.key} is registered and active")
    finally:
        sync_with_tables(context.instance, workspace.database)
        for key in registered:
            context.log_event(fingerprint_observation(key, present_version(workspace.settings, key)))
    if config.backfill:
        _request_missing(context, workspace, f"Sweep of {counted(len(registered), 'parameter set')}", registered)


@dg.op
def set_active(config: ActiveConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Says which sets automation keeps filled."""
    from facefind_pipeline.store import parameter_sets

    with workspace.database.connect() as connection:
        for key in config.keys:
            parameter_sets.set_active(connection, parameter_sets.resolve(connection, key).key, active=config.active)


@dg.op
def request_missing(context: dg.OpExecutionContext, workspace: dg.ResourceParam[Workspace]) -> None:
    """Requests all missing partitions of registered days and active sets."""
    sync_with_tables(context.instance, workspace.database)
    _request_missing(context, workspace, "Everything that is missing", None)


@dg.op
def set_default_set(config: DefaultSetConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Makes a registered set the default."""
    from facefind_pipeline.store import parameter_sets

    with workspace.database.connect() as connection:
        parameter_sets.set_default(connection, parameter_sets.resolve(connection, config.key).key)


@dg.op
def set_index(config: IndexConfig, workspace: dg.ResourceParam[Workspace]) -> None:
    """Chooses the kind of a registered set's index."""
    from facefind_pipeline.store import parameter_sets
    from facefind_pipeline.store.index_kinds import IndexKind

    kind = IndexKind(config.method.value, config.halfvec, config.m, config.ef_construction, config.lists)
    with workspace.database.connect() as connection:
        parameter_sets.set_index(connection, parameter_sets.find(connection, config.key).key, kind)


@dg.job(config=examples.config(register_event_days={"folder": EXAMPLES.folder}))
def add_event_days() -> None:
    """Registers the event days of a folder; it is watched from then on."""
    register_event_days()


@dg.job(config=examples.config(register_parameter_sets={"keys": [DEFAULT]}))
def add_parameter_sets() -> None:
    """Registers and activates parameter sets and requests what they lack, as one backfill."""
    register_parameter_sets()


@dg.job(config=examples.config(set_default_set={"key": DEFAULT}))
def choose_default_set() -> None:
    """Chooses the set that `find` asks and the view `pictures` shows."""
    set_default_set()


@dg.job(config=examples.config(set_active={"keys": [DEFAULT], "active": True}))
def activate_parameter_sets() -> None:
    """Activates or deactivates parameter sets: only active ones are filled by automation."""
    set_active()


@dg.job(config=examples.config(set_index={"key": DEFAULT, "method": IndexMethod.auto.value}))
def choose_index() -> None:
    """Chooses the kind of a set's index; `hnsw_index` is built of that kind when it is next made."""
    set_index()


@dg.job
def fill_missing() -> None:
    """Requests one backfill of all missing partitions of registered days and active sets."""
    request_missing()


# Job -> the assets it makes; together all that is ever materialized.
JOB_ASSETS = {
    "ingest_photos": ["raw_photos"],
    "read_references": ["reference_photos"],
    "fill_day": ["detected_faces", "face_embeddings"],
    "search_set": ["reference_embeddings", "hnsw_index", "search_results", "face_groups", "evaluation"],
    "read_truth": ["truth_lists"],
    "report": ["sweep_report"],
}
ASSET_JOBS = [
    dg.define_asset_job(name, assets, description=f"Makes {' and '.join(assets)}.")
    for name, assets in JOB_ASSETS.items()
]
ingest_photos, read_references, *_ = ASSET_JOBS

JOBS: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = [
    add_event_days,
    add_parameter_sets,
    activate_parameter_sets,
    choose_default_set,
    choose_index,
    fill_missing,
    *ASSET_JOBS,
]


def _request_missing(context: dg.OpExecutionContext, workspace: Workspace, title: str, keys: list[str] | None) -> None:
    from facefind_pipeline.orchestration.backfills import missing_partitions, request_backfill

    missing = missing_partitions(context.instance, workspace, keys)
    backfill = request_backfill(context.instance, missing, title)
    context.log.info(f"backfill {backfill} requested" if backfill else "nothing is missing")


def assets_of(run: dg.DagsterRun) -> set[str]:
    """What a run makes; one of a whole job names no assets."""
    selected = {key.to_user_string() for key in run.asset_selection or ()}
    return selected or set(JOB_ASSETS.get(run.job_name, ()))
