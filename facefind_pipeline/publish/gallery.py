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
PAGE = Path(__file__).with_name("page")
_HIDDEN_NOTE = '<p class="note">Other people are covered, unless they agreed to be shown.</p>'
_WITHOUT_SCRIPT = "This page needs JavaScript. The photos are in the folder <code>photos</code> beside it."
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
    scripts = gallery_scripts(gallery, (out / ARCHIVE).stat().st_size if gallery.archive else None)
    for name, content in scripts.items():
        write_file(out / name, content)
    wanted |= scripts.keys()
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
    """All photos in one file, a folder for each event day."""
    progress.begin(file.name, len(gallery.photos), "photo")
    descriptor, partial = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(descriptor, "wb") as written, zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
            for photo in gallery.photos:
                name = photo.original if gallery.originals else photo.full
                archive.writestr(archive_entry(photo, name), (file.parent / name).read_bytes())
                progress.advance()
        Path(partial).replace(file)
    except BaseException as error:
        Path(partial).unlink(missing_ok=True)
        if is_disk_full(error):
            raise no_space(file) from error
        raise
    progress.end()


def gallery_scripts(gallery: Gallery, archive: int | None) -> dict[str, bytes]:
    """The scripts with what the page knows of the photos, by their paths in the gallery.

    Args:
        gallery: what to show.
        archive: bytes of the zip; None where it is made while it is fetched.
    """
    days = list(dict.fromkeys(day_of(photo) for photo in gallery.photos))
    found = {band_of(appearance.match) for photo in gallery.photos for appearance in photo.appearances}
    bands = [band for band in BANDS if band in found]
    values = [photo_values(photo, days, bands, originals=gallery.originals) for photo in gallery.photos]
    parts = [values[start : start + PART] for start in range(0, len(values), PART)]
    data: GalleryData = {
        "people": gallery.people,
        "days": days,
        "bands": [BANDS[band] for band in bands],
        "thumbnails": THUMBNAILS,
        "parts": len(parts),
        "archive": {"file": ARCHIVE, "bytes": archive} if gallery.archive else None,
    }
    of_parts = {f"data/photos-{number}.js": _script("addPhotos", part) for number, part in enumerate(parts)}
    return of_parts | {"data/gallery.js": _script("openGallery", data)}


def gallery_page(title: str, *, others_hidden: bool, without_script: str, more: str = "") -> bytes:
    """The page itself.

    Args:
        title: its heading.
        others_hidden: whether it says that other people are covered.
        without_script: what it says where no script runs, HTML.
        more: below the notes, HTML.
    """
    page = Template((PAGE / INDEX).read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        note=(_HIDDEN_NOTE if others_hidden else "") + more,
        without_script=without_script,
    )
    return page.encode()


def page_files() -> dict[str, Path]:
    """What the page loads beside its data, the same for all galleries: files of this package by paths in a gallery."""
    files = sorted(path for path in PAGE.rglob("*") if path.is_file() and path.name != INDEX)
    return {f"page/{file.relative_to(PAGE).as_posix()}": file for file in files}


def archive_entry(photo: GalleryPhoto, file: str) -> zipfile.ZipInfo:
    """A photo's place in the zip, with the time when it was taken; JPEGs do not get smaller, so they are stored."""
    taken = max(photo.match.taken_at or _DOS_EPOCH, _DOS_EPOCH)
    entry = zipfile.ZipInfo(f"{photo.match.event_day}/{PurePosixPath(file).name}", taken.timetuple()[:6])
    entry.external_attr = 0o644 << 16
    return entry


def _script(function: str, values: object) -> bytes:
    """A call with the values: a page opened from a file may run scripts beside it, but not read data."""
    return f"{function}({json.dumps(values, separators=(',', ':'))});\n".encode("ascii")


def _write_page(out: Path, gallery: Gallery) -> None:
    for name, source in page_files().items():
        write_file(out / name, source.read_bytes())
    page = gallery_page(gallery.title, others_hidden=gallery.others_hidden, without_script=_WITHOUT_SCRIPT)
    write_atomically(out / INDEX, page)
