"""What changed in the folders that are watched, by a look at names, sizes and times: sensors ask every few seconds.

A day whose files look as they did when it was last requested is not compared with the tables again, and the files of a
folder in which nothing came or went are not looked at again.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.folders import find_days
from facefind_pipeline.ingest.listing import Listing, Problem, list_folder, report
from facefind_pipeline.ingest.looks import Looks
from facefind_pipeline.ingest.photos import NOTHING_TOLD, SETTLE_S, Closed, is_complete, is_settled, scan
from facefind_pipeline.ingest.reference_folder import list_references
from facefind_pipeline.store import photos, versions
from facefind_pipeline.store.photos import EventDay

NO_FOLDERS: Mapping[Path, Closed] = {}
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
        if found.finds_news_of(day):
            due[day.key] = state
        if not found.unsettled:
            states[day.key] = state
    return Watched(due, states)


def new_days(
    root: Path,
    known: Collection[EventDay],
    *,
    ignore: Sequence[str] = (),
    forgotten: Collection[Path] = (),
    settle_seconds: float = SETTLE_S,
    closed: Mapping[Path, Closed] = NO_FOLDERS,
) -> tuple[list[EventDay], list[str]]:
    """Event days of a root that are not registered yet and have a photo that is stable.

    Args:
        root: absolute.
        known: all days that are registered.
        ignore: names of folders to skip.
        forgotten: folders that were taken out.
        settle_seconds: how long a file must have been left alone, if it is not among those that were closed.
        closed: by folder.

    Returns:
        The days, and a line for all that is left out below the root, or why it can't be looked at.
    """
    try:
        found = find_days(root, known, ignore=ignore, forgotten=forgotten, look=_below)
    except FacefindError as error:
        return [], [str(error)]
    paths = {day.path for day in known}
    new = [day for day in found.days if day.path not in paths]
    stable = [day for day in new if _has_stable_photo(day, settle_seconds, closed.get(day.path, NOTHING_TOLD))]
    return stable, report(found.problems)


def day_state(day: EventDay) -> str:
    """Hash of names, sizes and times of the day's photo files and of their sidecars.

    What is written in place, which no folder's time of change shows, is seen at the next full look (`looks`).
    """
    try:
        return _state_of(day.path)
    except OSError:
        return UNREADABLE


def references_state(folder: Path) -> str | None:
    """Hash of names, sizes and times below the references folder; None if it is missing or still being filled."""
    try:
        listing = list_references(folder)
    except OSError:
        return None
    files = [entry for _, entry in listing.files]
    if not all(is_settled(status, SETTLE_S) for _, status in _statuses(files)):
        return None
    return _hash(files, listing.problems)


@Looks
def _state_of(folder: Path) -> str:
    listing = list_folder(folder)
    return _hash([*listing.photos, *listing.sidecars], listing.problems)


@Looks
def _below(folder: Path) -> Listing:
    """A folder for `walk`; no more is kept of its photos than that there are some."""
    listing = list_folder(folder)
    return replace(listing, photos=listing.photos[:1], sidecars=())


def _has_stable_photo(day: EventDay, settle_seconds: float, closed: Closed) -> bool:
    try:
        files = list_folder(day.path).photos
    except OSError:
        return False
    return any(is_complete(Path(path).name, status, settle_seconds, closed) for path, status in _statuses(files))


def _hash(entries: Iterable[os.DirEntry[str]], problems: Iterable[Problem]) -> str:
    rows = [(os.fsencode(path), status.st_size, status.st_mtime_ns) for path, status in _statuses(entries)]
    return versions.hash_rows([*rows, *((os.fsencode(problem.path), problem.reason) for problem in problems)])


def _statuses(entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result]]:
    """Of those that are still there and can be looked at."""
    for entry in entries:
        with suppress(OSError):
            yield entry.path, entry.stat()
