"""Columns by binary COPY: what goes in comes out, nulls are null, and batches are one table."""

import hashlib
from uuid import UUID

import numpy as np

from facefind_pipeline.store.binary_columns import Texts, copy_columns, fixed
from facefind_pipeline.store.database import Database


def test_columns_come_back_as_they_went_in(database: Database) -> None:
    count, names = 2_500, ["Ada", "Núñez", ""]
    random = np.random.default_rng(1)
    who, numbers = random.integers(-1, 3, count), random.integers(-(2**31), 2**31, count)
    hashes = [hashlib.sha256(str(number).encode()).digest() for number in range(count)]
    distances = np.where(random.random(count) < 0.2, np.nan, random.random(count))
    keyed = random.random(count) < 0.5

    def batches():
        for start in range(0, count, 1_000):
            part = slice(start, start + 1_000)
            yield (
                Texts(names).column(who[part]),
                fixed(who[part], ">i8", who[part] >= 0),
                fixed(who[part], ">i4", np.zeros(count, bool)[part]),
                fixed(numbers[part], ">i4"),
                fixed(np.array(hashes[part], "V32"), "V32"),
                fixed(np.array([one[:16] for one in hashes[part]], "V16"), "V16", keyed[part]),
                fixed(distances[part], ">f8", ~np.isnan(distances[part])),
                fixed(keyed[part], "?"),
            )

    columns = {
        "name": "text",
        "who": "bigint",
        "nobody": "integer",
        "number": "integer",
        "sha256": "bytea",
        "key": "uuid",
    }
    columns |= {"distance": "double precision", "keyed": "boolean"}
    with database.connect() as connection, connection.cursor() as cursor:
        types = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        cursor.execute(f"CREATE TEMP TABLE copied ({types}) ON COMMIT DROP")
        copy_columns(connection, "copied", list(columns), batches())
        cursor.execute("SELECT * FROM copied ORDER BY sha256")
        found = [(*row[:4], bytes(row[4]), *row[5:]) for row in cursor.fetchall()]
    expected = [
        (
            names[who[row]] if who[row] >= 0 else None,
            who[row] if who[row] >= 0 else None,
            None,
            numbers[row],
            hashes[row],
            str(UUID(bytes=hashes[row][:16])) if keyed[row] else None,
            None if np.isnan(distances[row]) else distances[row],
            keyed[row],
        )
        for row in range(count)
    ]
    assert found == sorted(expected, key=lambda row: row[4])


def test_no_rows_are_no_rows(database: Database) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE copied (number integer) ON COMMIT DROP")
        copy_columns(connection, "copied", ["number"], [])
        cursor.execute("SELECT count(*) FROM copied")
        assert cursor.fetchone() == (0,)
