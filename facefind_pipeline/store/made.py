"""The table `made`: from what each partition of each asset was made. What is due follows from it (`plan`).

A row is written in the transaction that writes the data it is about, and leaves with that data.
"""

from collections.abc import Collection

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store import versions

FACES = ("detected_faces", "face_embeddings")  # the assets that are partitioned by event day and parameter set


def day_set(event_day: str, parameter_set: str) -> str:
    """The partition of a day under a set, as Dagster spells it."""
    return f"{event_day}|{parameter_set}"


def record_made(
    connection: Connection, asset: str, partition: str, made_from: str, data_version: str, *, complete: bool = True
) -> None:
    """Records that a partition was made.

    Args:
        connection: whose transaction writes what was made.
        asset: its name.
        partition: its key; empty for an asset without partitions.
        made_from: what its recipe gave when the work on it began.
        data_version: of what was made.
        complete: whether another try could bring nothing more.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO made (asset, partition, made_from, data_version, complete) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (asset, partition) DO UPDATE SET made_from = excluded.made_from,
                data_version = excluded.data_version, complete = excluded.complete, made_at = now()
            WHERE (made.made_from, made.data_version, made.complete)
                IS DISTINCT FROM (excluded.made_from, excluded.data_version, excluded.complete)
            """,
            [asset, partition, made_from, data_version, complete],
        )


def made_version(connection: Connection, asset: str, partition: str) -> str | None:
    """Of what was made last; None if the partition was never made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT data_version FROM made WHERE (asset, partition) = (%s, %s)", [asset, partition])
        row = cursor.fetchone()
        return row[0] if row else None


def set_version(connection: Connection, parameter_set: str) -> str:
    """Versions of all a set's embeddings: what an index or a search was made from."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT split_part(partition, '|', 1), data_version FROM made
            WHERE asset = 'face_embeddings' AND split_part(partition, '|', 2) = %s ORDER BY 1
            """,
            [parameter_set],
        )
        return versions.hash_rows(cursor.fetchall())


def mark_incomplete(connection: Connection, asset: str, partition: str) -> None:
    """Lets the partition be due until it is made again, whatever it is made from."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE made SET complete = false WHERE complete AND (asset, partition) = (%s, %s)", [asset, partition]
        )


def mark_faces_incomplete(connection: Connection, event_day: str) -> None:
    """Lets the faces of a day be due under every set."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE made SET complete = false
            WHERE complete AND asset = ANY(%s) AND split_part(partition, '|', 1) = %s
            """,
            [list(FACES), event_day],
        )


def mark_outdated_faces_incomplete(connection: Connection) -> None:
    """Lets faces that were made of other photos than their day has now be due, should it have those again.

    What was known of the photos that left is removed: back in their day they are to be worked on anew.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE made SET complete = false FROM made photos
            WHERE made.complete AND made.asset = ANY(%s)
              AND (photos.asset, photos.partition) = ('raw_photos', split_part(made.partition, '|', 1))
              AND (NOT photos.complete OR split_part(made.made_from, ' ', 1) <> photos.data_version)
            """,
            [list(FACES)],
        )


def made_in_part(connection: Connection, asset: str, partitions: Collection[str]) -> set[str]:
    """Which of these partitions were made in part."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT partition FROM made WHERE asset = %s AND partition = ANY(%s) AND NOT complete",
            [asset, list(partitions)],
        )
        return {partition for (partition,) in cursor.fetchall()}


def forget_made(connection: Connection, asset: str, partitions: Collection[str] | None = None) -> None:
    """Forgets that partitions were made, all of them by default: what was made is removed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM made WHERE asset = %(asset)s"
            " AND (%(partitions)s::text[] IS NULL OR partition = ANY(%(partitions)s))",
            {"asset": asset, "partitions": None if partitions is None else list(partitions)},
        )


def forget_made_of_day(connection: Connection, event_day: str) -> None:
    """Forgets what was made of a day, under every set."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM made WHERE asset = ANY(%s) AND split_part(partition, '|', 1) = %s",
            [["raw_photos", *FACES], event_day],
        )


def follow_paths(connection: Connection, event_day: str, before: str, now: str) -> None:
    """Lets all that was made of a day's photos count as made of the same photos by their new paths.

    Args:
        connection: whose transaction moves them.
        event_day: the day's key.
        before: version of the day's photos as they were.
        now: as they are.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE made SET made_from = replace(made_from, %(before)s, %(now)s),
                data_version = CASE asset WHEN 'raw_photos' THEN %(now)s ELSE data_version END
            WHERE asset = ANY(%(assets)s) AND split_part(partition, '|', 1) = %(day)s
              AND split_part(made_from, ' ', 1) = %(before)s
            """,
            {"before": before, "now": now, "assets": ["raw_photos", *FACES], "day": event_day},
        )
