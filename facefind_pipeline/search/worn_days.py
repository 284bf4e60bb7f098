"""What is stored of how much clothes told on each event day when a set's results were made.

Without numpy, as all that `facefind find` loads.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.queries import query

if TYPE_CHECKING:
    from facefind_pipeline.search.worn import WornDay


class ClothesDay(NamedTuple):
    """An event day on which somebody's clothes are known.

    Attributes:
        event_day: its key.
        people: whose clothes are known.
        same: faces that were compared with the same person's clothes in other photos.
        others: faces of other people that were compared likewise.
        separation: by how many standard deviations the same person's are more alike, for certain; 0 where clothes
            do not count.
    """

    event_day: str
    people: int
    same: int
    others: int
    separation: float


class ClothesOfPhoto(NamedTuple):
    """What clothes added to a photo of a person's results; None is what is not known, or not ranked.

    Attributes:
        face_rank: by the face alone.
        face_score: likewise.
        score: with clothes.
        log_odds: that they added.
        photos: with which they were compared.
        event_day: key of the photo's event day, of several the first; None if it is in none any more.
        separation: as of `ClothesDay`.
    """

    face_rank: int | None
    face_score: float | None
    score: float | None
    log_odds: float | None
    photos: int | None
    event_day: str | None
    separation: float | None


def write_days(connection: Connection, key: str, days: "Mapping[str, WornDay]") -> None:
    """Replaces what is stored of the set."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM clothes_days WHERE parameter_set = %s", [key])
        cursor.executemany(
            "INSERT INTO clothes_days (parameter_set, event_day, people, same, others, separation)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (
                    key,
                    day,
                    len(worn.wardrobe.people),
                    worn.evidence.same,
                    worn.evidence.others,
                    worn.evidence.separation,
                )
                for day, worn in days.items()
            ],
        )


def read_days(connection: Connection, key: str) -> list[ClothesDay]:
    """Of the set's last search."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_day, people, same, others, separation FROM clothes_days WHERE parameter_set = %s ORDER BY 1",
            [key],
        )
        return [ClothesDay(*row) for row in cursor.fetchall()]


def clothes_of_photo(connection: Connection, key: str, person: str, photo: bytes) -> ClothesOfPhoto:
    """Of the set's last search."""
    with connection.cursor() as cursor:
        cursor.execute(query("clothes_of_photo"), {"parameter_set": key, "person": person, "photo": photo})
        (row,) = cursor.fetchall()
        return ClothesOfPhoto(*row)
