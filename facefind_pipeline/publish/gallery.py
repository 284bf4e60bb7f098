"""A gallery written: a page that opens from a file manager without a network, beside its pictures."""

import html
import json
import os
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
from facefind_pipeline.publish.gallery_folder import COVERED, remove_stale, write_file
from facefind_pipeline.publish.gallery_pictures import picture_files
from facefind_pipeline.publish.previews import THUMBNAILS
from facefind_pipeline.vision.decode import UnreadablePhotoError
from facefind_pipeline.vision.models import write_atomically

INDEX = "index.html"
ARCHIVE = "photos.zip"
PART = 250  # photos: a script of 60 kB, which a slow phone reads in 30 ms
_PAGE = Path(__file__).with_name("page")
_HIDDEN_NOTE = '<p class="note">Other people are covered, unless they agreed to be shown.</p>'
_DOS_EPOCH = datetime(1980, 1, 1)  # a zip knows no earlier time


@dataclass(frozen=True, slots=True)
class Gallery:
    """What a gallery shows.

    Attributes:
        people: their names, in the order of their numbers.
        photos: in the order in which they were taken.
        originals: whether the originals are given away, and not only the smaller pictures.
        archive: whether all photos are in a zip, too.
        others_hidden: whether other people are covered in the pictures.
    """

    people: Sequence[str]
    photos: Sequence[GalleryPhoto]
    originals: bool
    archive: bool
    others_hidden: bool = False

    @property
    def title(self) -> str:
        """`Photos of Ada`, `Photos of Ada, Bob and 3 others`."""
        *first, last = (
            self.people[:3] if len(self.people) <= 3 else (*self.people[:2], f"{len(self.people) - 2} others")
        )
        return f"Photos of {', '.join(first) + ' and ' if first else ''}{last}"


def write_gallery(out: Path, gallery: Gallery, progress: Progress) -> Path:
    """Writes all of a gallery but its pictures, which are there; replaces an earlier one, and the page comes last.

    Args:
        out: the folder with the pictures.
        gallery: what to show.
        progress: told of each photo.

    Returns:
        The page.

    Raises:
        FacefindError: an original was changed meanwhile.
        OutageError: the disk is full.
    """
    wanted = {name for photo in gallery.photos for name in picture_files(photo)}
    if gallery.originals:
        wanted |= _write_originals(out, gallery.photos)
    if gallery.archive:
        _write_archive(out / ARCHIVE, gallery, progress)
    else:
        (out / ARCHIVE).unlink(missing_ok=True)
    wanted |= _write_data(out, gallery)
    if gallery.others_hidden:
        wanted.add(COVERED)
    _write_page(out, gallery)
    remove_stale(out, wanted)
    return out / INDEX


def _write_originals(out: Path, photos: Sequence[GalleryPhoto]) -> set[str]:
    for photo in photos:
        if (out / photo.original).is_file():
            continue
        try:
            write_file(out / photo.original, photo.source.read())
        except UnreadablePhotoError as error:
            raise FacefindError(f"{photo.match.file}: {error}; call `facefind gallery` again") from error
    return {photo.original for photo in photos}


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
    write_file(file, f"{function}({json.dumps(values, separators=(',', ':'))});\n".encode("ascii"))


def _write_page(out: Path, gallery: Gallery) -> None:
    for source in sorted(path for path in _PAGE.rglob("*") if path.is_file() and path.name != INDEX):
        write_file(out / "page" / source.relative_to(_PAGE), source.read_bytes())
    page = Template((_PAGE / INDEX).read_text(encoding="utf-8")).substitute(
        title=html.escape(gallery.title), note=_HIDDEN_NOTE if gallery.others_hidden else ""
    )
    write_atomically(out / INDEX, page.encode())
