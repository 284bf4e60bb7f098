"""Trials of index kinds: what they measure, and that the set, its index and the database stay as they were."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.plan.due import is_current
from facefind_pipeline.search import index, index_trial
from facefind_pipeline.search.index_trial import Tried, copied, try_kinds, try_live
from facefind_pipeline.store import faces, indexes, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, write_all

KINDS = [
    IndexKind("none"),
    IndexKind("hnsw"),
    IndexKind("hnsw", halfvec=True),
    IndexKind("hnsw", m=4, ef_construction=8),
    IndexKind("ivfflat", lists=20),
]


@pytest.fixture
def chosen(database: Database) -> RegisteredSet:
    """1,000 faces with an HNSW index that serves."""
    random = np.random.default_rng(1)
    vectors = random.normal(0, 1, (1_000, 128)).astype(np.float32)
    shots = [Photo(f"{number}.jpg", str(number), vectors[number : number + 1]) for number in range(1_000)]
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), shots)
        parameter_sets.set_index(connection, KEY, IndexKind("hnsw"))
    index.refresh(database, KEY)
    with database.connect() as connection:
        return parameter_sets.find(connection, KEY)


def _trial_tables(database: Database) -> list[str]:
    with database.connect() as connection:
        return [name for (name,) in table(connection, "SELECT relname FROM pg_class WHERE relname LIKE 'index_trial%'")]


def _live(database: Database, chosen: RegisteredSet) -> list[str]:
    with database.connect() as connection:
        return indexes.indexes(connection, chosen)


def test_each_kind_is_built_measured_and_removed(database: Database, chosen: RegisteredSet) -> None:
    before = _live(database, chosen)
    exact, hnsw, half, poor, lists = try_kinds(database, chosen, KINDS)
    assert (exact.recall, exact.bytes, exact.seconds) == (1.0, 0, 0.0)
    assert hnsw.kind == IndexKind("hnsw", m=16, ef_construction=100)
    assert poor.recall < hnsw.recall
    assert lists.recall < 1
    assert half.bytes < hnsw.bytes
    for one in (hnsw, half, poor, lists):
        assert 0 < one.p50 <= one.p95
        assert one.seconds > 0
        assert one.faces == 1_000
    assert _trial_tables(database) == []
    assert _live(database, chosen) == before
    with database.connect() as connection:
        assert is_current(connection, "hnsw_index", KEY)


def test_the_sets_own_index_serves_while_another_is_tried(database: Database, chosen: RegisteredSet) -> None:
    for _ in try_kinds(database, chosen, [IndexKind("ivfflat", halfvec=True)]):
        with database.connect() as connection, connection.cursor() as cursor:
            assert parameter_sets.find(connection, KEY) == chosen
            assert is_current(connection, "hnsw_index", KEY)
            cursor.execute("SET LOCAL enable_seqscan = off")
            plan = table(
                connection,
                f"EXPLAIN SELECT FROM {chosen.table} ORDER BY embedding::vector(128) <-> "
                "array_fill(0, ARRAY[128])::vector(128) LIMIT 10",
            )
            assert f"Index Scan using {_live(database, chosen)[0]}" in str(plan)
        assert not index.refresh(database, KEY).built


def test_a_probe_does_not_count_as_its_own_neighbour(database: Database, chosen: RegisteredSet) -> None:
    from facefind_pipeline.search.recall import nearest, sample

    with database.connect() as connection:
        asked = sample(connection, chosen, 5)
        for exactly in (True, False):
            found = nearest(connection, chosen, asked, exactly=exactly)
            assert all(face not in one.faces for (face, _), one in zip(asked, found, strict=True))
            assert all(len(one.faces) == 10 for one in found)


def test_an_interrupted_trial_leaves_nothing(database: Database, chosen: RegisteredSet) -> None:
    tried = try_kinds(database, chosen, KINDS)
    next(tried)
    with pytest.raises(KeyboardInterrupt):
        tried.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    assert _trial_tables(database) == []


def test_ctrl_c_ends_a_build_in_the_server_too(database: Database, chosen: RegisteredSet) -> None:
    """The build waits for a lock that is never given back, so that only its cancelling ends it."""
    with copied(database, chosen) as copy, database.connect() as holder:
        table(holder, "SELECT 1")
        with holder.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {copy.table} IN ACCESS EXCLUSIVE MODE")
        threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGINT]).start()
        with (
            pytest.raises(KeyboardInterrupt),
            index_trial.built(database, copy, IndexKind("hnsw"), 1_000),
        ):
            pass
        with database.connect() as connection:
            assert (
                table(connection, "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'CREATE%'") == []
            )
        holder.rollback()
    assert _trial_tables(database) == []


def test_what_a_killed_trial_left_is_removed_by_the_next(database: Database, chosen: RegisteredSet) -> None:
    _kill_a_trial(database)
    assert _trial_tables(database) == ["index_trial"]
    with database.connect() as connection:
        (row,) = table(connection, "SELECT relpersistence FROM pg_class WHERE relname = 'index_trial'")
    assert row == ("u",)  # unlogged: no vectors in the WAL
    assert len(list(try_kinds(database, chosen, KINDS[:1]))) == 1
    assert _trial_tables(database) == []


def _kill_a_trial(database: Database) -> None:
    script = f"""
import sys
from facefind_pipeline.search.index_trial import copied
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
database = Database({database.url!r}, {database.dagster_url!r})
with database.connect() as connection:
    chosen = parameter_sets.find(connection, {KEY!r})
with copied(database, chosen):
    print("copied", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"copied\n"
        process.kill()


def test_a_leftover_is_dropped_and_a_copy_in_use_is_not(database: Database, chosen: RegisteredSet) -> None:
    _kill_a_trial(database)
    index_trial.drop_leftover(database)
    assert _trial_tables(database) == []
    with copied(database, chosen):
        index_trial.drop_leftover(database)
        assert _trial_tables(database) == ["index_trial"]


def test_photos_that_are_removed_go_from_the_copy_too(database: Database, chosen: RegisteredSet) -> None:
    removed = Photo("7.jpg", "7").sha256
    with copied(database, chosen) as copy, database.connect() as connection:
        faces.lock_sets(connection)
        assert faces.remove_photos(connection, [removed]) == {KEY: 1}
        assert indexes.count_rows(connection, copy) == 999
        assert (removed,) not in [(bytes(one),) for (one,) in table(connection, "SELECT sha256 FROM index_trial")]
        connection.commit()


def test_photos_that_are_being_removed_are_not_copied(database: Database, chosen: RegisteredSet) -> None:
    copies: list[int] = []

    def copy_and_count() -> None:
        with copied(database, chosen) as copy, database.connect() as connection:
            copies.append(indexes.count_rows(connection, copy))

    with database.connect() as connection:
        faces.lock_sets(connection)
        faces.remove_photos(connection, [Photo("7.jpg", "7").sha256])
        other = threading.Thread(target=copy_and_count)
        other.start()
        time.sleep(0.5)
    other.join(timeout=30)
    assert copies == [999]


def test_trials_take_turns(database: Database, chosen: RegisteredSet) -> None:
    done: list[Tried] = []
    with copied(database, chosen):
        other = threading.Thread(target=lambda: done.extend(try_kinds(database, chosen, KINDS[:1])))
        other.start()
        time.sleep(0.3)
        assert done == []
    other.join(timeout=30)
    assert len(done) == 1


def test_a_set_without_faces_has_nothing_to_try(database: Database) -> None:
    with database.connect() as connection:
        partition(connection, "friday")
        chosen = parameter_sets.find(connection, KEY)
    with pytest.raises(FacefindError, match="no faces under"):
        list(try_kinds(database, chosen, KINDS))
    assert _trial_tables(database) == []


def test_of_one_face_alone_everything_is_found(database: Database) -> None:
    with database.connect() as connection:
        shot = Photo("a.jpg", "a", np.ones((1, 128), np.float32))
        write_all(connection, partition(connection, "friday"), [shot])
        chosen = parameter_sets.find(connection, KEY)
    assert [one.recall for one in try_kinds(database, chosen, KINDS)] == [1.0] * len(KINDS)


def test_the_index_that_serves_is_measured_where_it_is(database: Database, chosen: RegisteredSet) -> None:
    live = try_live(database, KEY)
    assert live.kind == IndexKind("hnsw", m=16, ef_construction=100)
    assert live.recall > 0.9
    assert live.bytes > 0
    assert _live(database, chosen) != []
