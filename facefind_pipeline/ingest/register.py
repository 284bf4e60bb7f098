"""What is watched and worked on: folders as event days, parameter sets. Each is looked at first, then written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.ingest.faces import present_partition, record_fingerprints, shared_embedder
from facefind_pipeline.ingest.folders import find_days
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import parameter_sets, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.photos import EventDay


@dataclass(frozen=True, slots=True)
class Folder:
    """A root as it is now, against what is registered of it.

    Attributes:
        root: absolute.
        days: its event days with the keys they have or will have, those whose last photo was deleted too.
        gone: registered days whose folder is missing.
        missing: the root itself is.
        due: whether anything of this is to be written.
    """

    root: Path
    days: Sequence[EventDay]
    gone: Sequence[EventDay]
    missing: bool
    due: bool


def look_at_folder(connection: Connection, root: Path, day_name: str | None = None) -> Folder:
    """Compares a root with what is registered of it; a known root may be missing.

    Raises:
        FacefindError: no such folder, no photos in it, or a key that another folder holds.
    """
    known = photos.days(connection, root)
    if known and not root.is_dir():
        return Folder(root, [], known, missing=True, due=any(day.available for day in known))
    days = photos.match_days(photos.days(connection), find_days(root, day_name), named=bool(day_name))
    gone = [day for day in known if not day.path.is_dir()]
    emptied = [day for day in known if day not in days and day not in gone]
    new = root not in photos.roots(connection) or not set(days) <= set(photos.days(connection))
    return Folder(root, [*days, *emptied], gone, missing=False, due=new or any(day.available for day in gone))


def register_folder(database: Database, root: Path, day_name: str | None = None) -> Folder:
    """Remembers a root and its event days; days whose folder is gone are marked and kept.

    Raises:
        FacefindError: as `look_at_folder`.
    """
    with database.lock("register"), database.connect() as connection:
        folder = look_at_folder(connection, root, day_name)
        if not folder.missing:
            photos.register_days(connection, root, folder.days)
        for day in folder.gone:
            photos.mark_available(connection, day.key, available=False)
    return folder


def register_missing_set(database: Database, settings: Settings, key: str) -> None:
    """Registers a set that only Dagster knows, since its key was added in the UI; a registered one stays as it is.

    Raises:
        FacefindError: as `register_set`.
    """
    with database.connect() as connection:
        known = {one.key for one in parameter_sets.registered(connection)}
    if key not in known:
        register_set(database, settings, key)


def register_set(database: Database, settings: Settings, key: str, index: str | None = None) -> ParameterSet:
    """Registers and activates a set, with the method of its index where one is given.

    Raises:
        FacefindError: not a canonical key, or its model file is missing.
    """
    parameters = ParameterSet.parse(key)
    present_partition(settings, "", parameters)
    embedder = shared_embedder(settings, parameters)
    with database.lock("register"), database.connect() as connection:
        record_fingerprints(connection, settings, parameters)
        parameter_sets.register(connection, parameters, embedder.dimension, embedder.metric)
        if index:
            parameter_sets.set_index_method(connection, parameters.key, index)
    return parameters
