"""The folder that a gallery is written into: where it may lie, and which files in it are the gallery's own."""

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.marks import GALLERY_MARK
from facefind_pipeline.vision.models import write_atomically

COVERED = "data/covered.json"  # how many heads are covered in each photo
_FOLDERS = ("data", "originals", "page", "photos", "thumbnails")
# The names of what is written for each photo, or for a part of them; a file of another name is the user's.
_OURS = re.compile(r"covered\.json|photos-\d+\.js|.*-[0-9a-f]{16}(-\d+)?(\.[a-z0-9]+)?")


def check_folder(out: Path, roots: Sequence[Path]) -> None:
    """Looks whether a gallery can be written there.

    Raises:
        FacefindError: it lies among the photos, can't be written, or something else is there.
    """
    real = Path(os.path.realpath(out))
    for root in roots:
        if real.is_relative_to(os.path.realpath(root)):
            raise FacefindError(f"--out {out}: lies among the photos of {root}, where nothing is written")
    there = next(path for path in (out, *out.parents) if path.exists())
    if not there.is_dir():
        raise FacefindError(f"--out {out}: {there} is a file; name a new folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise FacefindError(f"--out {out}: {there} can't be written; name a folder of your own")
    if there != out:
        return
    if any(out.iterdir()) and not (out / GALLERY_MARK).is_file():
        raise FacefindError(f"--out {out}: holds something else than a gallery; name a new folder")
    for name in _FOLDERS:
        if (out / name).is_symlink():
            raise FacefindError(f"--out {out}: {name} in it is a link, which may lead anywhere; name a new folder")


def claim_folder(out: Path) -> None:
    """Makes the folder, if it is missing, and marks it: only then may files of a gallery follow.

    Only this user may read what is written: whom it is given to gets a copy.
    """
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(out / GALLERY_MARK, b"`facefind gallery` replaces the files of this folder\n")


def write_file(file: Path, content: bytes) -> None:
    """Writes a file of a gallery, whole.

    Raises:
        OutageError: the disk is full.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(file, content)


def remove_stale(out: Path, wanted: Collection[str]) -> None:
    """Removes what an earlier gallery there had beyond these paths."""
    for folder in _FOLDERS:
        for file in (out / folder).glob("*"):
            if _OURS.fullmatch(file.name) and f"{folder}/{file.name}" not in wanted:
                file.unlink()
