"""Faces that are people's for certain, in a temporary table: there may be as many as the event has faces."""

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.asked import KnownFaces
from facefind_pipeline.store.binary_columns import copy_columns, fixed

TABLE = "sure_faces"
BATCH = 1_000  # rows that are written at once


class SureTable:
    """The table `sure_faces` of a transaction, from when this is made until it is dropped; one at a time."""

    def __init__(self, connection: Connection) -> None:
        """Makes it."""
        self._connection = connection
        self._waiting: list[KnownFaces] = []
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                CREATE TEMP TABLE {TABLE} (
                    number bigint GENERATED ALWAYS AS IDENTITY, person integer, sha256 bytea, face_key uuid
                ) ON COMMIT DROP
                """
            )

    def add(self, faces: KnownFaces) -> None:
        """Adds faces after those that are there; few wait for more, since each writing takes a time of its own."""
        self._waiting.append(faces)
        if sum(len(one.people) for one in self._waiting) >= BATCH:
            self._write()

    def _write(self) -> None:
        faces, self._waiting = KnownFaces.joined(self._waiting), []
        batches = (
            (
                fixed(faces.people[start : start + BATCH].astype(np.int32), ">i4"),
                fixed(faces.photos[start : start + BATCH], "V32"),
                fixed(faces.face_keys[start : start + BATCH], "V16"),
            )
            for start in range(0, len(faces.people), BATCH)
        )
        copy_columns(self._connection, TABLE, ("person", "sha256", "face_key"), batches)

    def analyze(self) -> None:
        """Writes what waits, and tells the planner what is there: nobody else does so for a temporary table."""
        self._write()
        with self._connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {TABLE}")

    def drop(self) -> None:
        """Removes it."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {TABLE}")
