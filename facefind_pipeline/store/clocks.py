"""Clocks of cameras that were wrong: how far, and the photos' times moved by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.queries import query

ALL_DAYS = ""


@dataclass(frozen=True, slots=True)
class ShiftedPhotos:
    """The photos of a camera after a shift.

    Attributes:
        camera: as the photos name it.
        photos: how many have a time.
        first: the earliest time now; None without any.
        last: the latest.
    """

    camera: str
    photos: int
    first: datetime | None
    last: datetime | None


def find_camera(connection: Connection, name: str) -> str:
    """A camera by its name in any case, as `make and model` of the photos name it.

    Raises:
        FacefindError: no photo is by it; the message lists those that took some.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT camera FROM photos WHERE camera IS NOT NULL GROUP BY camera ORDER BY count(*) DESC, 1")
        cameras: list[str] = [camera for (camera,) in cursor.fetchall()]
    wanted = " ".join(name.casefold().split())
    found = next((camera for camera in cameras if camera.casefold() == wanted), None)
    if found is None:
        known = f"the photos are by {', '.join(cameras)}" if cameras else "no photo names its camera"
        raise FacefindError(f"no photo is by a camera {name!r}: {known}")
    return found


def set_shift(connection: Connection, camera: str, day: str, shift: timedelta) -> None:
    """Remembers how far a camera's clock was off, in place of what was remembered, and moves the photos' times.

    Args:
        connection: any.
        camera: as the photos name it.
        day: the event day's key, or `ALL_DAYS`; a shift of the day goes before that of all days.
        shift: added to the camera's time; nought forgets it for `ALL_DAYS`.
    """
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM clock_shifts WHERE (camera, event_day) = (%s, %s)", [camera, day])
        if shift or day != ALL_DAYS:
            cursor.execute(
                "INSERT INTO clock_shifts (camera, event_day, shift) VALUES (%s, %s, %s)", [camera, day, shift]
            )
    apply_shifts(connection, day or None)


def apply_shifts(connection: Connection, day: str | None, paths: Sequence[str] | None = None) -> None:
    """Brings the times of photos up to the shifts; of one day, and of some paths in it, or of all."""
    with connection.cursor() as cursor:
        cursor.execute(query("shift_clocks"), {"day": day, "paths": None if paths is None else list(paths)})


def photos_of(connection: Connection, camera: str, day: str) -> ShiftedPhotos:
    """The camera's photos of a day, or of `ALL_DAYS`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(taken_at), min(taken_at), max(taken_at) FROM photos
            WHERE camera = %s AND event_day = coalesce(nullif(%s, ''), event_day)
            """,
            [camera, day],
        )
        count, first, last = cursor.fetchone() or (0, None, None)
    return ShiftedPhotos(camera, count, first, last)
