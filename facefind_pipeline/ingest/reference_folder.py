"""The references folder: `NAME.jpg`, or `NAME/` with several pictures. Whose pictures lie there, and what can't be had.

Its links may lead anywhere: people link to pictures that they keep elsewhere.
"""

import os
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from facefind_pipeline.ingest.folders import is_junk
from facefind_pipeline.ingest.listing import Problem, list_folder, why_unreadable


@dataclass(frozen=True, slots=True)
class ReferenceFolder:
    """What the folder holds now.

    Attributes:
        files: each with the display name of the person it shows.
        unread: names of people with an entry that can't be had now.
        problems: these entries.
    """

    files: Sequence[tuple[str, os.DirEntry[str]]]
    unread: AbstractSet[str]
    problems: Sequence[Problem]


def list_references(folder: Path) -> ReferenceFolder:
    """Looks into the folder and the folders of people below it.

    Raises:
        OSError: the references folder itself is missing or can't be read.
    """
    top = list_folder(folder)
    files = [(Path(entry.name).stem, entry) for entry in top.photos]
    problems = list(top.problems)
    # A folder goes by its whole name, a picture by that without its suffix: which it was can't be seen.
    unread = {name for problem in top.problems for name in (problem.path.name, problem.path.stem)}
    seen = {top.identity}
    # Links last: a folder goes by its own name where it has one here.
    for entry in sorted(top.folders, key=os.DirEntry.is_symlink):
        if is_junk(entry.name):
            continue
        try:
            theirs = list_folder(Path(entry.path))
        except OSError as error:
            problems.append(Problem(Path(entry.path), why_unreadable(error)))
            unread.add(entry.name)
            continue
        if theirs.identity in seen:
            problems.append(Problem(Path(entry.path), "leads to a folder that is read already"))
            unread.add(entry.name)
            continue
        seen.add(theirs.identity)
        files += [(entry.name, file) for file in theirs.photos]
        problems += theirs.problems
        if theirs.problems:
            unread.add(entry.name)
    return ReferenceFolder(files, unread, problems)
