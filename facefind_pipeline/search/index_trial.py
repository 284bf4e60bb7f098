"""Kinds of index tried on a copy of a set's vectors: what each finds and costs.

A copy, since a second index beside the one that serves would slow every insert, could be chosen by the planner for
anybody's search, and would be of the rows that `hnsw_index` counts on to be alone. It is unlogged: a kill leaves no
vectors in the WAL, and the table itself until the next trial or the next command that writes. Photos that are taken out
meanwhile go from it too (`store.faces.remove_photos`).
"""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.progress import SILENT, Progress
from facefind_pipeline.search.recall import Nearest, nearest, recall, sample
from facefind_pipeline.store import indexes, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import TRIAL_TABLE, lock_sets
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.parameter_sets import RegisteredSet

INDEX = "index_trial_vectors"
LOCK = "index trial"
WARM_UP, TIMED = 20, 100  # searches; the first ones read what the others find in memory


@dataclass(frozen=True, slots=True)
class Tried:
    """What an index of a kind finds and costs.

    Attributes:
        asked: the kind as it was asked for.
        kind: the same with all its parameters.
        faces: that it was built of.
        recall: at 10, against exact search.
        p50: milliseconds of a search for the ten nearest faces, the median.
        p95: milliseconds, the 95th percentile.
        bytes: on disk.
        seconds: to build it.
    """

    asked: IndexKind
    kind: IndexKind
    faces: int
    recall: float
    p50: float
    p95: float
    bytes: int
    seconds: float


def try_kinds(
    database: Database, chosen: RegisteredSet, kinds: Iterable[IndexKind], progress: Progress = SILENT
) -> Generator[Tried, None, None]:
    """Builds an index of each kind in turn, searches with it and removes it; the set and its index stay as they are.

    The copy is there until the generator ends or is closed.

    Raises:
        FacefindError: the set has no faces.
    """
    with copied(database, chosen) as copy:
        with database.connect() as connection:
            rows = require_faces(connection, copy)
            asked = sample(connection, copy, WARM_UP + TIMED)
            progress.begin("exact search", len(asked), "search")
            exact = nearest(connection, copy, asked, exactly=True, progress=progress)
            progress.end()
        for kind in kinds:
            if kind.method == "none":
                yield measured(kind, rows, exact, exact, 0, 0.0)
                continue
            with built(database, copy, kind, rows, progress) as seconds, database.connect() as connection:
                found = nearest(connection, replace(copy, floats=kind.floats), asked)
                yield measured(kind, rows, found, exact, indexes.index_bytes(connection, INDEX), seconds)


def try_live(database: Database, key: str) -> Tried:
    """The index that the set has, or its exact search, as it was built last."""
    with database.connect() as connection:
        chosen = parameter_sets.find(connection, key)
        build = indexes.last_build(connection, key)
        if build is None:
            raise FacefindError(f"no index of {key} was made yet: run `facefind run PHOTOS --params {key}`")
        asked = sample(connection, chosen, WARM_UP + TIMED)
        exact = nearest(connection, chosen, asked, exactly=True)
        found = nearest(connection, chosen, asked) if build.index else exact
        size = indexes.index_bytes(connection, build.index) if build.index else 0
    return measured(build.kind, build.rows, found, exact, size, build.seconds if build.index else 0.0)


def require_faces(connection: Connection, chosen: RegisteredSet) -> int:
    """How many faces the set has.

    Raises:
        FacefindError: none.
    """
    rows = indexes.count_rows(connection, chosen)
    if not rows:
        raise FacefindError(f"no faces under {chosen.key} yet: run `facefind run PHOTOS --params {chosen.key}`")
    return rows


@contextmanager
def copied(database: Database, chosen: RegisteredSet) -> Iterator[RegisteredSet]:
    """A copy of the set's table without any index, removed at the end; `drop_leftover` removes what a kill left.

    One at a time: two trials would slow each other, and be measured so.
    """
    names = {"table": sql.Identifier(TRIAL_TABLE), "original": sql.Identifier(chosen.table)}
    with database.lock(LOCK):
        try:
            with database.connect() as connection, connection.cursor() as cursor:
                lock_sets(connection, chosen.key)  # or photos that are being removed would be copied
                for statement in (
                    "DROP TABLE IF EXISTS {table}",
                    "CREATE UNLOGGED TABLE {table} (LIKE {original} INCLUDING STORAGE)",
                    "INSERT INTO {table} TABLE {original}",
                ):
                    cursor.execute(sql.SQL(statement).format(**names))
            with database.connect_autocommit() as connection, connection.cursor() as cursor:
                cursor.execute(sql.SQL("VACUUM ANALYZE {table}").format(**names))
            yield replace(chosen, table=TRIAL_TABLE, floats=None)
        finally:
            _drop(database)


def drop_leftover(database: Database) -> None:
    """Drops the copy of a trial that was killed, whose lock is free; one that is in use stays."""
    with database.lock_if_free(LOCK) as free:
        if free:
            _drop(database)


def _drop(database: Database) -> None:
    with database.connect(vectors=False) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(TRIAL_TABLE)))


@contextmanager
def built(
    database: Database, copy: RegisteredSet, kind: IndexKind, rows: int, progress: Progress = SILENT
) -> Iterator[float]:
    """An index of the kind on a copy, removed at the end; gives the seconds that building it took."""
    with database.connect_autocommit() as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        indexes.create(database, connection, copy, kind, rows, INDEX, concurrently=False, progress=progress)
        seconds = time.perf_counter() - started
        yield seconds
        cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(INDEX)))


def measured(
    kind: IndexKind, rows: int, found: Sequence[Nearest], exact: Sequence[Nearest], size: int, seconds: float
) -> Tried:
    """What the searches of a sample show of an index; `exact` are the same ones without it."""
    import numpy as np

    times = [one.milliseconds for one in found]
    p50, p95 = np.percentile(times[WARM_UP:] or times, [50, 95])
    return Tried(kind, kind.whole(rows), rows, recall(found, exact), float(p50), float(p95), size, seconds)
