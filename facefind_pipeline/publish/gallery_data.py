"""What a gallery's page knows of its photos: plain values for its script, in the order in which they were taken."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypedDict

from psycopg2.extensions import connection as Connection  # noqa: N812
from slugify import slugify

from facefind_pipeline.publish.hiding import Hiding
from facefind_pipeline.publish.hiding_plan import plan_hiding
from facefind_pipeline.publish.previews import FULL, scaled_size
from facefind_pipeline.publish.selection import Selection
from facefind_pipeline.publish.sources import Source
from facefind_pipeline.search.matches import WORTH_SHOWING, Match
from facefind_pipeline.store import versions
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.vision.countries import country_names

OTHERS = "unlikely"  # the band of all matches that are shown only when asked for
BANDS = {"confirmed": "Confirmed", "sure": "Sure", "likely": "Likely", OTHERS: "Unlikely"}
UNDATED = "No date"
_LONGEST_STEM = 60  # characters of a photo's name that its file in a gallery keeps
_DIGEST = 16  # hex digits


@dataclass(frozen=True, slots=True)
class Appearance:
    """One person in a photo, by the number that the gallery gives them, and their match."""

    person: int
    match: Match


@dataclass(frozen=True)
class GalleryPhoto:
    """A photo of a gallery.

    Attributes:
        size: width and height of the original, upright pixels.
        appearances: of the gallery's people, at least one, the best band first.
        hiding: what is covered in its pictures; None where nothing is.
    """

    size: tuple[int, int]
    appearances: Sequence[Appearance]
    hiding: Hiding | None = None

    @property
    def match(self) -> Match:
        """Any of the photo's matches: what all of them say of the photo itself."""
        return self.appearances[0].match

    @property
    def source(self) -> Source:
        """The photo's content and the files that hold it."""
        return Source(self.match.sha256, (self.match.file, *(copy.file for copy in self.match.copies)))

    @property
    def order(self) -> tuple[bool, datetime, str, str]:
        """Of when it was taken, photos without a date last."""
        match = self.match
        return match.taken_at is None, match.taken_at or datetime.min, match.event_day, match.photo

    @cached_property
    def stem(self) -> str:
        """Of its files in the gallery: what any system takes of the photo's name, and a hash of what made them.

        So pictures with other people covered never have the names of plain ones.
        """
        name = slugify(Path(self.match.photo).stem, lowercase=False, regex_pattern=r"[^A-Za-z0-9._-]+")
        made_from = self.match.sha256
        if self.hiding is not None:
            made_from = versions.hash_rows([(self.match.sha256, self.hiding.version)])
        return f"{name[:_LONGEST_STEM].strip('._-') or 'photo'}-{made_from[:_DIGEST]}"

    @property
    def full(self) -> str:
        """Path in the gallery of the photo as the lightbox shows it."""
        return f"photos/{self.stem}.jpg"

    @property
    def original(self) -> str:
        """Path in the gallery of the original."""
        suffix = Path(self.match.photo).suffix.lower()
        return f"originals/{self.stem}{suffix if re.fullmatch('[.][a-z0-9]{1,8}', suffix) else ''}"

    def thumbnail(self, side: int) -> str:
        """Path in the gallery of a thumbnail."""
        return f"thumbnails/{self.stem}-{side}.jpg"


class GalleryData(TypedDict):
    """What the page learns first; the photos follow in parts, lest reading them holds up the page."""

    people: Sequence[str]
    days: Sequence[str]
    bands: Sequence[str]
    thumbnails: Sequence[int]
    parts: int
    archive: Mapping[str, object] | None


def gallery_photos(connection: Connection, selections: Sequence[Selection]) -> list[GalleryPhoto]:
    """The photos of all selections, each once, in the order in which they were taken."""
    appearances: defaultdict[str, list[Appearance]] = defaultdict(list)
    for number, selection in enumerate(selections):
        for match in selection.matches:
            appearances[match.sha256].append(Appearance(number, match))
    sizes = _sizes(connection, list(appearances))
    bands = list(BANDS)
    photos = [
        GalleryPhoto(sizes[sha256], sorted(of_photo, key=lambda one: (bands.index(band_of(one.match)), one.person)))
        for sha256, of_photo in appearances.items()
    ]
    return sorted(photos, key=lambda photo: photo.order)


def hide_others(
    connection: Connection, chosen: RegisteredSet, photos: Sequence[GalleryPhoto], on: date
) -> list[GalleryPhoto]:
    """The photos with what is to be covered in each: the faces of all people of the gallery stay.

    Args:
        connection: any.
        chosen: the set that found the photos.
        photos: of the gallery.
        on: the day for which consents must hold.

    Returns:
        Only photos in which somebody looked for faces.
    """
    shown = {photo.match.sha256: [one.match.box for one in photo.appearances] for photo in photos}
    hiding = plan_hiding(connection, chosen, shown, on)
    return [replace(photo, hiding=hiding[photo.match.sha256]) for photo in photos if photo.match.sha256 in hiding]


def day_of(photo: GalleryPhoto) -> str:
    """The day that a photo is shown under, as people write it."""
    taken = photo.match.taken_at
    return f"{taken:%A} {taken.day} {taken:%B %Y}" if taken else UNDATED


def band_of(match: Match) -> str:
    """One of `BANDS`."""
    return match.band if match.band in WORTH_SHOWING else OTHERS


def photo_values(
    photo: GalleryPhoto, days: Sequence[str], bands: Sequence[str], *, originals: bool
) -> Mapping[str, object]:
    """What the page's script knows of one photo: days and bands by their numbers, each person as a flat list.

    There may be 10,000 of them: the fewer objects they are, the shorter the browser's garbage collection takes.
    """
    match = photo.match
    width, height = scaled_size(photo.size, FULL)
    return {
        "stem": photo.stem,
        "width": width,
        "height": height,
        "original": PurePosixPath(photo.original).suffix if originals else None,
        "name": match.photo,
        "day": days.index(day_of(photo)),
        "time": f"{match.taken_at:%H:%M}" if match.taken_at else "",
        "place": _place(match),
        "people": [_appearance_values(appearance, photo.size, bands) for appearance in photo.appearances],
    }


def _appearance_values(appearance: Appearance, size: tuple[int, int], bands: Sequence[str]) -> list[float | None]:
    """Person, band, confidence, distance; and the face's x, y, w, h as shares of the photo's width and height."""
    match = appearance.match
    x, y, w, h = match.box
    width, height = size
    confidence = None if match.probability is None else round(match.probability, 4)
    distance = None if match.distance is None else round(match.distance, 3)
    box = [round(value, 4) for value in (x / width, y / height, w / width, h / height)]
    return [appearance.person, bands.index(band_of(match)), confidence, distance, *box]


def _place(match: Match) -> str:
    country = country_names().get(match.country, match.country) if match.country else None
    return ", ".join(part for part in (match.place, country) if part)


def _sizes(connection: Connection, photos: Sequence[str]) -> dict[str, tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT ON (sha256) encode(sha256, 'hex'), width, height FROM photos
            WHERE sha256 = ANY (%s) AND problem IS NULL ORDER BY sha256, event_day, path
            """,
            [[bytes.fromhex(sha256) for sha256 in photos]],
        )
        return {sha256: (width, height) for sha256, width, height in cursor.fetchall()}
