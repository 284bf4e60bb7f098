"""Binary COPY: what goes in comes out, and conflicts are left or updated."""

import uuid

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facefind_pipeline.store.binary_copy import insert
from facefind_pipeline.store.database import Database

COLUMNS = {
    "id": "uuid",
    "name": "text",
    "content": "bytea",
    "number": "integer",
    "score": "real",
    "points": "real[]",
    "embedding": "vector",
}
float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
three = st.lists(float32, min_size=3, max_size=3)
row = st.tuples(
    st.uuids(),
    st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.none() | st.binary(max_size=200),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | float32,
    st.none() | st.lists(float32, min_size=1, max_size=10),
    st.none() | three | three.map(np.float32) | three.map(np.float64),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(row, max_size=20, unique_by=lambda r: r[0]))
def test_rows_come_back_as_they_went_in(database: Database, rows) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        types = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        cursor.execute(f"CREATE TEMP TABLE copied ({types}, PRIMARY KEY (id)) ON COMMIT DROP")
        assert insert(connection, "copied", COLUMNS, rows, order=[next(iter(COLUMNS))]) == len(rows)
        cursor.execute("SELECT * FROM copied ORDER BY id")
        found = [
            (uuid.UUID(key), name, None if content is None else bytes(content), *rest, vector)
            for key, name, content, *rest, vector in cursor.fetchall()
        ]
        for got, sent in zip(found, sorted(rows, key=lambda sent: sent[0]), strict=True):
            assert got[:4] == sent[:4]
            for value, expected in zip(got[4:6], sent[4:6], strict=True):
                np.testing.assert_array_equal(np.float32(value), np.float32(expected))
            if sent[6] is None:
                assert got[6] is None
            else:
                np.testing.assert_array_equal(got[6].to_numpy(), np.float32(sent[6]))


def test_conflicting_rows_are_left_or_updated(database: Database) -> None:
    columns = {"name": "text", "number": "integer"}
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE counted (name text PRIMARY KEY, number integer) ON COMMIT DROP")
        insert(connection, "counted", columns, [("a", 1), ("b", 2)], order=["name"])
        assert insert(connection, "counted", columns, [("a", 10), ("c", 3)], order=["name"]) == 1
        update = "(name) DO UPDATE SET number = excluded.number WHERE counted.number <> excluded.number"
        assert insert(connection, "counted", columns, [("b", 2), ("c", 30)], update, order=["name"]) == 1
        cursor.execute("SELECT * FROM counted ORDER BY name")
        assert cursor.fetchall() == [("a", 1), ("b", 2), ("c", 30)]
