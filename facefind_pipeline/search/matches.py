"""A photo that a search found, and what is known of all that it looked at."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.store.root_places import here

if TYPE_CHECKING:
    from facefind_pipeline.search.calibration import Calibration

CONFIRMED, SURE, LIKELY, UNLIKELY = BANDS = ("confirmed", "sure", "likely", "unlikely")
WORTH_SHOWING = (CONFIRMED, SURE, LIKELY)


class Copy(NamedTuple):
    """Another file of a photo's content."""

    event_day: str
    photo: str
    file: Path
    there: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """A photo ranked for a person, by its best face, after those that were confirmed.

    Stored results are ranked by their score; live ones by the distance to the nearest reference, which then is all
    three distances. A box drawn by hand has none live, and no detector's confidence.

    Attributes:
        rank: from 1.
        photo: path below its root.
        file: absolute path.
        event_day: the day's key.
        distance: of the best face, in the metric that was asked; of stored results the template distance: the root of
            the mean square distance to the person's references and sure photos.
        score: the distance, and more the nearer another person is to the face; moved by the clothes.
        plain_distance: the nearest-reference distance: of the photo's face nearest to any reference.
        probability: that the face is the person's; None where nothing is known of probabilities.
        rival: another person's name, whom the face looks more like.
        rival_distance: of the face to the rival.
        band: one of `BANDS`: `confirmed` if somebody said that the photo shows the person, else by the score; empty
            where nothing is known of probabilities.
        box: of the best face; x, y, w, h in upright pixels.
        detector_score: the detector's own confidence.
        copies: other files of the same content.
        thumbnail: JPEG of the face; empty for a reader of the database, who has no right to it.
        there: whether the file was there, where somebody looked for it.
        face_score: of the photo's best face by the face alone.
        clothes: what clothes add to the log odds that the face is the person's, and so to the score; None where
            nothing is known of them, or they tell nothing on that event day.
        clothes_photos: other photos of that day with which they were compared.
    """

    rank: int
    photo: str
    file: Path
    event_day: str
    distance: float | None
    score: float | None
    plain_distance: float | None
    probability: float | None
    rival: str | None
    rival_distance: float | None
    band: str
    box: tuple[int, int, int, int]
    detector_score: float | None
    taken_at: datetime | None
    country: str | None
    place: str | None
    sha256: str
    copies: tuple[Copy, ...]
    thumbnail: bytes
    there: bool = True
    face_score: float | None = None
    clothes: float | None = None
    clothes_photos: int | None = None

    def as_json(self) -> Mapping[str, object]:
        """Plain values for programs, without the picture."""
        return {
            "rank": self.rank,
            "photo": self.photo,
            "file": str(self.file),
            "there": self.there,
            "event_day": self.event_day,
            "distance": _rounded(self.distance, 6),
            "band": self.band,
            "probability": _rounded(self.probability, 4),
            "score": _rounded(self.score, 6),
            "face_score": _rounded(self.face_score, 6),
            "clothes": _rounded(self.clothes, 4),
            "clothes_photos": self.clothes_photos,
            "plain_distance": _rounded(self.plain_distance, 6),
            "rival": self.rival,
            "rival_distance": _rounded(self.rival_distance, 6),
            "box": list(self.box),
            "detector_score": self.detector_score,
            "taken_at": self.taken_at.isoformat() if self.taken_at else None,
            "country": self.country,
            "place": self.place,
            "copies": [copy._asdict() | {"file": str(copy.file)} for copy in self.copies],
            "sha256": self.sha256,
        }


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found.

    Attributes:
        matches: the photos to show, best first.
        counts: of photos that are confirmed, sure and likely, by band, shown or not; all zero where nothing is known
            of probabilities.
        photos: how many were ranked in all; None where a live search did not look at all of them.
        at_least: there may be more than `photos`, since no more are kept.
        cut: the score up to which photos are sure or likely; None where that is not known.
        stale: whether the live search answered because the stored results are not of what is there now.
        by_face: whether it answered although clothes count in the stored results, since these do not reach so far.
    """

    matches: list[Match]
    counts: Mapping[str, int]
    photos: int | None
    at_least: bool
    cut: float | None
    stale: bool = False
    by_face: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """Photos by band, shown or not; all zero where nothing is known of probabilities."""

    confirmed: int
    sure: int
    likely: int

    @property
    def by_band(self) -> Mapping[str, int]:
        """The same under the bands' names."""
        return {CONFIRMED: self.confirmed, SURE: self.sure, LIKELY: self.likely}


class PhotoRow(NamedTuple):
    """The columns of a photo, with which the rows of `find` and `stored_results` begin."""

    files: list[list[str]]  # of one content: the event day, the path, its root
    distance: float | None
    x: int
    y: int
    w: int
    h: int
    detector_score: float | None
    taken_at: datetime | None
    country: str | None
    place: str | None
    sha256: bytes
    thumbnail: bytes
    score: float | None
    plain_distance: float | None
    rival: str | None
    rival_distance: float | None
    band: str
    face_score: float | None
    clothes: float | None
    clothes_photos: int | None


CountsT = TypeVar("CountsT", bound=Counts)


def read_rows(cursor: Cursor, counts: Callable[..., CountsT]) -> tuple[list[PhotoRow], CountsT]:
    """What `find` or `stored_results` gave: the photos, and the counts with which each of its rows ends.

    The counts come also where no photo is shown: in a row that has nothing else.
    """
    rows = cursor.fetchall()
    width = len(PhotoRow._fields)
    return [PhotoRow(*row[:width]) for row in rows if row[0] is not None], counts(*rows[0][width:])


def read_matches(rows: Sequence[PhotoRow], calibration: "Calibration | None") -> list[Match]:
    """The photos of the rows, ranked as they come; of the files of one content the first stands for it."""
    matches = []
    for rank, row in enumerate(rows, start=1):
        first, *others = (Copy(day, path, _file(root, path)) for day, path, root in sorted(row.files))
        match = Match(
            rank=rank,
            photo=first.photo,
            file=first.file,
            event_day=first.event_day,
            distance=row.distance,
            score=row.score,
            plain_distance=row.plain_distance,
            probability=calibration.probability(row.score) if calibration and row.score is not None else None,
            rival=row.rival,
            rival_distance=row.rival_distance,
            band=row.band,
            box=(row.x, row.y, row.w, row.h),
            detector_score=row.detector_score,
            taken_at=row.taken_at,
            country=row.country,
            place=row.place,
            sha256=bytes(row.sha256).hex(),
            copies=tuple(others),
            thumbnail=bytes(row.thumbnail or b""),
            face_score=row.face_score,
            clothes=row.clothes,
            clothes_photos=row.clothes_photos,
        )
        matches.append(match)
    return matches


def _file(root: str, path: str) -> Path:
    return Path(here(os.path.join(root, path)))  # noqa: PTH118 (three times as fast as joining two paths)
