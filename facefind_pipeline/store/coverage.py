"""How far the event days are under a set: photos that its detector has looked at, of those that can be read."""

from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812


@dataclass(frozen=True, slots=True)
class DayCoverage:
    """An event day; photos by content."""

    event_day: str
    photos: int
    looked_at: int


def coverage(connection: Connection, parameter_set: str) -> list[DayCoverage]:
    """One of each event day, by its key."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT event_day, count(DISTINCT p.sha256), count(DISTINCT d.sha256)
            FROM photos p
            LEFT JOIN detections d ON d.sha256 = p.sha256 AND d.detector_fingerprint = (
                SELECT detector_fingerprint FROM parameter_sets WHERE parameter_set = %s
            )
            WHERE p.problem IS NULL GROUP BY event_day ORDER BY event_day
            """,
            [parameter_set],
        )
        return [DayCoverage(*row) for row in cursor.fetchall()]
