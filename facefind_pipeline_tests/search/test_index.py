"""The index of a set: built when it pays, kept while it serves, its recall measured."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.plan.due import is_current
from facefind_pipeline.search import index, live, recall
from facefind_pipeline.store import indexes, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.indexes import Build
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, write_all


def _fill(database: Database, first: int, last: int) -> None:
    random = np.random.default_rng(first)
    with database.connect() as connection:
        shots = [
            Photo(f"{n}.jpg", str(n), random.normal(0, 1, (1, 128)).astype(np.float32)) for n in range(first, last)
        ]
        write_all(connection, partition(connection, "friday"), shots)


def _choose(database: Database, method: str, **parameters: Any) -> None:
    with database.connect() as connection:
        parameter_sets.set_index(connection, KEY, IndexKind(method, **parameters))


def _live(database: Database) -> list[str]:
    with database.connect() as connection:
        return indexes.indexes(connection, parameter_sets.find(connection, KEY), valid_only=True)


@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
def test_an_index_is_built_kept_and_built_anew(database: Database, method: str) -> None:
    _fill(database, 0, 300)
    _choose(database, method)
    first = index.refresh(database, KEY)
    (name,) = _live(database)
    assert (first.kind.method, first.rows, first.built) == (method, 300, True)
    assert first.recall is not None
    assert first.recall > 0.95
    assert first.bytes > 0
    _fill(database, 300, 320)
    second = index.refresh(database, KEY)
    assert (second.built, second.rows, _live(database)) == (False, 320, [name])
    assert second.version != first.version
    _fill(database, 320, 420)
    assert index.refresh(database, KEY).built
    assert len(_live(database)) == 1
    assert _live(database) != [name]


@pytest.mark.parametrize(("rows", "memory"), [(10, "64MB"), (1_000_000, "1410MB"), (10**9, "2GB")])
def test_building_takes_the_memory_its_graph_needs(database: Database, rows: int, memory: str) -> None:
    _fill(database, 0, 1)
    with database.connect() as connection, connection.cursor() as cursor:
        indexes.limit_memory(cursor, parameter_sets.find(connection, KEY), rows, IndexKind("hnsw"))
        cursor.execute("SHOW maintenance_work_mem")
        assert cursor.fetchone() == (memory,)


def test_few_faces_are_searched_exactly_unless_an_index_is_asked_for(database: Database) -> None:
    _fill(database, 0, 50)
    state = index.refresh(database, KEY)
    assert (state.kind.method, state.recall, _live(database)) == ("none", None, [])
    _choose(database, "hnsw")
    assert index.refresh(database, KEY).kind.method == "hnsw"
    _choose(database, "none")
    assert index.refresh(database, KEY).kind.method == "none"
    assert _live(database) == []


def test_auto_takes_an_index_where_that_is_faster() -> None:
    chosen = parameter_sets.RegisteredSet(
        KEY, "t", 128, "l2", True, True, None, None, 0, 0, None, "vector", IndexKind("auto")
    )
    assert indexes.kind_for(chosen, indexes.AUTO_HNSW_ROWS - 1) == IndexKind("none")
    assert indexes.kind_for(chosen, indexes.AUTO_HNSW_ROWS) == IndexKind("hnsw")


def test_an_invalid_index_that_a_killed_build_left_is_replaced(database: Database) -> None:
    _fill(database, 0, 100)
    _choose(database, "hnsw")
    index.refresh(database, KEY)
    (name,) = _live(database)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [name])
    assert index.refresh(database, KEY).built
    with database.connect() as connection:
        everything = indexes.indexes(connection, parameter_sets.find(connection, KEY))
    assert everything == _live(database) != [name]


def _everything(database: Database) -> list[str]:
    with database.connect() as connection:
        return indexes.indexes(connection, parameter_sets.find(connection, KEY))


def test_a_build_that_fails_leaves_nothing(database: Database) -> None:
    _fill(database, 0, 100)
    _choose(database, "hnsw")
    index.refresh(database, KEY)
    before = _live(database)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE embeddings SET embedding = array_fill(1e6::real, ARRAY[128])::vector(128)")
    _choose(database, "hnsw", halfvec=True)
    with pytest.raises(psycopg2.DataError, match="halfvec"):
        index.refresh(database, KEY)
    assert _everything(database) == _live(database) == before


def test_a_build_that_is_interrupted_leaves_nothing(database: Database) -> None:
    """It waits for a transaction, which ends after the interruption and before patience with it does."""
    _fill(database, 0, 100)
    _choose(database, "hnsw")
    with database.connect() as holder, holder.cursor() as cursor:
        cursor.execute("UPDATE embeddings SET embedding = embedding")
        threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGINT]).start()
        end = threading.Timer(2.0, holder.rollback)
        end.start()
        with pytest.raises(KeyboardInterrupt):
            index.refresh(database, KEY)
        end.join()
    assert _everything(database) == []


def test_an_invalid_index_beside_the_one_that_is_kept_is_dropped(database: Database) -> None:
    _fill(database, 0, 100)
    _choose(database, "hnsw")
    index.refresh(database, KEY)
    with database.connect() as connection, connection.cursor() as cursor:
        chosen = parameter_sets.find(connection, KEY)
        cursor.execute(f"CREATE INDEX half_built ON {chosen.table} USING hnsw ((embedding::vector(128)) vector_l2_ops)")
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half_built'::regclass")
    assert not index.refresh(database, KEY).built
    assert _everything(database) == _live(database) != []


def test_the_recall_of_a_poor_index_is_seen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(database, 0, 2000)
    _choose(database, "hnsw")
    good = index.refresh(database, KEY).recall
    monkeypatch.setattr(live, "EF_SEARCH", 10)
    with database.connect() as connection:
        chosen = parameter_sets.find(connection, KEY)
        poor = index.measure_recall(connection, chosen)
        with connection.cursor() as cursor:  # later queries of the connection plan as always
            cursor.execute("SHOW enable_seqscan")
            assert cursor.fetchone() == ("on",)
    assert good is not None
    assert poor < good - 0.05


def test_a_face_is_no_neighbour_of_its_own(database: Database) -> None:
    asked: list[tuple[str, set[str]]] = []

    class Recording(Cursor):
        def execute(self, statement: Any, values: Any = None) -> None:
            self.values = values
            super().execute(statement, values)

        def fetchall(self) -> list[Any]:
            rows = super().fetchall()
            if len(self.values) == 3:  # a probe's face, its vector, how many neighbours
                asked.append((self.values[0], {face for (face,) in rows}))
            return rows

    _fill(database, 0, 20)
    _choose(database, "hnsw")
    index.refresh(database, KEY)
    with database.connect() as connection:
        connection.cursor_factory = Recording
        index.measure_recall(connection, parameter_sets.find(connection, KEY), probes=5)
    assert len(asked) == 10
    assert all(len(found) == recall.RECALL_AT and face not in found for face, found in asked)


def test_of_a_face_alone_nothing_is_missed(database: Database) -> None:
    _fill(database, 0, 1)
    _choose(database, "hnsw")
    assert index.refresh(database, KEY).recall == 1


def test_a_live_index_serves_until_too_much_changed() -> None:
    hnsw, ivfflat, exact = IndexKind("hnsw"), IndexKind("ivfflat"), IndexKind("none")
    last = Build(hnsw, "i", 100, 1.0, 0.1, 1000)
    assert indexes.keeps(last, hnsw, 1020, ["i"])
    assert not indexes.keeps(last, hnsw, 1021, ["i"])
    assert not indexes.keeps(last, ivfflat, 1000, ["i"])
    assert not indexes.keeps(last, replace(hnsw, halfvec=True), 1000, ["i"])
    assert not indexes.keeps(last, replace(hnsw, m=32), 1000, ["i"])
    assert not indexes.keeps(last, hnsw, 1000, [])
    assert not indexes.keeps(None, exact, 0, [])


def test_the_decision_is_recorded(database: Database) -> None:
    _fill(database, 0, 10)
    _choose(database, "hnsw")
    state = index.refresh(database, KEY)
    with database.connect() as connection:
        build = indexes.last_build(connection, KEY)
        assert build is not None
        assert (build.kind.method, [build.index], build.rows, build.recall) == (
            "hnsw",
            _live(database),
            10,
            state.recall,
        )
        assert table(connection, "SELECT count(*) FROM index_builds") == [(1,)]


def test_two_builds_of_one_index_at_once_both_end(database: Database) -> None:
    _fill(database, 0, 300)
    _choose(database, "hnsw")
    with ThreadPoolExecutor(2) as pool:
        states = [done.result(timeout=60) for done in [pool.submit(index.refresh, database, KEY) for _ in range(2)]]
    assert sorted(state.built for state in states) == [False, True]


def test_an_index_is_due_when_vectors_or_method_changed_or_it_is_gone(database: Database) -> None:
    def is_due() -> bool:
        with database.connect() as connection:
            return not is_current(connection, "hnsw_index", KEY)

    _fill(database, 0, 20)
    assert is_due()
    index.refresh(database, KEY)
    assert not is_due()
    _choose(database, "hnsw")
    assert is_due()
    index.refresh(database, KEY)
    assert not is_due()
    _fill(database, 20, 30)
    assert is_due()
    index.refresh(database, KEY)
    assert not is_due()
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", _live(database))
    assert is_due()


def test_an_index_that_is_not_valid_is_not_recorded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> tuple[str | None, float]:
        name, seconds = build(*arguments)
        with database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [name])
        return name, seconds

    build = indexes.build
    _fill(database, 0, 20)
    _choose(database, "hnsw")
    monkeypatch.setattr(indexes, "build", broken)
    with pytest.raises(FacefindError, match="builds it again"):
        index.refresh(database, KEY)
    with database.connect() as connection:
        assert table(connection, "SELECT * FROM index_builds") == []
        assert table(connection, "SELECT * FROM made WHERE asset = 'hnsw_index'") == []


KINDS = [
    {"method": "hnsw", "halfvec": True},
    {"method": "hnsw", "m": 8, "ef_construction": 40},
    {"method": "ivfflat", "lists": 5},
    {"method": "ivfflat", "halfvec": True, "lists": 4},
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_chosen_kind_is_built_recorded_and_then_not_due(database: Database, kind: dict[str, Any]) -> None:
    _fill(database, 0, 300)
    with database.connect() as connection:
        assert parameter_sets.find(connection, KEY).floats is None
    _choose(database, "hnsw")
    index.refresh(database, KEY)
    _choose(database, **kind)
    state = index.refresh(database, KEY)
    assert state.built
    with database.connect() as connection:
        assert is_current(connection, "hnsw_index", KEY)
        chosen = parameter_sets.find(connection, KEY)
        build = indexes.last_build(connection, KEY)
        ((definition,),) = table(
            connection, f"SELECT indexdef FROM pg_indexes WHERE indexname = '{_live(database)[0]}'"
        )
    assert build is not None
    assert build.kind == chosen.index == state.kind == IndexKind(**kind)
    assert chosen.floats == state.kind.floats
    assert f"::{chosen.floats}(128)" in definition
    assert all(f"{name}='{value}'" in definition for name, value in state.kind.options(300).items())
    assert not index.refresh(database, KEY).built


def test_recall_of_16_bits_is_measured_by_the_index_that_is_there(database: Database) -> None:
    _fill(database, 0, 2000)
    _choose(database, "hnsw", halfvec=True)
    state = index.refresh(database, KEY)
    assert state.recall is not None
    assert state.recall > 0.9
    with database.connect() as connection, connection.cursor() as cursor:
        (name,) = _live(database)
        cursor.execute("SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = %s", [name])
        assert cursor.fetchone() == (True,)
