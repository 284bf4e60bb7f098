"""The folder of a gallery: a page that opens from a file manager without a network, its photos beside it."""

import html
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from string import Template

from facefind_pipeline.errors import FacefindError, is_disk_full, no_space
from facefind_pipeline.progress import Progress
from facefind_pipeline.publish.gallery_data import (
    BANDS,
    GalleryData,
    GalleryPhoto,
    band_of,
    day_of,
    photo_values,
)
from facefind_pipeline.publish.previews import FULL, THUMBNAILS, preview_file
from facefind_pipeline.vision.models import write_atomically

MARK = ".facefind-gallery"
INDEX = "index.html"
ARCHIVE = "photos.zip"
PART = 250  # photos: a script of 60 kB, which a slow phone reads in 30 ms
_PAGE = Path(__file__).with_name("page")
_FOLDERS = ("data", "originals", "page", "photos", "thumbnails")
# The names of what is written for each photo, or for a part of them; a file of another name is the user's.
_OURS = re.compile(r"photos-\d+\.js|.*-[0-9a-f]{16}(-\d+)?(\.[a-z0-9]+)?")
_DOS_EPOCH = datetime(1980, 1, 1)  # a zip knows no earlier time


@dataclass(frozen=True, slots=True)
class Gallery:
    """What a gallery shows.

    Attributes:
        people: their names, in the order of their numbers.
        photos: in the order in which they were taken.
        originals: whether the originals are given away, and not only the smaller pictures.
        archive: whether all photos are in a zip, too.
    """

    people: Sequence[str]
    photos: Sequence[GalleryPhoto]
    originals: bool
    archive: bool

    @property
    def title(self) -> str:
        """`Photos of Ada`, `Photos of Ada, Bob and 3 others`."""
        *first, last = (
            self.people[:3] if len(self.people) <= 3 else (*self.people[:2], f"{len(self.people) - 2} others")
        )
        return f"Photos of {', '.join(first) + ' and ' if first else ''}{last}"


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
    if any(out.iterdir()) and not (out / MARK).is_file():
        raise FacefindError(f"--out {out}: holds something else than a gallery; name a new folder")
    for name in _FOLDERS:
        if (out / name).is_symlink():
            raise FacefindError(f"--out {out}: {name} in it is a link, which may lead anywhere; name a new folder")


def write_gallery(out: Path, gallery: Gallery, previews: Path, progress: Progress) -> Path:
    """Writes the gallery, or replaces the one that is there file by file; the page comes last.

    Only this user may read what is written: whom it is given to gets a copy.

    Args:
        out: a folder that `check_folder` accepts.
        gallery: what to show.
        previews: the folder that holds the previews of all photos.
        progress: told of each photo.

    Returns:
        The page.

    Raises:
        FacefindError: an original was changed meanwhile.
        OutageError: the disk is full.
    """
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(out / MARK, b"`facefind gallery` replaces the files of this folder\n")
    progress.begin("gallery", len(gallery.photos), "photo")
    wanted = set()
    for photo in gallery.photos:
        wanted |= _write_photo(out, photo, previews, originals=gallery.originals)
        progress.advance()
    progress.end()
    if gallery.archive:
        _write_archive(out / ARCHIVE, gallery, progress)
    else:
        (out / ARCHIVE).unlink(missing_ok=True)
    wanted |= _write_data(out, gallery)
    _write_page(out, gallery.title)
    _remove_stale(out, wanted)
    return out / INDEX


def _write_photo(out: Path, photo: GalleryPhoto, previews: Path, *, originals: bool) -> set[str]:
    sha256 = photo.match.sha256
    copies = {photo.full: FULL} | {photo.thumbnail(side): side for side in THUMBNAILS}
    for name, side in copies.items():
        preview = preview_file(previews, sha256, side)
        if not _is_there(out / name, preview.stat().st_size):
            _write(out / name, preview.read_bytes())
    if not originals:
        return set(copies)
    if not (out / photo.original).is_file():
        content = photo.source.read()
        if content is None:
            raise FacefindError(f"{photo.match.file} went away or was changed meanwhile: call `facefind gallery` again")
        _write(out / photo.original, content)
    return {*copies, photo.original}


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(file, content)


def _is_there(file: Path, size: int) -> bool:
    """Whether the file of that content is there already: its name has the hash, and nothing is there in part."""
    return file.is_file() and file.stat().st_size == size


def _write_archive(file: Path, gallery: Gallery, progress: Progress) -> None:
    """All photos in one file, a folder for each event day; JPEGs do not get smaller, so they are stored."""
    progress.begin(file.name, len(gallery.photos), "photo")
    descriptor, partial = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(descriptor, "wb") as written, zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
            for photo in gallery.photos:
                name = photo.original if gallery.originals else photo.full
                taken = max(photo.match.taken_at or _DOS_EPOCH, _DOS_EPOCH)
                entry = zipfile.ZipInfo(f"{photo.match.event_day}/{PurePosixPath(name).name}", taken.timetuple()[:6])
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, (file.parent / name).read_bytes())
                progress.advance()
        Path(partial).replace(file)
    except BaseException as error:
        Path(partial).unlink(missing_ok=True)
        if is_disk_full(error):
            raise no_space(file) from error
        raise
    progress.end()


def _write_data(out: Path, gallery: Gallery) -> set[str]:
    days = list(dict.fromkeys(day_of(photo) for photo in gallery.photos))
    found = {band_of(appearance.match) for photo in gallery.photos for appearance in photo.appearances}
    bands = [band for band in BANDS if band in found]
    values = [photo_values(photo, days, bands, originals=gallery.originals) for photo in gallery.photos]
    parts = [values[start : start + PART] for start in range(0, len(values), PART)]
    for number, part in enumerate(parts):
        _write_script(out / f"data/photos-{number}.js", "addPhotos", part)
    data: GalleryData = {
        "people": gallery.people,
        "days": days,
        "bands": [BANDS[band] for band in bands],
        "thumbnails": THUMBNAILS,
        "parts": len(parts),
        "archive": {"file": ARCHIVE, "bytes": (out / ARCHIVE).stat().st_size} if gallery.archive else None,
    }
    _write_script(out / "data/gallery.js", "openGallery", data)
    return {f"data/photos-{number}.js" for number in range(len(parts))}


def _write_script(file: Path, function: str, values: object) -> None:
    """A call with the values: a page opened from a file may run scripts beside it, but not read data."""
    _write(file, f"{function}({json.dumps(values, separators=(',', ':'))});\n".encode("ascii"))


def _write_page(out: Path, title: str) -> None:
    for source in sorted(path for path in _PAGE.rglob("*") if path.is_file() and path.name != INDEX):
        _write(out / "page" / source.relative_to(_PAGE), source.read_bytes())
    page = Template((_PAGE / INDEX).read_text(encoding="utf-8")).substitute(title=html.escape(title))
    write_atomically(out / INDEX, page.encode())


def _remove_stale(out: Path, wanted: set[str]) -> None:
    """Removes what an earlier gallery there had written of photos that are not in this one."""
    for folder in _FOLDERS:
        for file in (out / folder).glob("*"):
            if _OURS.fullmatch(file.name) and f"{folder}/{file.name}" not in wanted:
                file.unlink()
