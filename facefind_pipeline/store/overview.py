"""Counts for people: what is there and what is missing, a row per day, set and person."""

from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import RealDictCursor

from facefind_pipeline.store.database import Database

NOT_THERE = "photos are not there"


def days(connection: Connection) -> list[dict[str, Any]]:
    """Event days with their photos."""
    return _rows(
        connection,
        """
        SELECT event_day AS day, count(p.path) AS photos, count(p.problem) AS unreadable,
               count(p.note) AS damaged, count(*) FILTER (WHERE p.path IS NOT NULL AND taken_at IS NULL) AS undated,
               CASE WHEN available THEN '' ELSE %(not_there)s END AS note
        FROM event_days LEFT JOIN photos p USING (event_day) GROUP BY event_day ORDER BY event_day
        """,
        not_there=NOT_THERE,
    )


def sets(connection: Connection) -> list[dict[str, Any]]:
    """Parameter sets with how many event days are done and how many faces they have."""
    return _rows(
        connection,
        """
        SELECT s.parameter_set AS set,
               CASE WHEN s.is_default THEN 'default' WHEN s.active THEN '' ELSE 'not active' END AS note,
               (SELECT count(*) FROM made
                   WHERE asset = 'face_embeddings' AND complete AND split_part(partition, '|', 2) = s.parameter_set)
                   || ' of ' || (SELECT count(*) FROM event_days) AS days,
               (SELECT count(*) FROM embeddings e WHERE e.parameter_set = s.parameter_set) AS faces,
               coalesce(b.method, '') AS index, round(b.recall::numeric, 3)::text AS recall,
               (SELECT count(*) FILTER (WHERE separation > 0) || ' of ' || nullif(count(*), 0)
                   FROM clothes_days c WHERE c.parameter_set = s.parameter_set) AS "clothes count on days"
        FROM parameter_sets s LEFT JOIN index_builds b USING (parameter_set) ORDER BY s.added_at
        """,
    )


def days_missing(database: Database, parameter_set: str) -> list[str]:
    """Event days that the set lacks, or has in part: what is made from the others is made without them."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT event_day FROM event_days d
            WHERE NOT EXISTS (
                SELECT FROM made
                WHERE complete AND (asset, partition) = ('face_embeddings', d.event_day || '|' || %s)
            ) ORDER BY 1
            """,
            [parameter_set],
        )
        return [day for (day,) in cursor.fetchall()]


def columns(database: Database, table: str) -> list[tuple[str, str, str]]:
    """Name, type and comment of a table's columns."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT attname, format_type(atttypid, atttypmod), coalesce(col_description(attrelid, attnum), '')
            FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
            """,
            [table],
        )
        return cursor.fetchall()


def people(connection: Connection) -> list[dict[str, Any]]:
    """People with their reference photos."""
    return _rows(
        connection,
        """
        SELECT display_name AS person, count(r.sha256) AS references
        FROM people LEFT JOIN reference_photos r USING (person) GROUP BY person ORDER BY person
        """,
    )


def _rows(connection: Connection, statement: str, **values: str) -> list[dict[str, Any]]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(statement, values)
        return [dict(row) for row in cursor.fetchall()]
