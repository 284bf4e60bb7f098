"""Folders of photos as event days, and names as keys."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from slugify import slugify

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.listing import list_folder
from facefind_pipeline.store.photos import EventDay


def key_of(name: str) -> str:
    """The slug of a folder's or a person's name: lower case, accents folded, `[a-z0-9][a-z0-9._-]*`.

    "Anna's wedding (2024)" becomes `annas-wedding-2024`.

    Raises:
        FacefindError: nothing of the name is left.
    """
    key = slugify(name, replacements=[("'", ""), ("\u2019", "")], regex_pattern=r"[^a-z0-9._-]+").strip("._-")
    key = re.sub(r"\.{2,}", ".", key)  # Dagster takes `...` for a range of partitions
    if not key:
        raise FacefindError(f"{name!r} has no letter or digit to make a key of: give it another name")
    return key


def find_days(root: Path, name: str | None = None) -> list[EventDay]:
    """The event days of a folder: the folder itself if photos lie directly in it, else its subfolders, recursively.

    Args:
        root: absolute.
        name: instead of the folder's own name; with subfolders it stands before theirs.

    Raises:
        FacefindError: missing, unreadable, without photos, or two folders of one name.
    """
    if not root.is_dir():
        raise FacefindError(f"no folder {root}: give the folder that holds the photos")
    days: dict[str, EventDay] = {}
    for folder in _folders_with_photos(root):
        if not is_utf8(str(folder)):
            raise FacefindError(
                f"the folder {str(folder).encode('utf-8', 'backslashreplace').decode()} is not UTF-8: rename it"
            )
        below = folder.relative_to(root)
        parts = ([name or root.name] if folder == root else [name] if name else []) + list(below.parts)
        key = key_of(" ".join(part for part in parts if part))
        if key in days:
            raise FacefindError(f"{folder} and {days[key].path} would both be event day {key!r}: rename one of them")
        days[key] = EventDay(key, root, "" if folder == root else below.as_posix())
    if not days:
        raise FacefindError(f"no photos in {root}: give a folder with photos in it or in its subfolders")
    return list(days.values())


def is_utf8(name: str) -> bool:
    """Whether a name from the file system is text that PostgreSQL can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def photo_files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The photo files directly in a folder, by name; hidden ones are skipped."""
    yield from list_folder(folder).photos


def _folders_with_photos(folder: Path) -> Iterator[Path]:
    try:
        if any(photo_files(folder)):
            yield folder
            return
        children = sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    except PermissionError:
        raise FacefindError(f"{folder} can't be read: check its permissions") from None
    for child in children:
        yield from _folders_with_photos(child)
