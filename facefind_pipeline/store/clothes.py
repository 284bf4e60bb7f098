"""Descriptors of clothes: known by face key and the rules by which they were made, whatever set found the face."""

from collections.abc import Sequence

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Face
from facefind_pipeline.store import versions
from facefind_pipeline.store.binary_copy import insert
from facefind_pipeline.store.faces import face_key

Described = tuple[bytes, Face, bytes | None]  # a photo's SHA-256, a face in it, and the descriptor


def write_clothes(connection: Connection, fingerprint: str, described: Sequence[Described]) -> int:
    """Writes descriptors, in place of those of other rules; returns how many were new or changed."""
    return insert(
        connection,
        "clothes",
        {"face_key": "uuid", "sha256": "bytea", "fingerprint": "text", "descriptor": "bytea"},
        [(face_key(sha256, f.box, f.landmarks), sha256, fingerprint, found) for sha256, f, found in described],
        on_conflict="""(face_key) DO UPDATE
            SET fingerprint = excluded.fingerprint, descriptor = excluded.descriptor
            WHERE clothes.fingerprint <> excluded.fingerprint""",
        order=["face_key"],
    )


def clothes_version(connection: Connection, parameter_set: str) -> str | None:
    """By which rules the clothes of the set's days were described; None where none were."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT event_day, clothes_fingerprint FROM set_days
            WHERE parameter_set = %s AND clothes_fingerprint IS NOT NULL ORDER BY event_day
            """,
            [parameter_set],
        )
        days = cursor.fetchall()
    return versions.hash_rows(days) if days else None
