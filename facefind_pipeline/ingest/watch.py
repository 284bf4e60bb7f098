"""What changed in the folders that are watched, by a look at names, sizes and times: sensors ask every few seconds.

A day whose files look as they did when it was last requested is not compared with the tables again.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.folders import find_days, photo_files
from facefind_pipeline.ingest.listing import list_folder
from facefind_pipeline.ingest.photos import SETTLE_S, is_settled, scan
from facefind_pipeline.store import photos, versions
from facefind_pipeline.store.photos import EventDay

UNREADABLE = "unreadable"  # the state of a folder that is missing or can't be read


@dataclass(frozen=True, slots=True)
class Watched:
    """What a look at the event days says.

    Attributes:
        due: keys of days to read, each with the state that its folder has now.
        states: of the days that need not be looked at again while they look like this.
    """

    due: Mapping[str, str]
    states: Mapping[str, str]


def watch_days(connection: Connection, before: Mapping[str, str], *, settle_seconds: float = SETTLE_S) -> Watched:
    """Days with new, changed or vanished photos; files that may still be copied are left until they are stable.

    Args:
        connection: to compare the folders that look changed with their rows.
        before: the `states` of the last look; empty compares all.
        settle_seconds: how long a file must have been left alone.
    """
    due: dict[str, str] = {}
    states: dict[str, str] = {}
    for day in photos.days(connection):
        state = day_state(day)
        if before.get(day.key) == state:
            states[day.key] = state
            continue
        found = scan(day, photos.photos(connection, day.key), settle_seconds=settle_seconds)
        came_or_went = (found is not None) != day.available
        if came_or_went or (found is not None and (found.changed or found.gone)):
            due[day.key] = state
        if found is None or not found.unsettled:
            states[day.key] = state
    return Watched(due, states)


def new_days(
    root: Path, known: Iterable[EventDay], *, settle_seconds: float = SETTLE_S
) -> tuple[list[EventDay], str | None]:
    """Event days of a root that are not registered yet and have a photo that is stable.

    Returns:
        The days, and why the root can't be looked at, if so.
    """
    try:
        found = photos.match_days(known, root, find_days(root))
    except FacefindError as error:
        return [], str(error)
    paths = {day.path for day in known}
    new = [day for day in found if day.path not in paths]
    return [day for day in new if _has_stable_photo(day, settle_seconds)], None


def day_state(day: EventDay) -> str:
    """Hash of names, sizes and times of the day's photo files and what lies beside them."""
    try:
        listing = list_folder(day.path)
        return _hash([*listing.photos, *listing.sidecars])
    except OSError:
        return UNREADABLE


def references_state(folder: Path) -> str | None:
    """Hash of names, sizes and times below the references folder; None if it is missing or still being filled."""
    try:
        entries = list(_files(folder))
        if not all(is_settled(entry.stat(), SETTLE_S) for entry in entries):
            return None
        return _hash(entries)
    except OSError:
        return None


def _has_stable_photo(day: EventDay, settle_seconds: float) -> bool:
    try:
        return any(is_settled(entry.stat(), settle_seconds) for entry in photo_files(day.path))
    except OSError:
        return False


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir():
                yield from _files(Path(entry.path))
            elif not entry.name.startswith("."):
                yield entry


def _hash(entries: Iterable[os.DirEntry[str]]) -> str:
    statuses = ((os.fsencode(entry.path), entry.stat()) for entry in entries)
    return versions.hash_rows((path, status.st_size, status.st_mtime_ns) for path, status in statuses)
