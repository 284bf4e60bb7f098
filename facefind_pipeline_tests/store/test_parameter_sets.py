"""Registered sets, their partitions, the default one and the talk's view."""

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.set_names import DEFAULT
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import indexes, parameter_sets
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline_tests.store.rows import Photo, partition, table, vector, write_all

HOG, TALK = "hog-up1-px2000@dlib", "haar-sf1.05-mn2-ms100@imgbeddings"
DOUBLED = "hog-up1-px2000@arcface-moa__b"
# As the talk printed it, the reference's vector between the brackets.
TALK_SQL = "SELECT filename FROM pictures ORDER BY embedding <-> ('{}') LIMIT 10"


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


def _register(connection: Connection, key: str, dimension: int) -> None:
    parameter_sets.register(connection, ParameterSet.parse(key), dimension, "l2")


def test_the_first_set_is_the_default_and_another_can_be_chosen(connection: Connection) -> None:
    with pytest.raises(FacefindError, match="no parameter set is registered"):
        parameter_sets.find(connection, DEFAULT)
    _register(connection, HOG, 128)
    _register(connection, TALK, 768)
    _register(connection, HOG, 128)
    assert [one.key for one in parameter_sets.registered(connection)] == [HOG, TALK]
    assert parameter_sets.find(connection, DEFAULT).key == HOG
    parameter_sets.set_default(connection, TALK)
    assert parameter_sets.find(connection, DEFAULT).key == TALK
    with pytest.raises(FacefindError, match="facefind params add"):
        parameter_sets.set_default(connection, "hog-up2-px2000@dlib")


def test_sets_of_different_dimensions_stand_side_by_side(connection: Connection) -> None:
    _register(connection, HOG, 128)
    _register(connection, TALK, 768)
    tables = table(
        connection, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'embeddings'::regclass"
    )
    assert sorted(tables) == [(ParameterSet.parse(TALK).table,), (ParameterSet.parse(HOG).table,)]


def test_a_new_set_does_not_wait_for_who_reads_another(database: Database) -> None:
    with database.connect() as reader, database.connect() as connection:
        _register(connection, HOG, 128)
        connection.commit()
        assert table(reader, "SELECT FROM embeddings") == []  # its transaction stays open
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        _register(connection, TALK, 768)


@pytest.mark.parametrize("key", [DOUBLED, DOUBLED.replace("moa", "mo" + "long_name_" * 6)])
def test_a_table_from_before_names_were_unique_is_found(database: Database, settings: Settings, key: str) -> None:
    former = ParameterSet.parse(key).table
    if len(former) < 63:
        former = former.rpartition("_")[0]
    with database.connect() as connection, connection.cursor() as cursor:
        _register(connection, key, 512)
        if former != ParameterSet.parse(key).table:  # a long one had its hash
            cursor.execute(f"ALTER TABLE {ParameterSet.parse(key).table} RENAME TO {former}")
        cursor.execute("UPDATE parameter_sets SET table_name = %s", [former])
        cursor.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0008_table_names'")
    with open_database.__wrapped__(settings).connect() as connection:
        _register(connection, key, 512)
        _register(connection, key.replace("a__b", "a_b"), 512)
        for one in parameter_sets.registered(connection):
            assert one.table == ParameterSet.parse(one.key).table
            assert table(connection, f"SELECT count(*) FROM {one.table}") == [(0,)]


def test_what_a_set_was_made_by_is_recorded(connection: Connection) -> None:
    into = partition(connection, "friday", detector="haar 4.14")
    assert parameter_sets.meanings(connection, into.parameter_set) == {}
    write_all(connection, into, [Photo("a.jpg", "a", [vector(1)])])
    assert parameter_sets.meanings(connection, into.parameter_set)["detector"] == {"name": "haar 4.14"}


@pytest.mark.parametrize("key", [HOG, TALK])
def test_the_talks_own_sql_runs_over_the_default_set(connection: Connection, key: str) -> None:
    into = partition(connection, "friday", key=key)
    dimension = 128 if key == HOG else 768
    shots = [Photo(f"{n}.jpg", str(n), [vector(n, dimension=dimension)]) for n in range(20)]
    write_all(connection, into, shots)
    probe = [6.2] + [0] * (dimension - 1)
    rows = table(connection, TALK_SQL.format(probe))
    assert [name for (name,) in rows[:4]] == ["6.jpg", "7.jpg", "5.jpg", "8.jpg"]
    assert len(rows) == 10


def test_the_talks_sql_uses_the_sets_index(database: Database) -> None:
    with database.connect() as connection:
        into = partition(connection, "friday", key=HOG)
        shots = [Photo(f"{n}.jpg", str(n), [vector(n, n % 7, n % 11)]) for n in range(3000)]
        write_all(connection, into, shots)
        chosen = parameter_sets.find(connection, HOG)
    name, _ = indexes.build(database, chosen, IndexKind("hnsw"), 3000)
    with database.connect() as connection:
        table(connection, "SELECT 1")
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        plan = "\n".join(line for (line,) in table(connection, "EXPLAIN " + TALK_SQL.format([0.5] + [0] * 127)))
    assert f"Index Scan using {name}" in plan


def test_two_sets_do_not_share_a_table(connection: Connection) -> None:
    _register(connection, HOG, 128)
    with pytest.raises(psycopg2.errors.UniqueViolation), connection.cursor() as cursor:
        cursor.execute("INSERT INTO parameter_sets SELECT 'x', table_name, '{}', 1, 'l2' FROM parameter_sets")
