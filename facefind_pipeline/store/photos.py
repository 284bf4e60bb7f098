"""Roots, event days and the photos of each day."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.path_text import path_of
from facefind_pipeline.store import versions
from facefind_pipeline.store.binary_copy import insert
from facefind_pipeline.store.clocks import apply_shifts
from facefind_pipeline.store.made import forget_made_of_day
from facefind_pipeline.store.root_places import here, known_text


@dataclass(frozen=True, slots=True)
class EventDay:
    """A folder of photos.

    Attributes:
        key: the slug that is its partition key.
        root: the folder that was given.
        folder: text of this day's folder below it; empty for the root itself.
        available: whether its photos were there when last looked at.
    """

    key: str
    root: Path
    folder: str
    available: bool = True

    @property
    def path(self) -> Path:
        """The day's folder."""
        return self.root / path_of(self.folder)

    def file(self, path: str) -> Path:
        """Where a photo of the day lies, by the path of its row."""
        return self.root / path_of(path)


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """A row of `photos`, in the order of its columns after the day; see the schema for units. `path` is text.

    `taken_at` of a row that is written is the time by the camera's clock; of one that is read it is the right one.
    """

    path: str
    sha256: bytes | None
    bytes: int
    mtime_ns: int
    inode: int
    problem: str | None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    orientation: int | None = None
    taken_at: datetime | None = None
    taken_source: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    position_source: str | None = None
    country: str | None = None
    place: str | None = None
    camera: str | None = None
    note: str | None = None
    sidecars: str | None = None


PHOTO_COLUMNS = {
    "path": "text",
    "sha256": "bytea",
    **dict.fromkeys(("bytes", "mtime_ns", "inode"), "bigint"),
    **dict.fromkeys(("problem", "format"), "text"),
    **dict.fromkeys(("width", "height"), "integer"),
    "orientation": "smallint",
    "taken_at": "timestamp",
    "taken_source": "text",
    **dict.fromkeys(("latitude", "longitude"), "double precision"),
    **dict.fromkeys(("position_source", "country", "place", "camera", "note", "sidecars"), "text"),
}


def register_days(connection: Connection, root: Path, days: Iterable[EventDay]) -> None:
    """Remembers the root and those of its days that are new."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO photo_roots (path) VALUES (%s) ON CONFLICT DO NOTHING", [known_text(root)])
        cursor.executemany(
            """
            INSERT INTO event_days (event_day, root_id, folder)
            SELECT %s, root_id, %s FROM photo_roots WHERE path = %s ON CONFLICT DO NOTHING
            """,
            [(day.key, day.folder, known_text(root)) for day in days],
        )


def roots(connection: Connection) -> list[Path]:
    """Folders that were given, in that order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT path FROM photo_roots ORDER BY root_id")
        return [Path(here(path)) for (path,) in cursor.fetchall()]


def days(connection: Connection, root: Path | None = None) -> list[EventDay]:
    """All event days, or those of one root, by key."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT event_day, path, folder, available FROM event_days JOIN photo_roots USING (root_id)
            WHERE path = coalesce(%s, path) ORDER BY event_day
            """,
            [known_text(root) if root else None],
        )
        return [
            EventDay(key, Path(here(path)), folder, available) for key, path, folder, available in cursor.fetchall()
        ]


def days_registered_before(connection: Connection, when: datetime) -> list[EventDay]:
    """Event days that were registered before then, by key."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_day FROM event_days WHERE registered_at < %s", [when])
        keys = {key for (key,) in cursor.fetchall()}
    return [day for day in days(connection) if day.key in keys]


def find_day(connection: Connection, key: str) -> EventDay:
    """One event day.

    Raises:
        FacefindError: it is not registered.
    """
    found = next((day for day in days(connection) if day.key == key), None)
    if found is None:
        raise FacefindError(f"no event day {key!r}: `facefind ingest FOLDER` registers the days of a folder")
    return found


def mark_available(connection: Connection, key: str, available: bool) -> None:
    """Says whether a day's photos are there; an unavailable day keeps all its rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE event_days SET available = %s WHERE event_day = %s AND available <> %s", [available, key, available]
        )


def remove_day(connection: Connection, key: str) -> None:
    """Removes a day with the rows of its photos; what is known of their content stays."""
    forget_made_of_day(connection, key)
    with connection.cursor() as cursor:
        for table in ("photos", "set_days", "clothes_days", "clock_shifts", "event_days"):
            cursor.execute(f"DELETE FROM {table} WHERE event_day = %s", [key])  # noqa: S608


def contents(connection: Connection, days: Collection[str]) -> list[tuple[str, bytes, int]]:
    """(day, SHA-256, bytes) of the photos of some days."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT event_day, sha256, bytes FROM photos WHERE event_day = ANY(%s) AND sha256 IS NOT NULL
            ORDER BY event_day, path
            """,
            [list(days)],
        )
        return [(day, bytes(sha256), size) for day, sha256, size in cursor.fetchall()]


def photos(connection: Connection, day: str) -> dict[str, PhotoRow]:
    """The day's photos by path."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(PHOTO_COLUMNS)} FROM photos WHERE event_day = %s ORDER BY path", [day])  # noqa: S608
        rows = (PhotoRow(path, None if sha is None else bytes(sha), *rest) for path, sha, *rest in cursor.fetchall())
        return {row.path: row for row in rows}


def count(connection: Connection, days: Collection[str]) -> tuple[int, int]:
    """How many photos some event days have, and how many of them can't be read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(problem) FROM photos WHERE event_day = ANY(%s)", [list(days)])
        total, unreadable = cursor.fetchone() or (0, 0)
        return total, unreadable


def all_contents(connection: Connection) -> set[str]:
    """The contents of all photos of all event days, by SHA-256 in hex."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT encode(sha256, 'hex') FROM photos WHERE sha256 IS NOT NULL")
        return {sha256 for (sha256,) in cursor.fetchall()}


def replace_photos(connection: Connection, day: str, changed: Sequence[PhotoRow], gone: Collection[str]) -> None:
    """Writes new and changed photos and removes those that are gone; the rest stays untouched."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM photos WHERE event_day = %s AND path = ANY(%s)", [day, [*gone, *(p.path for p in changed)]]
        )
    insert(
        connection,
        "photos",
        {"event_day": "text"} | PHOTO_COLUMNS | {"camera_time": "timestamp"},
        [(day, *astuple(photo), photo.taken_at) for photo in changed],
        order=["path"],
    )
    apply_shifts(connection, day, [photo.path for photo in changed])


def photos_version(photos: Iterable[PhotoRow]) -> str:
    """Data version of a day's photos: what is where, and what could not be read and why."""
    return versions.hash_rows(sorted((p.path, (p.sha256 or b"").hex(), p.problem or "") for p in photos))
