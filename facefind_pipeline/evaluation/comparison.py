"""What two parameter sets found in the same photos: the boxes they share, and those that only one of them has."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import SAME_FACE, Box
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query


@dataclass(frozen=True, slots=True)
class FoundBox:
    """A box that a set's detector found."""

    sha256: bytes
    event_day: str
    path: str
    face_key: UUID
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class PhotoDifference:
    """A photo in which one set found what the other did not."""

    event_day: str
    path: str
    only_first: tuple[FoundBox, ...]
    only_second: tuple[FoundBox, ...]

    @property
    def sides(self) -> tuple[tuple[FoundBox, ...], tuple[FoundBox, ...]]:
        """Both, in the order of the sets."""
        return self.only_first, self.only_second

    def as_json(self) -> dict[str, object]:
        """Plain values for programs."""
        boxes = [[{"box": list(one.box), "score": one.score} for one in side] for side in self.sides]
        return {"event_day": self.event_day, "photo": self.path, "only_first": boxes[0], "only_second": boxes[1]}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sets side by side.

    Attributes:
        both: faces that both found.
        only_first: faces that the first alone found; `only_second` likewise.
        photos: those in which they differ, by event day and path.
    """

    both: int
    only_first: int
    only_second: int
    photos: tuple[PhotoDifference, ...]


def match_boxes(first: Sequence[Box], second: Sequence[Box]) -> list[tuple[int, int]]:
    """Pairs of indexes of boxes that are one face, the most alike first; each box is in one pair at most."""
    pairs = sorted(
        ((a.iou(b), i, j) for i, a in enumerate(first) for j, b in enumerate(second)),
        key=lambda pair: (-pair[0], pair[1:]),
    )
    matched: dict[int, int] = {}
    for overlap, i, j in pairs:
        if overlap >= SAME_FACE and i not in matched and j not in matched.values():
            matched[i] = j
    return list(matched.items())


def compare_sets(connection: Connection, first: RegisteredSet, second: RegisteredSet) -> Comparison:
    """What the two sets' detectors found in the photos that they were run on."""
    photos: dict[tuple[str, str], tuple[list[FoundBox], list[FoundBox]]] = {}
    for side, chosen in enumerate((first, second)):
        for found in _boxes(connection, chosen):
            photos.setdefault((found.event_day, found.path), ([], []))[side].append(found)
    both = 0
    differences = []
    for (event_day, path), (a, b) in sorted(photos.items()):
        pairs = match_boxes([one.box for one in a], [one.box for one in b])
        both += len(pairs)
        only_first = tuple(one for i, one in enumerate(a) if i not in {i for i, _ in pairs})
        only_second = tuple(one for j, one in enumerate(b) if j not in {j for _, j in pairs})
        if only_first or only_second:
            differences.append(PhotoDifference(event_day, path, only_first, only_second))
    return Comparison(
        both,
        sum(len(photo.only_first) for photo in differences),
        sum(len(photo.only_second) for photo in differences),
        tuple(differences),
    )


def _boxes(connection: Connection, chosen: RegisteredSet) -> list[FoundBox]:
    with connection.cursor() as cursor:
        cursor.execute(query("boxes_of_set"), {"parameter_set": chosen.key})
        return [
            FoundBox(bytes(sha256), event_day, path, face_key, Box(x, y, w, h), score)
            for sha256, event_day, path, face_key, x, y, w, h, score in cursor.fetchall()
        ]
