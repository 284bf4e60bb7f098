"""The table of sure faces: all that was added is there, in its order, however it was written."""

import numpy as np
import pytest

from facefind_pipeline.search import sure_table
from facefind_pipeline.search.asked import KnownFaces
from facefind_pipeline.search.sure_table import SureTable
from facefind_pipeline.store.database import Database


def _faces(first: int, last: int) -> KnownFaces:
    numbers = range(first, last)
    return KnownFaces(
        np.arange(first, last),
        np.array([number.to_bytes(32) for number in numbers], "V32"),
        np.array([number.to_bytes(16) for number in numbers], "V16"),
    )


def test_faces_are_there_in_the_order_in_which_they_were_added(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sure_table, "BATCH", 3)
    with database.connect() as connection, connection.cursor() as cursor:
        table = SureTable(connection)
        for first, last in ((1, 2), (2, 2), (2, 9), (9, 10), (10, 12)):
            table.add(_faces(first, last))
        table.analyze()
        cursor.execute("SELECT person, sha256, uuid_send(face_key) FROM sure_faces ORDER BY number")
        rows = [(person, bytes(photo), bytes(key)) for person, photo, key in cursor.fetchall()]
    assert rows == [(number, number.to_bytes(32), number.to_bytes(16)) for number in range(1, 12)]
