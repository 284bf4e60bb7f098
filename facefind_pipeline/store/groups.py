"""Groups of faces that are one person's, and what people said of them, by photo content and box."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import execute_values

from facefind_pipeline.faces import Box
from facefind_pipeline.store import versions


class Kind(StrEnum):
    """What a statement says of faces: whose they are, that they are one person's, or two people's."""

    NAME = "name"
    SAME = "same"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class FacePlace:
    """A face by the content of its photo and its box, in upright pixels."""

    sha256: bytes
    box: Box


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said.

    Attributes:
        kind: of the statement.
        faces: that it is about.
        others: of `different`, the faces that are another person's.
        person: of `name`, the key.
    """

    kind: Kind
    faces: Sequence[FacePlace]
    others: Sequence[FacePlace] = ()
    person: str | None = None


def record_statement(connection: Connection, statement: Statement, author: str) -> None:
    """Remembers it; it holds against earlier ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO group_statements (kind, person, author) VALUES (%s, %s, %s) RETURNING statement",
            [statement.kind.value, statement.person, author],
        )
        ((number,),) = cursor.fetchall()
        rows = [
            (number, side, face.sha256, *face.box)
            for side, faces in ((1, statement.faces), (2, statement.others))
            for face in faces
        ]
        execute_values(
            cursor,
            "INSERT INTO group_statement_faces (statement, side, sha256, x, y, w, h) VALUES %s ON CONFLICT DO NOTHING",
            rows,
        )


def statements(connection: Connection) -> list[Statement]:
    """All, the oldest first; faces of photos that are gone among them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT s.statement, kind, person, side, sha256, x, y, w, h
            FROM group_statements s JOIN group_statement_faces USING (statement) ORDER BY 1, side, sha256, x, y, w, h
            """
        )
        rows = cursor.fetchall()
    sides: dict[int, tuple[list[FacePlace], list[FacePlace]]] = {}
    heads = {}
    for number, kind, person, side, sha256, *box in rows:
        heads[number] = kind, person
        sides.setdefault(number, ([], []))[side - 1].append(FacePlace(bytes(sha256), Box(*box)))
    return [Statement(Kind(kind), *sides[number], person) for number, (kind, person) in heads.items()]


def statements_version(connection: Connection) -> str:
    """Of all that was said."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT statement, person, count(*) FROM group_statements JOIN group_statement_faces USING (statement)"
            " GROUP BY 1, 2 ORDER BY 1"
        )
        return versions.hash_rows(cursor.fetchall())


def stored_groups(connection: Connection, parameter_set: str) -> dict[bytes, str]:
    """The group of each face, by the 16 bytes of its key, as they were made last."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT face_key, face_group FROM group_faces WHERE parameter_set = %s", [parameter_set])
        return {UUID(key).bytes: group for key, group in cursor.fetchall()}


def named_groups(connection: Connection, parameter_set: str) -> dict[str, str]:
    """The key of the person whom somebody named a group after, by its id, as they were made last."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT face_group, person FROM face_groups WHERE parameter_set = %s AND person IS NOT NULL",
            [parameter_set],
        )
        return dict(cursor.fetchall())


def twice_in_a_photo(connection: Connection, parameter_set: str) -> list[str]:
    """Groups that have two faces of one photo."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT face_group FROM group_faces WHERE parameter_set = %s
            GROUP BY face_group, sha256 HAVING count(*) > 1 ORDER BY 1
            """,
            [parameter_set],
        )
        return [group for (group,) in cursor.fetchall()]


def places_of(connection: Connection, parameter_set: str, group: str) -> list[FacePlace]:
    """The faces of a group, the best first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT sha256, f.x, f.y, f.w, f.h
            FROM group_faces g JOIN embeddings e USING (parameter_set, sha256, face_key)
            JOIN detected_faces f USING (sha256, detector_fingerprint, face_key)
            WHERE (g.parameter_set, g.face_group) = (%s, %s) ORDER BY rank
            """,
            [parameter_set, group],
        )
        return [FacePlace(bytes(sha256), Box(*box)) for sha256, *box in cursor.fetchall()]
