"""Event days that are taken out: their folders are remembered, and stay out."""

from collections.abc import Collection
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store import photos
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.root_places import here, known_text


def remove_day(connection: Connection, day: EventDay) -> None:
    """Removes the day with the rows of its photos' files, and remembers its folder."""
    with connection.cursor() as cursor:
        photos.remove_day(connection, day.key)
        if not day.folder:  # else new days below the root are still watched for
            cursor.execute(
                """
                DELETE FROM photo_roots r WHERE path = %s
                AND NOT EXISTS (SELECT FROM event_days d WHERE d.root_id = r.root_id)
                """,
                [known_text(day.root)],
            )
        cursor.execute(
            "INSERT INTO forgotten_folders (path) VALUES (%s) ON CONFLICT DO NOTHING", [known_text(day.path)]
        )


def folders(connection: Connection) -> set[Path]:
    """Folders that are left out until they are given by name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT path FROM forgotten_folders")
        return {Path(here(path)) for (path,) in cursor.fetchall()}


def recall(connection: Connection, folder: Path) -> None:
    """Lets a folder be an event day again."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM forgotten_folders WHERE path = %s", [known_text(folder)])


def move_folders(connection: Connection, old: Path, new: Path) -> None:
    """Follows a folder that moved, so that what was forgotten below it stays so."""
    for folder in folders(connection):
        if folder.is_relative_to(old):
            recall(connection, folder)
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO forgotten_folders (path) VALUES (%s) ON CONFLICT DO NOTHING",
                    [known_text(new / folder.relative_to(old))],
                )


def only_in(connection: Connection, key: str) -> Collection[bytes]:
    """Photos, by SHA-256, that no other day has."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT sha256 FROM photos p WHERE event_day = %s AND sha256 IS NOT NULL AND NOT EXISTS (
                SELECT FROM photos other WHERE other.sha256 = p.sha256 AND other.event_day <> p.event_day
            )
            """,
            [key],
        )
        return [bytes(sha256) for (sha256,) in cursor.fetchall()]
