"""The approximate index of each set: which method, when to build, and building it beside the live one."""

import time
from dataclasses import astuple, dataclass

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.parameter_sets import RegisteredSet

AUTO_HNSW_ROWS = 10_000
REBUILD_SHARE = 0.2
OPERATOR_CLASSES = {"l2": "vector_l2_ops", "cosine": "vector_cosine_ops", "ip": "vector_ip_ops", "l1": "vector_l1_ops"}
HNSW_M, HNSW_EF_CONSTRUCTION = 16, 100
IVFFLAT_ROWS_A_LIST = 1_000  # pgvector's own advice up to a million rows
NODE_BYTES = 900  # of an HNSW graph in memory beside the vector: neighbours on all levels and what is known of the node
LEAST_MEMORY_MB = 64  # PostgreSQL's own default for building an index


@dataclass(frozen=True, slots=True)
class Build:
    """The index a set has; `index` is None where exact search serves it.

    `rows` and `vectors_changed` are those of its set when it was built.
    """

    method: str
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
            SELECT method, index_name, rows, recall, seconds, vectors_changed
            FROM index_builds WHERE parameter_set = %s
            """,
            [key],
        )
        row = cursor.fetchone()
        return Build(*row) if row else None


def record_build(connection: Connection, key: str, build: Build) -> None:
    """Remembers the decision."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO index_builds (parameter_set, method, index_name, rows, recall, seconds, vectors_changed)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (parameter_set) DO UPDATE SET method = excluded.method, index_name = excluded.index_name,
                rows = excluded.rows, recall = excluded.recall, seconds = excluded.seconds,
                vectors_changed = excluded.vectors_changed, built_at = now()
            """,
            [key, *astuple(build)],
        )


def count_rows(connection: Connection, chosen: RegisteredSet) -> int:
    """Vectors in the set's partition."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(chosen.table)))
        (rows,) = cursor.fetchone() or (0,)
        return int(rows)


def method_for(chosen: RegisteredSet, rows: int) -> str:
    """The method to use for that many rows; `auto` is exact search until an index is faster."""
    if chosen.index_method != "auto":
        return chosen.index_method
    return "hnsw" if rows >= AUTO_HNSW_ROWS else "none"


def keeps(last: Build | None, method: str, vectors_changed: int, valid: list[str]) -> bool:
    """Whether the live index still serves: same method, valid, and not too many vectors changed since it was built."""
    if last is None or last.method != method:
        return False
    if method == "none":
        return not valid
    return valid == [last.index] and vectors_changed - last.vectors_changed <= REBUILD_SHARE * last.rows


def build(database: Database, chosen: RegisteredSet, method: str, rows: int) -> tuple[str | None, float]:
    """Builds the index beside the live one and then drops that, so that searches never wait and never lack one.

    Returns:
        The new index's name (None for `none`) and the seconds it took.

    Raises:
        FacefindError: the new index is not valid; the live one stays.
    """
    started = time.perf_counter()
    with database.connect_autocommit() as connection, connection.cursor() as cursor:
        former = indexes(connection, chosen)
        name = None
        if method != "none":
            name = f"{chosen.table[:38]}_{method}_{time.time_ns() // 1000}"
            limit_memory(cursor, chosen, rows)
            cursor.execute(_create_statement(chosen, method, rows, name))
            if name not in indexes(connection, chosen, valid_only=True):
                raise FacefindError(f"the index of {chosen.key} could not be built: the same command tries again")
        for index in former:
            cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(index)))
    return name, time.perf_counter() - started


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


def limit_memory(cursor: Cursor, chosen: RegisteredSet, rows: int) -> None:
    """Lets the session take what a graph of so many rows needs, and no more than the server allows.

    A parallel build takes all of `maintenance_work_mem` at once, a gigabyte for ten thousand faces; a graph that does
    not fit is built three times as slowly.
    """
    needed = LEAST_MEMORY_MB + rows * (4 * chosen.dimension + NODE_BYTES) // 2**20
    cursor.execute(
        "SELECT set_config('maintenance_work_mem', least(%s::bigint * 1024, setting::bigint)::text, false)"
        " FROM pg_settings WHERE name = 'maintenance_work_mem'",
        [needed],
    )


def _create_statement(chosen: RegisteredSet, method: str, rows: int, name: str) -> sql.Composed:
    options = (
        f"m = {HNSW_M}, ef_construction = {HNSW_EF_CONSTRUCTION}"
        if method == "hnsw"
        else f"lists = {max(10, rows // IVFFLAT_ROWS_A_LIST)}"
    )
    return sql.SQL(
        "CREATE INDEX CONCURRENTLY {name} ON {table}"
        " USING {method} ((embedding::vector({dimension})) {ops}) WITH ({options})"
    ).format(
        name=sql.Identifier(name),
        table=sql.Identifier(chosen.table),
        method=sql.SQL(method),
        dimension=sql.Literal(chosen.dimension),
        ops=sql.SQL(OPERATOR_CLASSES[chosen.metric]),
        options=sql.SQL(options),
    )
