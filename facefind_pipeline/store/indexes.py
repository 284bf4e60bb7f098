"""The approximate index of each set: of which kind, when to build, and building it beside the live one."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.progress import SILENT, Progress
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.index_progress import execute_watched
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import indexed

AUTO_HNSW_ROWS = 10_000
REBUILD_SHARE = 0.2
NODE_BYTES = 900  # of an HNSW graph in memory beside the vector: neighbours on all levels and what is known of the node
FLOAT_BYTES = {"vector": 4, "halfvec": 2}
DROP_PATIENCE = "5s"  # for transactions that use the table, after an interruption: nothing else ends the waiting
LEAST_MEMORY_MB = 64  # PostgreSQL's own default for building an index


@dataclass(frozen=True, slots=True)
class Build:
    """The index a set has; `index` is None where exact search serves it.

    `rows` and `vectors_changed` are those of its set when it was built.
    """

    kind: IndexKind
    index: str | None
    rows: int
    recall: float | None
    seconds: float
    vectors_changed: int


def last_build(connection: Connection, key: str) -> Build | None:
    """What was decided last for the set, or None if nothing was."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT method, halfvec, m, ef_construction, lists, index_name, rows, recall, seconds, vectors_changed
            FROM index_builds WHERE parameter_set = %s
            """,
            [key],
        )
        row = cursor.fetchone()
        return Build(IndexKind(*row[:5]), *row[5:]) if row else None


def record_build(connection: Connection, key: str, build: Build) -> None:
    """Remembers the decision."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO index_builds (method, halfvec, m, ef_construction, lists, parameter_set, index_name, rows,
                recall, seconds, vectors_changed)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (parameter_set) DO UPDATE SET method = excluded.method, halfvec = excluded.halfvec,
                m = excluded.m, ef_construction = excluded.ef_construction, lists = excluded.lists,
                index_name = excluded.index_name, rows = excluded.rows, recall = excluded.recall,
                seconds = excluded.seconds, vectors_changed = excluded.vectors_changed, built_at = now()
            """,
            [
                *astuple(build.kind),
                *(key, build.index, build.rows, build.recall, build.seconds, build.vectors_changed),
            ],
        )


def count_rows(connection: Connection, chosen: RegisteredSet) -> int:
    """Vectors in the set's partition."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM embeddings WHERE parameter_set = %s", [chosen.key])
        (rows,) = cursor.fetchone() or (0,)
        return int(rows)


def kind_for(chosen: RegisteredSet, rows: int) -> IndexKind:
    """The index to have for that many rows; `auto` is exact search until an index is faster."""
    if chosen.index.method != "auto":
        return chosen.index
    return IndexKind("hnsw" if rows >= AUTO_HNSW_ROWS else "none")


def keeps(last: Build | None, kind: IndexKind, vectors_changed: int, valid: list[str]) -> bool:
    """Whether the live index still serves: of that kind, valid, and not too many vectors changed since it was built."""
    if last is None or last.kind != kind:
        return False
    if kind.method == "none":
        return not valid
    return valid == [last.index] and vectors_changed - last.vectors_changed <= REBUILD_SHARE * last.rows


def build(
    database: Database, chosen: RegisteredSet, kind: IndexKind, rows: int, progress: Progress = SILENT
) -> tuple[str | None, float]:
    """Builds the index beside the live one and then drops that, so that searches never wait and never lack one.

    Returns:
        The new index's name (None for `none`) and the seconds it took.

    Raises:
        FacefindError: the new index is not valid; it is dropped, as after any failure or interruption, and the live
            one stays.
    """
    started = time.perf_counter()
    with database.connect_autocommit() as connection, connection.cursor() as cursor:
        former = indexes(connection, chosen)
        name = None
        if kind.method != "none":
            name = f"{chosen.table[:38]}_{kind.method}_{time.time_ns() // 1000}"
            try:
                create(database, connection, chosen, kind, rows, name, progress=progress)
                if name not in indexes(connection, chosen, valid_only=True):
                    raise FacefindError(f"the index of {chosen.key} could not be built: the same command tries again")
            except BaseException:
                with suppress(psycopg2.Error):  # the server may be gone: `drop_invalid` removes it later
                    cursor.execute("SELECT set_config('lock_timeout', %s, false)", [DROP_PATIENCE])
                    _drop(cursor, [name])
                raise
        _drop(cursor, former)
    return name, time.perf_counter() - started


def drop_invalid(database: Database, chosen: RegisteredSet) -> None:
    """Drops what killed builds left, which every insert would keep up to date; the caller holds the index's lock."""
    with database.connect_autocommit() as connection, connection.cursor() as cursor:
        valid = indexes(connection, chosen, valid_only=True)
        _drop(cursor, [name for name in indexes(connection, chosen) if name not in valid])


def _drop(cursor: Cursor, names: Iterable[str]) -> None:
    for name in names:
        cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))


def create(
    database: Database,
    connection: Connection,
    chosen: RegisteredSet,
    kind: IndexKind,
    rows: int,
    name: str,
    *,
    concurrently: bool = True,
    progress: Progress = SILENT,
) -> None:
    """Creates an index of the set's table, reporting how far it is; an interruption ends it in the server too.

    Args:
        database: which `connection` is to.
        connection: in autocommit mode.
        chosen: the set.
        kind: but for `none`.
        rows: of the table.
        name: of the index.
        concurrently: whether others may write to the table meanwhile.
        progress: reports each hundredth.
    """
    with connection.cursor() as cursor:
        limit_memory(cursor, chosen, rows, kind)
    statement = sql.SQL(
        "CREATE INDEX {concurrently} {name} ON {table} USING {method} ((embedding{indexed}) {ops}) WITH ({options})"
    ).format(
        concurrently=sql.SQL("CONCURRENTLY" if concurrently else ""),
        name=sql.Identifier(name),
        table=sql.Identifier(chosen.table),
        method=sql.SQL(kind.method),
        indexed=indexed(kind.floats, chosen.dimension),
        ops=sql.SQL(f"{kind.floats}_{chosen.metric}_ops"),
        options=sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.SQL(option), sql.Literal(value))
            for option, value in kind.options(rows).items()
        ),
    )
    progress.begin(f"index {kind}", 100, "%")
    try:
        execute_watched(database, connection, statement, progress)
    finally:
        progress.end()


def indexes(connection: Connection, chosen: RegisteredSet, *, valid_only: bool = False) -> list[str]:
    """Names of the vector indexes on the set's partition; a killed build leaves one that is not valid."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
            WHERE i.indrelid = %s::regclass AND a.amname IN ('hnsw', 'ivfflat') AND (i.indisvalid OR NOT %s)
            ORDER BY c.relname
            """,
            [chosen.table, valid_only],
        )
        return [name for (name,) in cursor.fetchall()]


def index_bytes(connection: Connection, name: str) -> int:
    """Size of an index on disk."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s::regclass)", [name])
        (size,) = cursor.fetchone() or (0,)
        return int(size)


def limit_memory(cursor: Cursor, chosen: RegisteredSet, rows: int, kind: IndexKind) -> None:
    """Lets the session take what a graph of so many rows needs, and no more than the server allows.

    A parallel build takes all of `maintenance_work_mem` at once, a gigabyte for ten thousand faces; a graph that does
    not fit is built three times as slowly.
    """
    vector = FLOAT_BYTES[kind.floats] * chosen.dimension
    needed = LEAST_MEMORY_MB + rows * (vector + NODE_BYTES) // 2**20
    cursor.execute(
        "SELECT set_config('maintenance_work_mem', least(%s::bigint * 1024, setting::bigint)::text, false)"
        " FROM pg_settings WHERE name = 'maintenance_work_mem'",
        [needed],
    )
