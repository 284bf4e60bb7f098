"""A gallery served from memory: its page, its pictures made when they are first asked for, and all of them as a zip."""

import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import cached_property
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.publish.exports import Exported, Size, ToExport, export_photo
from facefind_pipeline.publish.gallery import (
    Gallery,
    archive_entry,
    gallery_page,
    gallery_scripts,
    page_files,
)
from facefind_pipeline.publish.gallery_data import GalleryPhoto, gallery_photos, hide_others
from facefind_pipeline.publish.gallery_pictures import picture_files
from facefind_pipeline.publish.previews import THUMBNAILS
from facefind_pipeline.publish.selection import Selection
from facefind_pipeline.search.matches import Match
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.vision.apart import cores

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

CACHED_BYTES = 256 * 2**20  # of pictures, those that were asked for last: some 500 photos
_PAGE_FILES = page_files()
_WITHOUT_SCRIPT = 'This page needs JavaScript. <a href="photos.zip">All photos in one file</a> need none.'


class Pictures:
    """Pictures as they are given away, by the stems of their files, kept in memory while there is room.

    A stem says what its pictures were made from, so all who are shown the same share them.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._threads = ThreadPoolExecutor(cores(), thread_name_prefix="pictures")
        self._made: OrderedDict[str, Future[Exported]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, photo: GalleryPhoto) -> Exported:
        """A photo's pictures; waits for whoever is making them.

        Raises:
            FacefindError: the detector's file is missing.
        """
        with self._lock:
            making = self._made.get(photo.stem)
            if making is None:
                wanted = ToExport(photo.match.sha256, photo.source.files, Size.WEB, photo.hiding, thumbnails=True)
                making = self._threads.submit(self._export, photo.stem, wanted)
                self._made[photo.stem] = making
            self._made.move_to_end(photo.stem)
        return making.result()

    def _export(self, stem: str, wanted: ToExport) -> Exported:
        try:
            made = export_photo(wanted, self._models)
        except BaseException:
            with self._lock:
                del self._made[stem]  # the next who asks tries again
            raise
        with self._lock:
            self._bytes += _size(made)
            if made.problem is not None:
                self._forget(stem, made)  # its disk may be back next time
            while self._bytes > CACHED_BYTES and (oldest := next(iter(self._made))) != stem:
                if not self._made[oldest].done():
                    break
                self._forget(oldest, self._made[oldest].result())
        return made

    def _forget(self, stem: str, made: Exported) -> None:
        del self._made[stem]
        self._bytes -= _size(made)


class ServedGallery:
    """What one person is shown: files by their paths in the gallery, and nothing but these."""

    def __init__(self, photos: Sequence[GalleryPhoto], pictures: Pictures, *, whose: str, others_hidden: bool) -> None:
        """Reads nothing yet.

        Args:
            photos: to show.
            pictures: makes them.
            whose: what the page calls the person.
            others_hidden: whether other people are covered.
        """
        self.photos = photos
        self._pictures = pictures
        self._gallery = Gallery([whose], photos, originals=False, archive=True, others_hidden=others_hidden)
        self._by_file = {name: (photo, side) for photo in photos for name, side in picture_files(photo).items()}

    def for_programs(self) -> list[dict[str, object]]:
        """Plain values of each photo, in the order in which they were taken; without paths or other people's names."""
        return [
            {
                "photo": photo.full,
                "thumbnail": photo.thumbnail(min(THUMBNAILS)),
                "band": photo.match.band,
                "probability": photo.match.probability and round(photo.match.probability, 4),
                "event_day": photo.match.event_day,
                "taken_at": photo.match.taken_at and photo.match.taken_at.isoformat(),
                "place": photo.match.place,
            }
            for photo in self.photos
        ]

    def by_content(self) -> dict[str, dict[str, object]]:
        """Of each photo, by SHA-256 in hex, its pictures; and where the face is, x y w h as shares of its sides."""
        return {
            photo.match.sha256: {
                "full": photo.full,
                "thumbnail": photo.thumbnail(max(THUMBNAILS)),
                "box": [
                    round(value / side, 4)
                    for value, side in zip(photo.match.box, (*photo.size, *photo.size), strict=True)
                ],
            }
            for photo in self.photos
        }

    def page(self, more: str) -> bytes:
        """The page, with `more` HTML below its heading."""
        hidden, title = self._gallery.others_hidden, self._gallery.title
        return gallery_page(title, others_hidden=hidden, without_script=_WITHOUT_SCRIPT, more=more)

    def file(self, name: str) -> bytes | None:
        """What the page loads; None where it is none of the gallery's, or can't be read any more."""
        if name in self._scripts:
            return self._scripts[name]
        if name in _PAGE_FILES:
            return _PAGE_FILES[name].read_bytes()
        if name not in self._by_file:
            return None
        photo, side = self._by_file[name]
        made = self._pictures.of(photo)
        return made.data if name == photo.full else made.thumbnails.get(side)

    def archive(self) -> Iterator[bytes]:
        """A zip of all photos, in parts; what can't be read any more is left out."""
        buffer = _Parts()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for photo in self.photos:
                made = self._pictures.of(photo)
                if made.data is not None:
                    archive.writestr(archive_entry(photo, photo.full), made.data)
                    yield buffer.taken()
        yield buffer.taken()

    @cached_property
    def _scripts(self) -> Mapping[str, bytes]:
        return gallery_scripts(self._gallery, archive=None)


def serve_matches(
    connection: Connection,
    chosen: RegisteredSet,
    person: Person,
    matches: Sequence[Match],
    *,
    pictures: Pictures,
    others_hidden: bool,
) -> ServedGallery:
    """The gallery of one person's matches: photos that are there, and with others hidden those that can be judged.

    Args:
        connection: any.
        chosen: the set that found them.
        person: whose name the page shows.
        matches: in any order.
        pictures: makes the pictures.
        others_hidden: whether other people are covered, as far as they did not agree to be shown today.
    """
    there = [replace(match, thumbnail=b"") for match in matches if match.there]  # held for as long as it is shown
    photos = gallery_photos(connection, [Selection(person, there)])
    if others_hidden:
        photos = hide_others(connection, chosen, photos, date.today())
    return ServedGallery(photos, pictures, whose=person.name, others_hidden=others_hidden)


class _Parts(RawIOBase):
    """What a zip is written to: holds what was not taken yet."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "Buffer") -> int:
        self._waiting += data
        return memoryview(data).nbytes

    def taken(self) -> bytes:
        """All that was written since the last time."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def _size(made: Exported) -> int:
    return len(made.data or b"") + sum(map(len, made.thumbnails.values()))
