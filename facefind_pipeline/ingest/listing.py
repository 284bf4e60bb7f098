"""The entries of one folder: photos, subfolders, files that describe photos, other files, and what has to be left out.

One odd entry never hides the others: it becomes a `Problem`, which whoever asked reports.
"""

import errno
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facefind_pipeline.marks import written_as
from facefind_pipeline.path_text import printable
from facefind_pipeline.vision.formats import PHOTO, SIDECAR, kind_of_file, without_twins

ONE_BY_ONE = 9  # problems of one kind in one folder that are reported one by one
_FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry of a folder that is left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies directly in a folder, by name; hidden entries are skipped.

    Attributes:
        photos: files that are photos, or links to one; a RAW beside a photo of its name is not among them.
        folders: subfolders, or links to one.
        sidecars: XMP, JSON and the like.
        others: how many files of each other kind.
        problems: links that can't be followed, files that can't be read and so may be anything.
        identity: device and inode of the folder.
        written_as: `gallery` or `album`, if facefind wrote the folder.
    """

    photos: Sequence[os.DirEntry[str]]
    folders: Sequence[os.DirEntry[str]]
    sidecars: Sequence[os.DirEntry[str]]
    others: Mapping[str, int]
    problems: Sequence[Problem]
    identity: tuple[int, int]
    written_as: str | None = None


def list_folder(folder: Path) -> Listing:
    """Looks into one folder.

    Raises:
        OSError: the folder is missing or can't be read.
    """
    of_kind: defaultdict[str, list[os.DirEntry[str]]] = defaultdict(list)
    problems, names = [], set[str]()
    status = os.stat(f"{folder}/.")  # noqa: PTH116 - a Path drops the dot, which asks for the right to enter
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            names.add(entry.name)
            if entry.name.startswith("."):
                continue
            try:
                kind = _kind_of_entry(entry)
            except OSError as error:
                problems.append(Problem(Path(entry.path), _why_left_out(entry, error)))
            else:
                if kind is not None:
                    of_kind[kind].append(entry)
    photos = {entry.name: entry for entry in of_kind.pop(PHOTO, ())}
    return Listing(
        photos=[photos[name] for name in without_twins(photos)],
        folders=of_kind.pop(_FOLDER, ()),
        sidecars=of_kind.pop(SIDECAR, ()),
        others={kind: len(files) for kind, files in of_kind.items()},
        problems=problems,
        identity=(status.st_dev, status.st_ino),
        written_as=written_as(folder, names),
    )


def why_unreadable(error: OSError) -> str:
    """The reason of a problem that the file system gives."""
    return f"can't be read: {(error.strerror or str(error)).lower()}"


def report(problems: Iterable[Problem]) -> list[str]:
    """A line for each problem; many of one kind in one folder share a line."""
    alike: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for problem in problems:
        alike[problem.path.parent, problem.reason].append(problem.path)
    return list(_lines(alike))


def _lines(alike: dict[tuple[Path, str], list[Path]]) -> Iterator[str]:
    for (folder, reason), paths in alike.items():
        if len(paths) > ONE_BY_ONE:
            yield printable(f"{folder}: {len(paths)} entries, as {paths[0].name}: {reason}")
        else:
            yield from (printable(f"{path}: {reason}") for path in paths)


def _kind_of_entry(entry: os.DirEntry[str]) -> str | None:
    """The kind of a file, `_FOLDER`, or None for pipes, sockets and devices.

    Raises:
        OSError: a link can't be followed, or only the content would say what the file is and can't be read.
    """
    if entry.is_dir():
        return _FOLDER
    if entry.is_file():
        return kind_of_file(entry)
    if entry.is_symlink():
        entry.stat()  # says why it can't be followed
    return None


def _why_left_out(entry: os.DirEntry[str], error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "leads to nothing that is there" if entry.is_symlink() else "went away meanwhile"
    return "leads to itself" if error.errno == errno.ELOOP else why_unreadable(error)
