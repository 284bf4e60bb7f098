"""The pictures of a gallery, in its folder: copied from the home's previews, or made with other people covered.

What is covered depends on the gallery's people, so covered pictures are made for one gallery and kept nowhere else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facefind_pipeline.progress import Progress
from facefind_pipeline.publish.exports import Exported, Size, ToExport, export
from facefind_pipeline.publish.gallery_data import GalleryPhoto
from facefind_pipeline.publish.gallery_folder import COVERED, claim_folder, write_file
from facefind_pipeline.publish.previews import FULL, THUMBNAILS, preview_file

WRITTEN_EVERY = 50  # photos: as many are made again at most, should this process be killed


@dataclass(frozen=True, slots=True)
class Covered:
    """What became of photos in which other people were to be covered.

    Attributes:
        heads: how many are covered in each photo, by SHA-256 in hex.
        problems: photos that can't be judged, by SHA-256 in hex, with the reason.
    """

    heads: Mapping[str, int]
    problems: Mapping[str, str]


def picture_files(photo: GalleryPhoto) -> dict[str, int]:
    """The pictures of a photo by their paths in the gallery, with the pixels of the longer side."""
    return {photo.full: FULL} | {photo.thumbnail(side): side for side in THUMBNAILS}


def copy_previews(out: Path, photos: Sequence[GalleryPhoto], previews: Path, progress: Progress) -> None:
    """Copies the previews of photos into a gallery, where they are not there already.

    Args:
        out: a folder that `check_folder` accepts.
        photos: to show; all have previews.
        previews: the folder of these.
        progress: told of each photo.

    Raises:
        OutageError: the disk is full.
    """
    claim_folder(out)
    progress.begin("gallery", len(photos), "photo")
    for photo in photos:
        for name, side in picture_files(photo).items():
            preview = preview_file(previews, photo.match.sha256, side)
            if not _is_there(out / name, preview.stat().st_size):
                write_file(out / name, preview.read_bytes())
        progress.advance()
    progress.end()


def write_covered(out: Path, photos: Sequence[GalleryPhoto], models: Path, progress: Progress) -> Covered:
    """Makes the pictures of photos with other people covered, where the gallery has none made from the same.

    Args:
        out: a folder that `check_folder` accepts.
        photos: with what is to be hidden in each.
        models: the folder of the detector's file.
        progress: told of each photo that is made.

    Raises:
        FacefindError: the detector's file is missing.
        OutageError: the disk is full.
    """
    claim_folder(out)
    before = _heads_before(out)
    # By the name, which says what the pictures were made from.
    heads = {photo.stem: before[photo.stem] for photo in photos if _is_made(out, photo, before)}
    missing = [photo for photo in photos if photo.stem not in heads]
    problems = {}
    progress.begin("gallery, others covered", len(missing), "photo")
    try:
        for number, (photo, given) in enumerate(zip(missing, _exported(missing, models), strict=True), start=1):
            if given.problem is None:
                _write(out, photo, given)
                heads[photo.stem] = given.covered
            else:
                problems[photo.match.sha256] = given.problem
            if number % WRITTEN_EVERY == 0:
                _write_heads(out, heads)
            progress.advance()
        progress.end()
    finally:
        _write_heads(out, heads)
    return Covered({photo.match.sha256: heads[photo.stem] for photo in photos if photo.stem in heads}, problems)


def _exported(photos: Sequence[GalleryPhoto], models: Path) -> Iterator[Exported]:
    return export(
        (ToExport(photo.match.sha256, photo.source.files, Size.WEB, photo.hiding, thumbnails=True) for photo in photos),
        models,
    )


def _write(out: Path, photo: GalleryPhoto, given: Exported) -> None:
    assert given.data is not None
    write_file(out / photo.full, given.data)
    for side, thumbnail in given.thumbnails.items():
        write_file(out / photo.thumbnail(side), thumbnail)


def _is_made(out: Path, photo: GalleryPhoto, before: Mapping[str, int]) -> bool:
    return photo.stem in before and all((out / name).is_file() for name in picture_files(photo))


def _heads_before(out: Path) -> dict[str, int]:
    """What an earlier gallery there says; nothing where it says nothing that can be read."""
    try:
        held = json.loads((out / COVERED).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return {stem: count for stem, count in held.items() if isinstance(count, int)} if isinstance(held, dict) else {}


def _write_heads(out: Path, heads: Mapping[str, int]) -> None:
    write_file(out / COVERED, json.dumps(heads).encode())


def _is_there(file: Path, size: int) -> bool:
    """Whether the file of that content is there already: its name has the hash, and nothing is there in part."""
    return file.is_file() and file.stat().st_size == size
