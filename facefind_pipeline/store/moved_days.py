"""Event days whose folder moved or was renamed: their rows follow, and what is known of their photos stays."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store import photos
from facefind_pipeline.store.clocks import apply_shifts
from facefind_pipeline.store.made import follow_paths
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.root_places import known_text


def move_days(
    connection: Connection,
    moved: Iterable[tuple[EventDay, EventDay]],
    roots: Mapping[Path, Path],
    given_up: Mapping[str, str],
) -> None:
    """Brings days to their new places. In one transaction with whatever else the caller does.

    Args:
        connection: any.
        moved: each day as it was and as it is now, of the same key.
        roots: old -> new, of the roots that moved themselves.
        given_up: key of a day that was registered at a new place meanwhile -> key of the day that moved there. Rows of
            its photos become that day's.
    """
    taken = {kept: key for key, kept in given_up.items()}
    with connection.cursor() as cursor:
        for before, after in moved:
            _move_photos(connection, before, after)
            if after.key in taken:
                _take_over(connection, taken[after.key], after)
            cursor.execute(
                "INSERT INTO photo_roots (path) VALUES (%s) ON CONFLICT DO NOTHING", [known_text(after.root)]
            )
            cursor.execute(
                """
                UPDATE event_days SET available = true, folder = %s,
                    root_id = (SELECT root_id FROM photo_roots WHERE path = %s)
                WHERE event_day = %s
                """,
                [after.folder, known_text(after.root), after.key],
            )
        for old, new in roots.items():
            cursor.execute("INSERT INTO photo_roots (path) VALUES (%s) ON CONFLICT DO NOTHING", [known_text(new)])
            cursor.execute("DELETE FROM photo_roots WHERE path = %s", [known_text(old)])


def _move_photos(connection: Connection, before: EventDay, after: EventDay) -> None:
    """Paths below the root; what the day's faces were made from is the same photos by their new paths."""
    if before.folder == after.folder:
        return
    made_from = photos.photos_version(photos.photos(connection, before.key).values())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE photos SET path = %s || substr(path, %s) WHERE event_day = %s",
            [_beginning(after), len(_beginning(before)) + 1, before.key],
        )
    now = photos.photos_version(photos.photos(connection, before.key).values())
    follow_paths(connection, before.key, made_from, now)


def _take_over(connection: Connection, given_up: str, by: EventDay) -> None:
    """The rows of photos that the day itself does not have."""
    other = photos.find_day(connection, given_up)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE photos SET event_day = %(key)s, path = %(after)s || substr(path, %(length)s + 1)
            WHERE event_day = %(given_up)s AND NOT EXISTS (
                SELECT FROM photos known
                WHERE (known.event_day, known.path) = (%(key)s, %(after)s || substr(photos.path, %(length)s + 1))
            )
            """,
            {"key": by.key, "given_up": given_up, "after": _beginning(by), "length": len(_beginning(other))},
        )
    apply_shifts(connection, by.key)
    photos.remove_day(connection, given_up)


def _beginning(day: EventDay) -> str:
    """With which the paths of the day's photos begin."""
    return f"{day.folder}/" if day.folder else ""
