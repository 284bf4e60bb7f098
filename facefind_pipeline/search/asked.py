"""Whom a search asks for: people's references and confirmed faces, and the feedback on photos."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.distances import Floats, Numbers, Probes, on_grid
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query
from facefind_pipeline.store.vectors import Block


@dataclass(frozen=True, slots=True)
class KnownFaces:
    """Faces of which it is known whose they are.

    Attributes:
        people: (n,) numbers of people.
        photos: (n,) SHA-256 of the photos that they are in.
        face_keys: (n,) of 16 bytes.
    """

    people: Numbers
    photos: npt.NDArray[np.void]
    face_keys: npt.NDArray[np.void]

    @classmethod
    def joined(cls, parts: Iterable["KnownFaces"]) -> "KnownFaces":
        """Those of all parts, in their order."""
        nothing = cls(np.zeros(0, np.int64), np.zeros(0, "V32"), np.zeros(0, "V16"))
        columns = zip(*((part.people, part.photos, part.face_keys) for part in (nothing, *parts)), strict=True)
        return cls(*map(np.concatenate, columns))


class Feedback(NamedTuple):
    """Feedback on one person in a photo; `by_hand` if it is a box that no detector found."""

    person: int
    shown: bool
    by_hand: bool


@dataclass(frozen=True, slots=True)
class DrawnBoxes:
    """Boxes drawn by hand around people, and their vectors.

    Attributes:
        photos: SHA-256 of each of the n.
        people: (n,) numbers of people.
        vectors: (n, dimension) on the grid.
        embedders: (n,) numbers of fingerprints; 0 where there is no vector to compare.
    """

    photos: Sequence[bytes]
    people: Numbers
    vectors: Floats
    embedders: Numbers


@dataclass(frozen=True, slots=True)
class Asked:
    """People who are searched for, by number from 0; and embedders, from 1.

    Attributes:
        people: keys, sorted.
        embedders: fingerprints, sorted.
        references: vectors of their reference photos.
        members: the same, and those of confirmed faces: what templates are made of.
        feedback: on people in a photo, by its SHA-256.
        drawn: boxes drawn by hand.
        confirmed: the faces that were confirmed.
    """

    people: Sequence[str]
    embedders: Sequence[str]
    references: Probes
    members: Probes
    feedback: Mapping[bytes, Sequence[Feedback]]
    drawn: DrawnBoxes
    confirmed: KnownFaces = field(default_factory=lambda: KnownFaces.joined([]))

    def feedback_on(self, block: Block) -> Iterator[tuple[int, Sequence[Feedback]]]:
        """Numbers of the block's photos of which something was said, each with that."""
        for number, photo in enumerate(block.photos.tolist()):
            if photo in self.feedback:
                yield number, self.feedback[photo]


def read_asked(connection: Connection, chosen: RegisteredSet) -> Asked:
    """Everyone with a usable reference under the set, of whom there must be somebody."""
    with connection.cursor() as cursor:
        cursor.execute(query("template_members"), {"parameter_set": chosen.key})
        rows = cursor.fetchall()
    people = sorted({row[0] for row in rows})
    embedders = sorted({row[1] for row in rows})
    rows.sort(key=lambda row: (row[1], row[0]))
    members = Probes(
        on_grid(np.array([row[3].to_numpy() for row in rows], dtype=np.float64), chosen.metric),
        np.zeros(len(rows)),
        np.array([people.index(person) for person, *_ in rows]),
        np.array([embedders.index(embedder) + 1 for _, embedder, *_ in rows]),
    )
    of_references = np.array([is_reference for _, _, is_reference, *_ in rows])
    references = Probes(
        *(part[of_references] for part in (members.vectors, members.spreads, members.people, members.embedders))
    )
    found = [(people.index(person), bytes(photo), UUID(key).bytes) for person, _, _, _, photo, key in rows if key]
    confirmed = KnownFaces(
        np.array([person for person, _, _ in found], np.int64),
        np.array([photo for _, photo, _ in found], "V32"),
        np.array([key for _, _, key in found], "V16"),
    )
    drawn = _read_drawn(connection, chosen, people, embedders)
    return Asked(people, embedders, references, members, _read_feedback(connection, people), drawn, confirmed)


def nobody(chosen: RegisteredSet) -> Asked:
    """What is asked for where nobody is known: no one, among the faces of the set's own embedder."""
    vectors, numbers = np.zeros((0, chosen.dimension)), np.zeros(0, np.int64)
    none = Probes(vectors, np.zeros(0), numbers, numbers)
    embedders = [chosen.embedder_fingerprint] if chosen.embedder_fingerprint else []
    return Asked([], embedders, none, none, {}, DrawnBoxes([], numbers, vectors, numbers))


def _read_feedback(connection: Connection, people: Sequence[str]) -> dict[bytes, list[Feedback]]:
    numbers = {person: number for number, person in enumerate(people)}
    feedback = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sha256, person, shown, by_hand FROM feedback WHERE person = ANY(%s)", [list(people)])
        for sha256, person, shown, by_hand in cursor.fetchall():
            feedback[bytes(sha256)].append(Feedback(numbers[person], shown, by_hand))
    return feedback


def _read_drawn(
    connection: Connection, chosen: RegisteredSet, people: Sequence[str], embedders: Sequence[str]
) -> DrawnBoxes:
    numbers = {person: number for number, person in enumerate(people)}
    with connection.cursor() as cursor:
        cursor.execute(query("drawn_boxes"), {"embedder": chosen.embedder_fingerprint, "people": list(people)})
        rows = cursor.fetchall()
    nothing = np.zeros(chosen.dimension)
    vectors = [nothing if vector is None else vector.to_numpy() for _, _, vector, _ in rows]
    return DrawnBoxes(
        [bytes(sha256) for _, sha256, *_ in rows],
        np.array([numbers[person] for person, *_ in rows], dtype=np.int64),
        on_grid(np.array(vectors, dtype=np.float64).reshape(len(rows), chosen.dimension), chosen.metric),
        np.array([embedders.index(one) + 1 if one in embedders else 0 for *_, one in rows], dtype=np.int64),
    )
