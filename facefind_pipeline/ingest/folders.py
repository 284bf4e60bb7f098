"""Folders of photos as event days: what lies below a root, and what of it has to be left out."""

import os
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.listing import ONE_BY_ONE, Listing, Problem, list_folder, report, why_unreadable
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.path_text import text_of
from facefind_pipeline.store.photos import EventDay

# What network storage, desktops and archives leave among photos: thumbnails, and what was thrown away.
JUNK = (
    *("@eaDir", "#recycle", "#snapshot", "@Recycle", "$RECYCLE.BIN", "System Volume Information"),
    *("lost+found", ".Trash-*", "__MACOSX", ".thumbnails"),
)
LONGEST_PATH = 2000  # bytes below the root; an index row of PostgreSQL holds 2,704, the file's name among them


@dataclass(frozen=True, slots=True)
class Found:
    """What lies below a root.

    Attributes:
        days: its event days with the keys they have or will have.
        problems: what was left out.
        others: how many files of each kind are no photos.
    """

    days: Sequence[EventDay]
    problems: Sequence[Problem]
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk below a root saw.

    Attributes:
        folders: those with photos.
        problems: what was left out.
        others: how many files of each kind are no photos.
    """

    folders: Sequence[Path]
    problems: Sequence[Problem]
    others: Mapping[str, int]


def walk(root: Path, ignore: Sequence[str] = (), look: Callable[[Path], Listing] = list_folder) -> Walked:
    """Looks into the folders below a root; into each real folder once, and into none outside the root.

    Links are followed last, so that a folder goes by its own name where it has one below the root. Galleries and albums
    of facefind are left out, unless one is the root itself.

    Args:
        root: absolute.
        ignore: names of folders to skip beside `JUNK`; `*` stands for any letters.
        look: into one folder; what it says of the photos there is only whether there are some.
    """
    found: list[Path] = []
    problems: list[Problem] = []
    others: Counter[str] = Counter()
    seen: dict[tuple[int, int], Path] = {}
    real_root = Path(os.path.realpath(root))
    folders, links = [root], list[Path]()
    while folders or links:
        folder = folders.pop() if folders else links.pop()
        try:
            listing = look(folder)
        except OSError as error:
            problems.append(Problem(folder, why_unreadable(error)))
            continue
        if listing.identity in seen:
            problems.append(Problem(folder, f"leads to {seen[listing.identity]}, which is read already"))
            continue
        seen[listing.identity] = folder
        if listing.written_as and folder != root:
            problems.append(
                Problem(folder, f"is a facefind {listing.written_as}: its pictures are no photos of the event")
            )
            continue
        problems += listing.problems
        others.update(listing.others)
        if listing.photos:
            found.append(folder)
        for entry in listing.folders:
            if is_junk(entry.name, ignore):
                continue
            if not entry.is_symlink():
                folders.append(Path(entry.path))
            elif Path(os.path.realpath(entry.path)).is_relative_to(real_root):
                links.append(Path(entry.path))
            else:
                reason = f"leads out of {root.name}: give the folder it leads to by itself"
                problems.append(Problem(Path(entry.path), reason))
    return Walked(sorted(found), sorted(problems, key=lambda problem: problem.path), others)


def find_days(
    root: Path,
    known: Iterable[EventDay] = (),
    name: str | None = None,
    *,
    ignore: Sequence[str] = (),
    forgotten: Collection[Path] = (),
    look: Callable[[Path], Listing] = list_folder,
) -> Found:
    """The event days of a root: each folder with photos is one, the root itself too; known ones keep their keys.

    Args:
        root: absolute.
        known: all days that are registered, of whatever root.
        name: instead of the root's own name; with subfolders it stands before theirs.
        ignore: as in `walk`.
        forgotten: folders that were taken out.
        look: as in `walk`.

    Raises:
        FacefindError: no such folder, or nothing in it is usable or was; or `name` is given and a day has another.
    """
    return days_of(root, walk_root(root, ignore, look), known, name, forgotten=forgotten)


def walk_root(root: Path, ignore: Sequence[str] = (), look: Callable[[Path], Listing] = list_folder) -> Walked:
    """What lies below a root, as `walk` sees it.

    Raises:
        FacefindError: no such folder.
    """
    if not os.path.isdir(root):  # noqa: PTH112 - never raises, as Path.is_dir() does
        raise FacefindError(f"no folder {root}: give the folder that holds the photos")
    return walk(root, ignore, look)


def days_of(
    root: Path,
    walked: Walked,
    known: Iterable[EventDay] = (),
    name: str | None = None,
    *,
    forgotten: Collection[Path] = (),
) -> Found:
    """The event days of a root that was walked; else as `find_days`.

    Raises:
        FacefindError: nothing below the root is usable or was; or `name` is given and a day has another.
    """
    by_path = {day.path: day for day in known}
    by_key = {day.key: day for day in by_path.values()}
    days, problems = [], list[Problem]()
    for folder in walked.folders:
        if folder in forgotten and folder not in by_path:
            again = f"`facefind ingest {shlex.quote(str(folder))}` looks for other photos in it"
            problems.append(Problem(folder, f"was forgotten: {again}; `facefind forget --list` has what is kept out"))
            continue
        try:
            day = by_path.get(folder) or _new_day(root, folder, name)
        except FacefindError as error:
            problems.append(Problem(folder, str(error)))
            continue
        if name and folder in by_path and day.key != _new_day(root, folder, name).key:
            raise FacefindError(f"{folder} is event day {day.key!r} already: leave out --day-name")
        holder = by_key.setdefault(day.key, day)
        if holder.path == folder:
            days.append(day)
        else:
            reason = f"event day {day.key!r} is the folder {holder.path} already: {_way_out(folder)}"
            problems.append(Problem(folder, reason))
    # A registered day is looked at by its own path, whatever the walk could not do with it.
    problems += [problem for problem in walked.problems if problem.path not in by_path]
    if not days and not any(day.root == root for day in by_path.values()):
        raise FacefindError(_nothing_usable(root, report(problems)))
    return Found(days, problems, walked.others)


def is_junk(name: str, ignore: Sequence[str] = ()) -> bool:
    """Whether a folder of this name is skipped, whatever the case of its letters."""
    return any(fnmatch(name.lower(), pattern.lower()) for pattern in (*JUNK, *ignore))


def _nothing_usable(root: Path, reasons: Sequence[str]) -> str:
    if not reasons:
        return f"no photos in {root}: give a folder with photos in it or in its subfolders"
    more = f"; and {len(reasons) - ONE_BY_ONE} more" if len(reasons) > ONE_BY_ONE else ""
    return "; ".join(reasons[:ONE_BY_ONE]) + more


def _new_day(root: Path, folder: Path, name: str | None) -> EventDay:
    """A folder that is no event day yet.

    Raises:
        FacefindError: its name makes no key, or its path is too long for a table.
    """
    below = folder.relative_to(root)
    text = "" if folder == root else text_of(below)
    if len(text.encode()) > LONGEST_PATH:
        raise FacefindError(f"its path is longer than {LONGEST_PATH} bytes: give a folder nearer to it")
    parts = ([name or root.name] if folder == root else [name] if name else []) + list(below.parts)
    try:
        key = key_of(" ".join(part for part in parts if part))
    except FacefindError:
        raise FacefindError(f"the name has no character to make a key of: {_way_out(folder)}") from None
    return EventDay(key, root, text)


def _way_out(folder: Path) -> str:
    return f"`facefind ingest {shlex.quote(str(folder))} --day-name NAME` gives it another"
