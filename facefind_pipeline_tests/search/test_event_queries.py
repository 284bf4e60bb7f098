"""The documented queries about an event: together at a table, who was where, a day's timeline."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search import results
from facefind_pipeline.search.documented import filled_in
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, vector, write_all, write_person

ADA, BOB, STRANGER = vector(0, 0.1), vector(3), vector(0, 0, 5)


def _at(hour: int, minute: int) -> datetime:
    return datetime(2024, 6, 14, hour, minute)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Results of two people: alone, together at lunch and at the bar, and a stranger's photo between."""
    with database.connect() as connection:
        friday = partition(connection, "friday")
        shots = [
            Photo("ada.jpg", "1", [ADA], _at(10, 5)),
            Photo("stranger.jpg", "2", [STRANGER], _at(10, 40)),
            Photo("lunch.jpg", "3", [ADA, BOB], _at(12, 30)),
            Photo("bar.jpg", "4", [BOB, ADA, STRANGER], _at(12, 59)),
            Photo("undated.jpg", "5", [BOB]),
        ]
        write_all(connection, friday, shots)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE photos SET place = 'Lisbon', country = 'PT' WHERE path IN ('ada.jpg', 'lunch.jpg')")
            cursor.execute("UPDATE photos SET place = 'Vigo', country = 'ES' WHERE path = 'bar.jpg'")
        write_person(connection, friday, "Ada", [ADA])
        write_person(connection, friday, "Bob", [BOB])
        results.refresh(connection, parameter_sets.find(connection, KEY))
        yield connection


def _rows(connection: Connection, name: str) -> list[tuple[Any, ...]]:
    return table(connection, filled_in(connection, parameter_sets.find(connection, KEY), name))


def test_who_was_at_a_table_together(connection: Connection) -> None:
    assert _rows(connection, "together") == [("Ada", "Bob", 2, _at(12, 30), _at(12, 59), "bar.jpg")]


def test_who_was_where(connection: Connection) -> None:
    assert _rows(connection, "who_was_where") == [
        ("Ada", "PT", "Lisbon", _at(10, 5), _at(12, 30), 2),
        ("Ada", "ES", "Vigo", _at(12, 59), _at(12, 59), 1),
        ("Bob", "PT", "Lisbon", _at(12, 30), _at(12, 30), 1),
        ("Bob", "ES", "Vigo", _at(12, 59), _at(12, 59), 1),
    ]


def test_a_days_timeline(connection: Connection) -> None:
    assert _rows(connection, "day_timeline") == [
        (_at(10, 0), 2, "Lisbon", "Ada"),
        (_at(12, 0), 2, "Lisbon, Vigo", "Ada, Bob"),
    ]
