"""The database's own search, `nearest_photos`: against the command's live query, and on what it is asked wrongly."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.probes import reference_probes
from facefind_pipeline.store import indexes, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.people import Person
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, vector, write_all, write_person


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    return partition(connection, "friday")


def _nearest(connection: Connection, arguments: str) -> list[tuple[str, float]]:
    return [
        (photo, distance)
        for photo, distance in table(connection, f"SELECT photo, distance FROM nearest_photos({arguments})")
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [1, 7, 60, 500])
def test_it_gives_what_the_live_search_gives(connection: Connection, friday: Partition, seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    # One photo has more faces near the references than are looked at first; two references lie far apart.
    crowd = [random.normal(0, 0.01, 128).astype(np.float32) for _ in range(40)]
    shots = [Photo("crowd.jpg", "crowd", crowd)] + [
        Photo(f"{number}.jpg", str(number), random.normal(0, 1, (number % 4, 128)).astype(np.float32))
        for number in range(100)
    ]
    write_all(connection, friday, shots)
    write_person(connection, friday, "Ada", [vector(), *random.normal(0, 1, (2, 128)).astype(np.float32)])
    chosen = parameter_sets.find(connection, KEY)
    probes = reference_probes(connection, KEY, Person("ada", "Ada"))
    live = [(match.photo, match.distance) for match in find_nearest(connection, chosen, probes, limit=count).matches]
    assert _nearest(connection, f"'Ada', '{KEY}', {count}") == live


def test_it_goes_by_the_floats_of_the_index(database: Database) -> None:
    random = np.random.default_rng(7)
    shots = [Photo(f"{n}.jpg", str(n), random.normal(0, 1, (1, 128)).astype(np.float32)) for n in range(300)]
    with database.connect() as connection:
        into = partition(connection, "friday")
        write_all(connection, into, shots)
        write_person(connection, into, "Ada", [vector()])
        chosen = parameter_sets.find(connection, KEY)
        exact = _nearest(connection, f"'Ada', '{KEY}', 5")
    name, _ = indexes.build(database, chosen, IndexKind("hnsw", halfvec=True), 300)
    with database.connect() as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
        assert _nearest(connection, f"'Ada', '{KEY}', 5") == exact

    def scans() -> list[tuple[Any, ...]]:
        with database.connect() as connection:
            return table(connection, f"SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = '{name}'")

    deadline = time.monotonic() + 30  # what the connection before did is counted after its end
    while scans() != [(True,)] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert scans() == [(True,)]


def test_a_person_by_key_or_name_and_the_default_set(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [Photo("a.jpg", "a", [vector(1)]), Photo("b.jpg", "b", [vector(3)])])
    write_person(connection, friday, "Ada", [vector(0)])
    parameter_sets.set_default(connection, KEY)
    for arguments in ("'ada'", "'ADA'", "'Ada', NULL, 10", "'Ada', n => 10"):
        assert _nearest(connection, arguments) == [("a.jpg", 1.0), ("b.jpg", 3.0)]
    assert _nearest(connection, "'Ada', n => 1") == [("a.jpg", 1.0)]


def test_what_was_rejected_is_left_out(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [Photo("a.jpg", "a", [vector(1)]), Photo("b.jpg", "b", [vector(3)])])
    write_person(connection, friday, "Ada", [vector(0)])
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO feedback (person, sha256, shown) VALUES ('ada', sha256('a'), false)")
    assert _nearest(connection, f"'Ada', '{KEY}', 1") == [("b.jpg", 3.0)]


@pytest.mark.parametrize(("arguments", "says"), [("'Eve'", "no person Eve"), ("'Ada', 'nosuch'", "no parameter set")])
def test_who_or_what_is_not_known_is_named(
    connection: Connection, friday: Partition, arguments: str, says: str
) -> None:
    write_all(connection, friday, [Photo("a.jpg", "a", [vector(1)])])
    write_person(connection, friday, "Ada", [vector(0)])
    with pytest.raises(psycopg2.errors.RaiseException, match=says):
        _nearest(connection, arguments)
