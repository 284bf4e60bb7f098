"""Event days that are taken out with all that was made from them; their folders are remembered, and stay out."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store import faces, photos
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.root_places import here, known_text


@dataclass(frozen=True, slots=True)
class Taken:
    """What goes with a day. Photos that lie in another day too stay, with all that is known of them.

    Attributes:
        photos: files of the day.
        elsewhere: photos, by content, that another day has too.
        faces: that only this day's photos show; one that several sets found alike counts once.
        said: confirmations and rejections of its photos.
        listed: rows of truth lists that name its photos.
    """

    photos: int
    elsewhere: int
    faces: int
    said: int
    listed: int


def look_at_day(connection: Connection, key: str) -> Taken:
    """What goes if the day is taken out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT sha256) FROM photos WHERE event_day = %s", [key])
        files, contents = cursor.fetchone() or (0, 0)
        only_here = _only_here(connection, key)
        cursor.execute(
            """
            SELECT (SELECT count(DISTINCT face_key) FROM detected_faces WHERE sha256 = ANY(%(photos)s)),
                   (SELECT count(*) FROM feedback WHERE sha256 = ANY(%(photos)s)),
                   (SELECT count(*) FROM truth WHERE sha256 = ANY(%(photos)s))
            """,
            {"photos": list(only_here)},
        )
        found, said, listed = cursor.fetchone() or (0, 0, 0)
    return Taken(files, contents - len(only_here), found, said, listed)


def forget_day(connection: Connection, day: EventDay) -> Taken:
    """Removes the day's photos, and of those in no other day all that is known, in every set; returns what went.

    What people said of those photos goes too: a confirmation holds the place of a face.
    """
    faces.lock_sets(connection)
    taken = look_at_day(connection, day.key)
    only_here = list(_only_here(connection, day.key))
    with connection.cursor() as cursor:
        for table in ("search_results", "feedback", "truth"):
            cursor.execute(f"DELETE FROM {table} WHERE sha256 = ANY(%s)", [only_here])  # noqa: S608
        photos.remove_day(connection, day.key)
        faces.remove_photos(connection, only_here)
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
    return taken


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


def _only_here(connection: Connection, key: str) -> Collection[bytes]:
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
