"""People to look for, their reference photos, and the vectors of those under each parameter set."""

import hashlib
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import SAME_FACE, Box, Face
from facefind_pipeline.store import versions
from facefind_pipeline.store.groups import FacePlace
from facefind_pipeline.store.made import forget_made


@dataclass(frozen=True, slots=True)
class Person:
    """Someone to look for; the key is a slug of the name."""

    key: str
    name: str


@dataclass(frozen=True)
class ReferencePhoto:
    """A picture of one person.

    Attributes:
        person: who is in it.
        filename: of the picture.
        content: of the file.
        largest: whether it may have several faces, of which the largest is taken.
        cut_from: the face of an event's photo that it was cut from, if it was.
    """

    person: Person
    filename: str
    content: bytes
    largest: bool = False
    cut_from: FacePlace | None = None

    @cached_property
    def sha256(self) -> bytes:
        """Of the content."""
        return hashlib.sha256(self.content).digest()


@dataclass(frozen=True, slots=True)
class ReferenceEmbedding:
    """What a set made of a reference photo: a face and its vector, or the problem that leaves it out."""

    person: str
    sha256: bytes
    largest: bool
    found_by: str | None = None
    face: Face | None = None
    thumbnail: bytes | None = None
    vector: Any = None
    problem: str | None = None


def people(connection: Connection) -> list[Person]:
    """Everyone, by key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT person, display_name FROM people ORDER BY person")
        return [Person(*row) for row in cursor.fetchall()]


def find_person(connection: Connection, key: str) -> Person:
    """One person.

    Raises:
        FacefindError: nobody of that key; the message names who there is.
    """
    everyone = people(connection)
    found = next((person for person in everyone if person.key == key), None)
    if found is None:
        known = ", ".join(person.name for person in everyone[:10]) or "nobody yet"
        raise FacefindError(f"no person {key!r} (there is {known}): run `facefind person add NAME FILE`")
    return found


def known_as(connection: Connection, person: Person) -> Person:
    """Who has the person's key: they themselves, or somebody known whose name differs in accents and case alone.

    Raises:
        FacefindError: the key is that of a person of another name.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT display_name FROM people WHERE person = %s", [person.key])
        row = cursor.fetchone()
    if row is None:
        return person
    if not same_name(row[0], person.name):
        raise FacefindError(taken(person, row[0]))
    return Person(person.key, row[0])


def add_reference(connection: Connection, reference: ReferencePhoto, source: str) -> None:
    """Stores the person and the photo where they are new; source is `command` or `folder`.

    Raises:
        FacefindError: the person's key is that of a person of another name.
    """
    person = known_as(connection, reference.person)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people (person, display_name) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [person.key, person.name],
        )
        cursor.execute(
            """
            INSERT INTO reference_photos (person, sha256, filename, source, largest, content)
            VALUES (%s, %s, %s, %s, %s, %s)
            ON CONFLICT (person, sha256) DO UPDATE SET largest = true
                WHERE excluded.largest AND NOT reference_photos.largest
            """,
            [person.key, reference.sha256, reference.filename, source, reference.largest, reference.content],
        )
        if (place := reference.cut_from) is not None:
            cursor.execute(
                "INSERT INTO cut_references VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [person.key, reference.sha256, place.sha256, *place.box],
            )
        # Given once more, it is theirs again.
        cursor.execute(
            "DELETE FROM dismissed_references WHERE (person, sha256) = (%s, %s)", [person.key, reference.sha256]
        )


def remove_references(connection: Connection, gone: Collection[tuple[str, bytes]]) -> None:
    """Removes reference photos, given as (person, sha256), and what was found by them.

    Where a person is left without any, all results of the sets that had theirs go: their faces are others' now.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM reference_photos WHERE (person, sha256) IN (SELECT * FROM unnest(%s::text[], %s::bytea[]))",
            [[person for person, _ in gone], [sha for _, sha in gone]],
        )
        cursor.execute(
            """
            DELETE FROM searches WHERE parameter_set IN (
                SELECT parameter_set FROM searches
                WHERE person = ANY(%s) AND person NOT IN (SELECT person FROM reference_photos)
            )
            RETURNING parameter_set
            """,
            [[person for person, _ in gone]],
        )
        forget_made(connection, "search_results", [key for (key,) in cursor.fetchall()])


def references_version(connection: Connection) -> str:
    """Data version of all reference photos."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT person, display_name, encode(sha256, 'hex'), largest
            FROM people LEFT JOIN reference_photos USING (person) ORDER BY 1, 3
            """
        )
        return versions.hash_rows(cursor.fetchall())


def stored_references(connection: Connection) -> dict[tuple[str, bytes], tuple[str, bool]]:
    """(person, sha256) -> (source, largest) of every reference photo."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT person, sha256, source, largest FROM reference_photos")
        return {(person, bytes(sha)): (source, largest) for person, sha, source, largest in cursor.fetchall()}


class ReferenceName(NamedTuple):
    """A reference photo of a person by its name and content; `source` is `command` or `folder`."""

    filename: str
    sha256: bytes
    source: str


def references_of(connection: Connection, person: Person) -> list[ReferenceName]:
    """A person's reference photos in the order they were added."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT filename, sha256, source FROM reference_photos WHERE person = %s ORDER BY added_at, sha256",
            [person.key],
        )
        return [ReferenceName(filename, bytes(sha256), source) for filename, sha256, source in cursor.fetchall()]


def references_cut_from(connection: Connection, person: Person, places: Collection[FacePlace]) -> list[ReferenceName]:
    """A person's reference photos that were cut from one of these faces, in the order they were added."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT reference, sha256, x, y, w, h
            FROM cut_references WHERE person = %s AND sha256 = ANY(%s::bytea[])
            """,
            [person.key, [place.sha256 for place in places]],
        )
        cut = [(bytes(reference), bytes(sha256), Box(*box)) for reference, sha256, *box in cursor.fetchall()]
    gone = {
        reference
        for reference, sha256, box in cut
        if any(place.sha256 == sha256 and place.box.iou(box) >= SAME_FACE for place in places)
    }
    return [one for one in references_of(connection, person) if one.sha256 in gone]


def reference_counts(connection: Connection) -> list[tuple[Person, int]]:
    """Everyone with their number of reference photos."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT person, display_name, count(sha256) FROM people LEFT JOIN reference_photos USING (person)
            GROUP BY 1, 2 ORDER BY 1
            """
        )
        return [(Person(key, name), count) for key, name, count in cursor.fetchall()]


def references_to_do(
    connection: Connection, parameter_set: str, detector: str, embedder: str
) -> list[tuple[str, bytes]]:
    """(person, sha256) of the references that the set has not tried with these fingerprints."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT r.person, r.sha256 FROM reference_photos r
            WHERE NOT EXISTS (
                SELECT FROM reference_embeddings e
                WHERE e.parameter_set = %s AND e.detector_fingerprint = %s AND e.embedder_fingerprint = %s
                  AND (e.person, e.sha256, e.largest) = (r.person, r.sha256, r.largest)
            )
            ORDER BY r.person, r.added_at, r.sha256
            """,
            [parameter_set, detector, embedder],
        )
        return [(person, bytes(sha256)) for person, sha256 in cursor.fetchall()]


def reference(connection: Connection, person: str, sha256: bytes) -> ReferencePhoto | None:
    """A reference photo with its content; None if it was removed meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT display_name, filename, content, largest FROM reference_photos JOIN people USING (person)
            WHERE (person, sha256) = (%s, %s)
            """,
            [person, sha256],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    name, filename, content, largest = row
    return ReferencePhoto(Person(person, name), filename, bytes(content), largest)


def write_reference_embedding(
    connection: Connection, parameter_set: str, detector: str, embedder: str, made: ReferenceEmbedding
) -> None:
    """Stores what came of a reference, in place of what an earlier fingerprint made of it."""
    box = made.face.box if made.face else (None, None, None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM reference_embeddings WHERE (parameter_set, person, sha256) = (%s, %s, %s)",
            [parameter_set, made.person, made.sha256],
        )
        cursor.execute(
            """
            INSERT INTO reference_embeddings (parameter_set, person, sha256, largest, detector_fingerprint,
                embedder_fingerprint, found_by, x, y, w, h, thumbnail, embedding, problem)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                *(parameter_set, made.person, made.sha256, made.largest, detector, embedder),
                *(made.found_by, *box, made.thumbnail, made.vector, made.problem),
            ],
        )


@dataclass(frozen=True, slots=True)
class ReferenceState:
    """How a reference photo fares under a set; `tried` is false until it was looked at."""

    person: Person
    filename: str
    tried: bool
    found_by: str | None
    problem: str | None
    thumbnail: bytes | None

    @property
    def usable(self) -> bool:
        """Whether the set has a vector of it."""
        return self.tried and self.problem is None


def reference_states(connection: Connection, parameter_set: str) -> list[ReferenceState]:
    """Every reference photo under the set."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT p.person, p.display_name, r.filename, e.sha256 IS NOT NULL, e.found_by, e.problem, e.thumbnail
            FROM people p JOIN reference_photos r USING (person)
            LEFT JOIN reference_embeddings e ON e.parameter_set = %s AND (e.person, e.sha256) = (r.person, r.sha256)
            ORDER BY p.person, r.added_at, r.sha256
            """,
            [parameter_set],
        )
        return [
            ReferenceState(Person(key, name), filename, tried, found_by, problem, None if jpeg is None else bytes(jpeg))
            for key, name, filename, tried, found_by, problem, jpeg in cursor.fetchall()
        ]


def reference_embeddings_version(connection: Connection, parameter_set: str) -> str:
    """Data version of a set's reference vectors: the references tried and the fingerprints; never the floats."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT person, encode(sha256, 'hex'), largest, detector_fingerprint, embedder_fingerprint, problem
            FROM reference_embeddings WHERE parameter_set = %s ORDER BY 1, 2
            """,
            [parameter_set],
        )
        return versions.hash_rows(cursor.fetchall())


def same_name(one: str, other: str) -> bool:
    """Whether two names mean one person: `jose nunez` is how people type José Núñez."""
    return _plain(one) == _plain(other)


def taken(person: Person, holder: str) -> str:
    """What to say of a person whose key is that of somebody of another name."""
    return (
        f"{person.name!r} would have the key {person.key!r} of {holder!r}: if they are one person call them {holder!r} "
        "here too, else give one of them another name"
    )


def taken_for(person: Person, holder: str) -> list[str]:
    """What to say of a name that is taken for a known one; nothing where it differs in case alone."""
    given, known = (unicodedata.normalize("NFC", name).casefold() for name in (person.name, holder))
    if given == known:
        return []
    return [f"{person.name!r} is taken for {holder!r}: if they are two people give one of them another name"]


def _plain(name: str) -> str:
    """Without accents and case."""
    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
