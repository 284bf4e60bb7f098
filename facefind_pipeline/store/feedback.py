"""What people said of single photos: that one shows a person, by which face, or that it does not.

By content, so that it holds in every set and after a rerun. Where no detector found a face, or the person stands with
their back to the camera, the box was drawn by hand; then its thumbnail is kept, and its vector of each embedder.
"""

from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import operator, query
from facefind_pipeline.store.root_places import here


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box drawn by hand around a person, in upright pixels of a photo."""

    person: str
    sha256: bytes
    box: Box


def say(
    connection: Connection,
    person: str,
    sha256: bytes,
    box: Box | None,
    thumbnail: bytes | None = None,
    author: str | None = None,
) -> None:
    """Remembers that a photo shows the person, with this face; or, without a box, that it does not.

    Args:
        connection: any.
        person: the key.
        sha256: of the photo's content.
        box: x, y, w, h in upright pixels.
        thumbnail: JPEG of a box that was drawn by hand; None for a face that a detector found.
        author: who says it; None where that is not known.
    """
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM feedback WHERE (person, sha256) = (%s, %s)", [person, sha256])
        cursor.execute(
            """
            INSERT INTO feedback (person, sha256, shown, x, y, w, h, author, by_hand, thumbnail)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                *(person, sha256, box is not None, *(box or (None, None, None, None)), author),
                *(thumbnail is not None, thumbnail),
            ],
        )


def count(connection: Connection, person: str) -> tuple[int, int, int]:
    """Photos that were confirmed for a person, those of them by a box drawn by hand, and those that were rejected."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE shown), count(*) FILTER (WHERE by_hand), count(*) FILTER (WHERE NOT shown)
            FROM feedback WHERE person = %s
            """,
            [person],
        )
        confirmed, by_hand, rejected = cursor.fetchone() or (0, 0, 0)
        return confirmed, by_hand, rejected


def rejected(connection: Connection, person: str) -> set[str]:
    """Photos, by SHA-256 in hex, of which somebody said that they do not show the person."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT encode(sha256, 'hex') FROM feedback WHERE person = %s AND NOT shown", [person])
        return {sha256 for (sha256,) in cursor.fetchall()}


def boxes_to_embed(connection: Connection, embedder: str) -> list[DrawnBox]:
    """Boxes drawn by hand that an embedder, given by its fingerprint, has not tried, in photos that are there now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT person, sha256, x, y, w, h FROM feedback said
            WHERE by_hand AND NOT EXISTS (
                SELECT FROM by_hand_embeddings e
                WHERE (e.person, e.sha256, e.embedder_fingerprint) = (said.person, said.sha256, %s)
            ) AND EXISTS (
                SELECT FROM photos p JOIN event_days USING (event_day) WHERE p.sha256 = said.sha256 AND available
            )
            ORDER BY person, sha256
            """,
            [embedder],
        )
        return [DrawnBox(person, bytes(sha256), Box(x, y, w, h)) for person, sha256, x, y, w, h in cursor.fetchall()]


def write_box_embedding(
    connection: Connection, drawn: DrawnBox, embedder: str, vector: Any, problem: str | None
) -> None:
    """Stores the vector (d,) of a box drawn by hand, or why there is none, unless the box is gone meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO by_hand_embeddings (person, sha256, embedder_fingerprint, embedding, problem)
            SELECT person, sha256, %s, %s, %s FROM feedback
            WHERE by_hand AND (person, sha256, x, y, w, h) = (%s, %s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            [embedder, vector, problem, drawn.person, drawn.sha256, *drawn.box],
        )


def files_of(connection: Connection, sha256: bytes) -> list[str]:
    """Absolute paths of the files that hold a photo, those of days that are there first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT r.path || '/' || p.path
            FROM photos p JOIN event_days USING (event_day) JOIN photo_roots r USING (root_id)
            WHERE p.sha256 = %s ORDER BY available DESC, event_day, p.path
            """,
            [sha256],
        )
        return [here(path) for (path,) in cursor.fetchall()]


def faces_under(connection: Connection, parameter_set: str, sha256: bytes) -> list[Box]:
    """The faces that a set's detector found in a photo, in upright pixels."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT f.x, f.y, f.w, f.h FROM parameter_sets s JOIN detected_faces f USING (detector_fingerprint)
            WHERE s.parameter_set = %s AND f.sha256 = %s ORDER BY 1, 2, 3, 4
            """,
            [parameter_set, sha256],
        )
        return [Box(*sides) for sides in cursor.fetchall()]


def nearest_face(
    connection: Connection, chosen: RegisteredSet, person: Person, photo: bytes
) -> tuple[int, int, int, int] | None:
    """The box of the face by which a photo is ranked for the person, else nearest to a reference; None without one."""
    with connection.cursor() as cursor:
        values = {"parameter_set": chosen.key, "person": person.key, "photo": photo}
        cursor.execute(query("nearest_face", operator=operator(chosen.metric)), values)
        return cursor.fetchone()
