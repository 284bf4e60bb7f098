"""What people said of groups of faces, as faces of a set that are together or apart.

The newest statement holds: an older one joins no faces that a newer one parts, and parts none that a newer one joins.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from facefind_pipeline.faces import SAME_FACE, Box
from facefind_pipeline.store.groups import FacePlace, Kind, Statement

Numbers = npt.NDArray[np.int64]
Sides = tuple[Sequence[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Said:
    """Faces by number.

    Attributes:
        together: of each list, one person's.
        apart: of each two lists, two people's.
        named: the key of the person by face.
    """

    together: Sequence[Numbers] = ()
    apart: Sequence[tuple[Numbers, Numbers]] = ()
    named: Mapping[int, str] = field(default_factory=dict)


def faces_said(statements: Sequence[Statement], photos: Sequence[bytes], boxes: Sequence[Box]) -> Said:
    """What statements say of a set's faces.

    Args:
        statements: the oldest first.
        photos: (n,) SHA-256 of each face's photo.
        boxes: (n,) of each face; one that another detector found around the same face counts as that.
    """
    in_photo: dict[bytes, list[int]] = defaultdict(list)
    about = {place.sha256 for one in statements for place in (*one.faces, *one.others)}
    for number, photo in enumerate(photos):
        if photo in about:
            in_photo[photo].append(number)
    parts = _Parts()
    for statement in reversed(statements):
        ours, theirs = (_numbers(places, in_photo, boxes) for places in (statement.faces, statement.others))
        if statement.kind is Kind.DIFFERENT:
            parts.part(ours, theirs)
        else:
            parts.join([*ours, *theirs], statement.person)
    return parts.said()


def _numbers(places: Iterable[FacePlace], in_photo: Mapping[bytes, Sequence[int]], boxes: Sequence[Box]) -> list[int]:
    """The faces at these places, of several that overlap the one that does most."""
    found = []
    for place in places:
        near = [(place.box.iou(boxes[number]), -number) for number in in_photo.get(place.sha256, ())]
        overlap, number = max(near, default=(0.0, 0))
        if overlap >= SAME_FACE:
            found.append(-number)
    return list(dict.fromkeys(found))


class _Parts:
    """Faces that are together, built from the newest statement to the oldest."""

    def __init__(self) -> None:
        self._of: dict[int, int] = {}
        self._faces: dict[int, list[int]] = {}
        self._marks: dict[int, set[tuple[int, int]]] = {}
        self._persons: dict[int, str] = {}
        self._apart: list[Sides] = []

    def part(self, ours: Sequence[int], theirs: Sequence[int]) -> None:
        """Faces that are two people's, unless some of them are known to be one's."""
        if not ours or not theirs or {self._part_of(face) for face in ours} & {self._part_of(face) for face in theirs}:
            return
        number = len(self._apart)
        self._apart.append((ours, theirs))
        for side, faces in enumerate((ours, theirs)):
            for face in faces:
                self._marks[self._part_of(face)].add((number, side))

    def join(self, faces: Sequence[int], person: str | None) -> None:
        """Faces that are one person's, as far as none of them are known to be two people's; the most keep the name."""
        targets = [part for part, holder in self._persons.items() if person is not None and holder == person]
        for face in faces:
            part = self._part_of(face)
            target = next((one for one in targets if not self._conflict(one, part, person)), None)
            if target is None:
                targets.append(part)
            elif target != part:
                self._merge(target, part)
                targets = [one for one in targets if one != part]
        nameless = [part for part in targets if part not in self._persons]
        if person is not None and nameless and person not in self._persons.values():
            self._persons[max(nameless, key=lambda part: len(self._faces[part]))] = person

    def said(self) -> Said:
        """All of it; two people who were named are two."""
        together = [np.array(sorted(faces)) for faces in self._faces.values()]
        named = {face: self._persons[part] for face, part in self._of.items() if part in self._persons}
        apart = [*self._apart, *_pairwise_apart(named)]
        return Said(together, [(np.array(one), np.array(other)) for one, other in apart], named)

    def _part_of(self, face: int) -> int:
        if face not in self._of:
            self._of[face], self._faces[face], self._marks[face] = face, [face], set()
        return self._of[face]

    def _conflict(self, one: int, other: int, person: str | None) -> bool:
        if one == other:
            return False
        holders = {self._persons.get(one), self._persons.get(other), person} - {None}
        return len(holders) > 1 or any((number, 1 - side) in self._marks[other] for number, side in self._marks[one])

    def _merge(self, into: int, gone: int) -> None:
        for face in self._faces.pop(gone):
            self._of[face] = into
            self._faces[into].append(face)
        self._marks[into] |= self._marks.pop(gone)
        if gone in self._persons:
            self._persons[into] = self._persons.pop(gone)


def _pairwise_apart(named: Mapping[int, str]) -> list[Sides]:
    """Says of all faces of named people that those of any two are apart, by the binary digits of people's numbers."""
    people = sorted(set(named.values()))
    numbers = {face: people.index(person) for face, person in named.items()}
    digits = range(max(0, len(people) - 1).bit_length())
    return [
        (
            [face for face, number in numbers.items() if number >> digit & 1],
            [face for face, number in numbers.items() if not number >> digit & 1],
        )
        for digit in digits
    ]
