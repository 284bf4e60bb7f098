"""Faces that match nobody who agreed: their vectors, crops and clothes go; their places stay, to be covered.

Without a vector they are found by nobody. That they were looked at is remembered, so that the next run leaves them
alone, until somebody new is looked for or agrees (`store.faces.look_again_at_erased`).
"""

from collections.abc import Collection
from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.privacy.subject import UNMATCHED, Subject, around, places_of
from facefind_pipeline.store import faces, parameter_sets
from facefind_pipeline.store.consents import people_who_agreed
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import find_person

# What is left of each, by the condition that it is still there.
_LEFT = {
    "embeddings": "face_key = ANY(%(faces)s::uuid[])",
    "detected_faces": "face_key = ANY(%(faces)s::uuid[]) AND length(thumbnail) > 0",
    "clothes": "face_key = ANY(%(faces)s::uuid[]) AND descriptor IS NOT NULL",
    "group_faces": "face_key = ANY(%(faces)s::uuid[])",
    "ranked_photos": "face_key = ANY(%(faces)s::uuid[]) OR by_face_key = ANY(%(faces)s::uuid[])",
}


def of_unmatched(connection: Connection, on: date, parameter_set: str | None = None) -> Subject:
    """Every face with a vector or a crop, but those that are shown as somebody's who agrees on that day.

    Args:
        connection: any.
        on: the day for which consents must hold.
        parameter_set: of whose faces alone; None for all.
    """
    agreed = people_who_agreed(connection, on)
    places = [place for key in agreed for place in places_of(connection, find_person(connection, key))]
    kept, _, _ = around(connection, places)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT face_key::text FROM detected_faces
            WHERE (length(thumbnail) > 0 OR face_key IN (SELECT face_key FROM embeddings))
              AND face_key <> ALL (%(kept)s::uuid[])
              AND (%(set)s::text IS NULL
                   OR face_key IN (SELECT face_key FROM embeddings WHERE parameter_set = %(set)s)) ORDER BY 1
            """,
            {"kept": kept, "set": parameter_set},
        )
        unmatched = [key for (key,) in cursor.fetchall()]
        cursor.execute(
            "SELECT DISTINCT event_day FROM photos JOIN detected_faces USING (sha256) WHERE face_key = ANY(%s::uuid[])",
            [unmatched],
        )
        days = sorted(day for (day,) in cursor.fetchall())
    return Subject(UNMATCHED, f"faces that match none of {len(agreed)} who agreed", faces=unmatched, days_shown=days)


def erase_unmatched_of(database: Database, parameter_set: str) -> int:
    """Erases the faces of a set, which was just searched, that match nobody who agrees today; returns how many.

    What dead rows still hold goes with the next `facefind forget --unmatched`.
    """
    with database.connect() as connection:
        subject = of_unmatched(connection, date.today(), parameter_set)
        erase_unmatched(connection, subject.faces)
    return len(subject.faces)


def count_unmatched(connection: Connection, unmatched: Collection[str]) -> dict[str, int]:
    """What there is of these faces, by table."""
    counts = {}
    with connection.cursor() as cursor:
        for name, condition in _LEFT.items():
            cursor.execute(f"SELECT count(*) FROM {name} WHERE {condition}", {"faces": list(unmatched)})  # noqa: S608
            (counts[name],) = cursor.fetchone() or (0,)
    return counts


def erase_unmatched(connection: Connection, unmatched: Collection[str]) -> None:
    """Erases what is known of these faces but their places; results of those who agreed stay as they are."""
    faces.lock_sets(connection)
    keys = {"faces": list(unmatched), "problem": faces.ERASED}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO embedding_problems (sha256, detector_fingerprint, embedder_fingerprint, problem)
            SELECT DISTINCT sha256, detector_fingerprint, embedder_fingerprint, %(problem)s
            FROM embeddings WHERE face_key = ANY(%(faces)s::uuid[]) ON CONFLICT DO NOTHING
            """,
            keys,
        )
        cursor.execute(
            "DELETE FROM ranked_photos WHERE face_key = ANY(%(faces)s::uuid[]) OR by_face_key = ANY(%(faces)s::uuid[])",
            keys,
        )
        cursor.execute("DELETE FROM group_faces WHERE face_key = ANY(%(faces)s::uuid[])", keys)
        for registered in parameter_sets.registered(connection):
            cursor.execute(
                "DELETE FROM embeddings WHERE parameter_set = %(set)s AND face_key = ANY(%(faces)s::uuid[])",
                {**keys, "set": registered.key},
            )
            faces.vectors_changed(connection, registered.key, cursor.rowcount)
        cursor.execute(
            "UPDATE detected_faces SET thumbnail = '', sharpness = NULL WHERE face_key = ANY(%(faces)s::uuid[])", keys
        )
        cursor.execute("UPDATE clothes SET descriptor = NULL WHERE face_key = ANY(%(faces)s::uuid[])", keys)
