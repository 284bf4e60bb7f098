"""What is watched and worked on: folders as event days, parameter sets. Each is looked at first, then written."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest import moved
from facefind_pipeline.ingest.faces import present_fingerprints, record_fingerprints, shared_embedder
from facefind_pipeline.ingest.folders import Found, days_of, walk_root
from facefind_pipeline.ingest.listing import report
from facefind_pipeline.ingest.photos import scan
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import forgotten_days, parameter_sets, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.vision.models import YUNET


@dataclass(frozen=True, slots=True)
class Folder:
    """A root as it is now, against what is registered of it.

    Attributes:
        root: absolute.
        days: its event days with the keys they have or will have.
        unavailable: registered days whose photos can't be had now, each with the reason.
        problems: a line for all that is left out.
        others: how many files of each kind are no photos.
        moved: a line for each folder that is gone and whose photos are below the root.
        due: whether anything of this is to be written.
    """

    root: Path
    days: Sequence[EventDay]
    unavailable: Sequence[tuple[EventDay, str]]
    problems: Sequence[str]
    others: Mapping[str, int]
    moved: Sequence[str]
    due: bool


def look_at_folder(
    connection: Connection, settings: Settings, root: Path, day_name: str | None = None, *, by_name: bool = True
) -> Folder:
    """Compares a root with what is registered of it; a known root may be missing.

    Args:
        connection: any.
        settings: which folders to skip.
        root: absolute.
        day_name: in place of the folder's own name.
        by_name: whether somebody gave this very folder now, which takes it again if it was forgotten.

    Raises:
        FacefindError: no such folder, or no photos in it that could be used now or before.
    """
    known = photos.days(connection)
    before = [day for day in known if day.root == root]
    if before and not os.path.isdir(root):  # noqa: PTH112 - never raises, as Path.is_dir() does
        found, offers = Found([], [], {}), list[moved.Offer]()
    else:
        walked = walk_root(root, settings.ignore)
        offers = moved.offers(connection, known, walked.folders)
        forgotten = forgotten_days.folders(connection) - ({root} if by_name else set())
        try:
            found = days_of(root, walked, known, day_name, forgotten=forgotten)
        except FacefindError as error:
            raise FacefindError("; ".join(map(str, offers)) or str(error)) from None
    days, unavailable = list(found.days), []
    for day in before:
        if day not in days:
            reason = scan(day, photos.photos(connection, day.key)).unavailable
            if reason:
                unavailable.append((day, reason))
            else:
                days.append(day)
    new = root not in photos.roots(connection) or not set(days) <= set(known)
    due = new or any(day.available for day, _ in unavailable)
    problems = [problem for problem in found.problems if not _is_offered(problem.path, offers)]
    return Folder(root, days, unavailable, report(problems), found.others, [str(offer) for offer in offers], due)


def _is_offered(folder: Path, offers: Sequence[moved.Offer]) -> bool:
    return any(folder.is_relative_to(offer.new) for offer in offers)


def register_folder(
    database: Database, settings: Settings, root: Path, day_name: str | None = None, *, by_name: bool = True
) -> Folder:
    """Remembers a root and its event days; days whose photos can't be had now are marked and kept.

    Raises:
        FacefindError: as `look_at_folder`.
    """
    with database.lock("register"), database.connect() as connection:
        folder = look_at_folder(connection, settings, root, day_name, by_name=by_name)
        if by_name:
            forgotten_days.recall(connection, root)
        photos.register_days(connection, root, folder.days)
        for day, _ in folder.unavailable:
            photos.mark_available(connection, day.key, available=False)
    return folder


def first_set(settings: Settings) -> ParameterSet:
    """What a home begins with: the recommended set, or HOG's, which needs no file, where YuNet's is not to be had."""
    return ParameterSet.parse("recommended" if YUNET.find(settings.models) else "hog")


def register_missing_set(database: Database, settings: Settings, key: str) -> None:
    """Registers a set that only Dagster knows, since its key was added in the UI; a registered one stays as it is.

    Raises:
        FacefindError: as `register_set`.
    """
    with database.connect() as connection:
        known = {one.key for one in parameter_sets.registered(connection)}
    if key not in known:
        register_set(database, settings, key)


def register_set(
    database: Database, settings: Settings, key: str, index: str | None = None, name: str | None = None
) -> ParameterSet:
    """Registers and activates a set, with the method of its index and a name where they are given.

    Raises:
        FacefindError: not a canonical key, an alias or `default`, its model file is missing, or the name is taken.
    """
    with database.connect() as connection:
        parameters = parameter_sets.resolve(connection, key)
    embedder = shared_embedder(settings, parameters)
    embedder.fetch()
    present_fingerprints(settings, parameters)
    with database.lock("register"), database.connect() as connection:
        record_fingerprints(connection, settings, parameters)
        parameter_sets.register(connection, parameters, embedder.dimension, embedder.metric)
        if index:
            parameter_sets.set_index(connection, parameters.key, IndexKind(index))
        if name:
            parameter_sets.set_name(connection, parameters.key, name)
    return parameters
