"""Folders that moved or were renamed: recognised by content, and checked before what is known follows them."""

import hashlib
import os
import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.listing import list_folder
from facefind_pipeline.path_text import comparable, text_of
from facefind_pipeline.plurals import counted
from facefind_pipeline.presence import Look
from facefind_pipeline.store import forgotten_days, moved_days, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.photos import EventDay, PhotoRow

TRIED = 3  # photos of a folder that are hashed to recognise it


@dataclass(frozen=True, slots=True)
class MovedDay:
    """A day as it was and as it will be, and what is at the new place.

    Attributes:
        before: the registered day.
        after: of the same key, at the new place.
        same: photos that are there with the same content, whatever their names.
        missing: photos that are not.
        new: photos there that were not known of this day.
    """

    before: EventDay
    after: EventDay
    same: int
    missing: int
    new: int


@dataclass(frozen=True, slots=True)
class Move:
    """A folder that moved, with all event days in it.

    Attributes:
        old: as it was registered.
        days: those days.
        roots: old -> new, of the roots that moved themselves.
        given_up: key of a day that is registered at a new place -> key of the one that moved there.
    """

    old: Path
    days: Sequence[MovedDay]
    roots: Mapping[Path, Path]
    given_up: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """A folder that is gone, and where its photos are now."""

    old: Path
    new: Path

    def __str__(self) -> str:
        """One line with the command."""
        command = f"facefind ingest --moved {shlex.quote(str(self.old))} {shlex.quote(str(self.new))}"
        return f"{self.new} has the photos of {self.old}, which is gone: `{command}` keeps what is known of them"


def look_at_move(connection: Connection, old: Path, new: Path) -> Move:
    """What moves with a folder: a root, the folder of a day, or one between or above them.

    Raises:
        FacefindError: no day is known there, it has not moved, or the new folder does not hold its photos.
    """
    known = photos.days(connection)
    old = _as_registered(old, known)
    inside = [day for day in known if day.path.is_relative_to(old)]
    if not inside:
        raise FacefindError(f"no event day is known in {old}: give the folder as it was called before")
    if old == new or not os.path.isdir(new):  # noqa: PTH112 - never raises, as Path.is_dir() does
        raise FacefindError(f"no folder {new}: give the place where the photos of {old} are now")
    all_roots = photos.roots(connection)
    roots = {root: new / root.relative_to(old) for root in all_roots if root.is_relative_to(old)}
    present = [*(root for root in all_roots if root not in roots), *roots.values()]
    moved = [_look_at_day(connection, day, new / day.path.relative_to(old), present, new) for day in inside]
    if not sum(day.same for day in moved):
        photo_count = sum(day.missing for day in moved)
        raise FacefindError(
            f"{new} has none of the {counted(photo_count, 'photo')} of {old}: give the folder with them"
        )
    at = {day.after.path: day.after.key for day in moved}
    given_up = {day.key: at[day.path] for day in known if day.path in at and day not in inside}
    return Move(old, moved, roots, given_up)


def move_folder(database: Database, old: Path, new: Path) -> Move:
    """Lets what is known of a folder's event days follow it, in one transaction; nothing is read or made again.

    Raises:
        FacefindError: as `look_at_move`.
    """
    with database.lock("register"), database.connect() as connection:
        move = look_at_move(connection, old, new)
        moved_days.move_days(connection, [(day.before, day.after) for day in move.days], move.roots, move.given_up)
        forgotten_days.move_folders(connection, move.old, new)
        for day in move.days:
            forgotten_days.recall(connection, day.after.path)
    return move


def offers(connection: Connection, known: Sequence[EventDay], folders: Collection[Path]) -> list[Offer]:
    """Folders whose photos are known from days that are gone; as few as can be, the highest folders that moved.

    Args:
        connection: any.
        known: all registered days.
        folders: with photos, found below a root.
    """
    registered = {day.path for day in known}
    new = [folder for folder in folders if folder not in registered]
    look = Look()
    if new:
        look.ask(registered)
    gone = {day.key: day for day in known if not look.is_there(day.path)}
    if not new or not gone:
        return []
    contents = photos.contents(connection, gone)
    sizes = {size for *_, size in contents}
    moved: dict[Path, Path] = {}
    for folder in new:
        hashes = _some_hashes(folder, sizes)
        days = [gone[key] for key, sha256, _ in contents if sha256 in hashes and gone[key].path not in moved]
        if days:
            day = next((day for day in days if day.path.name == folder.name), days[0])
            moved[day.path] = folder
    return list(dict.fromkeys(_highest(gone[key], moved, known) for key in gone if gone[key].path in moved))


def _as_registered(folder: Path, known: Sequence[EventDay]) -> Path:
    """A folder that is gone, in the normal form that it had."""
    above = dict.fromkeys(path for day in known for path in (day.path, *day.path.parents))
    alike = (path for path in above if comparable(text_of(path)) == comparable(str(folder)))
    return folder if folder in above else next(alike, folder)


def _look_at_day(connection: Connection, day: EventDay, place: Path, roots: Sequence[Path], default: Path) -> MovedDay:
    """A day at its new place: below the nearest of the roots, else below a new one.

    Raises:
        FacefindError: its photos are still where they were.
    """
    rows = photos.photos(connection, day.key).values()
    with suppress(OSError):
        if {text_of(entry.name) for entry in list_folder(day.path).photos} & {_name(row) for row in rows}:
            raise FacefindError(f"{day.path} still has photos: `facefind ingest` reads those that moved, or a copy")
    above = (root for root in roots if place.is_relative_to(root))
    root = max(above, key=lambda root: len(root.parts), default=default)
    after = EventDay(day.key, root, "" if place == root else text_of(place.relative_to(root)))
    try:
        there = list_folder(place).photos
    except OSError:
        there = []
    same = _count_same(rows, there)
    return MovedDay(day, after, same, len(rows) - same, len(there) - same)


def _count_same(rows: Collection[PhotoRow], there: Sequence[os.DirEntry[str]]) -> int:
    """How many photos are there with the same content; one of the same name, size and time is not read for that."""
    missing = {_name(row): row for row in rows}
    others: list[tuple[os.DirEntry[str], os.stat_result]] = []
    for entry in there:
        with suppress(OSError):  # gone since the folder was listed
            status, row = entry.stat(), missing.get(text_of(entry.name))
            if row is not None and (row.bytes, row.mtime_ns) == (status.st_size, status.st_mtime_ns):
                del missing[_name(row)]
            else:
                others.append((entry, status))
    contents: Counter[bytes | None] = Counter(row.sha256 for row in missing.values() if row.sha256 is not None)
    sizes = {row.bytes for row in missing.values()}
    of_other_name: Counter[bytes | None] = Counter(
        _sha256(entry.path, status.st_size, status.st_mtime_ns) for entry, status in others if status.st_size in sizes
    )
    return len(rows) - len(missing) + (contents & of_other_name).total()


def _some_hashes(folder: Path, sizes: Collection[int]) -> set[bytes]:
    """SHA-256 of the first few photos in a folder that have one of these sizes."""
    try:
        statuses = [(entry.path, entry.stat()) for entry in list_folder(folder).photos]
    except OSError:
        return set()
    alike = [(path, status) for path, status in statuses if status.st_size in sizes][:TRIED]
    hashes = (_sha256(path, status.st_size, status.st_mtime_ns) for path, status in alike)
    return {sha256 for sha256 in hashes if sha256 is not None}


def _highest(day: EventDay, moved: Mapping[Path, Path], known: Sequence[EventDay]) -> Offer:
    """The highest folder of the day's root that moved with all its days to a folder of the same inner names."""
    old, new = day.path, moved[day.path]
    while old.name == new.name and old != day.root:
        above, place = old.parent, new.parent
        inside = (other.path for other in known if other.path.is_relative_to(above))
        if any(moved.get(path) != place / path.relative_to(above) for path in inside):
            break
        old, new = above, place
    return Offer(old, new)


def _name(row: PhotoRow) -> str:
    return PurePosixPath(row.path).name


@lru_cache(maxsize=10_000)
def _sha256(path: str, *_unchanged: int) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a Path for each would be made of text already there
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None
