"""Keeps a set's approximate index in step with its vectors, and knows what recall it costs."""

from dataclasses import dataclass, replace
from uuid import UUID

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search.live import use_index
from facefind_pipeline.store import indexes, parameter_sets, versions
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.indexes import Build
from facefind_pipeline.store.made import record_made, set_version
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import operator

RECALL_PROBES, RECALL_AT = 50, 10


@dataclass(frozen=True, slots=True)
class IndexState:
    """What serves a set's searches now; recall is None where search is exact."""

    method: str
    rows: int
    recall: float | None
    bytes: int
    seconds: float
    built: bool
    version: str


def refresh(database: Database, key: str) -> IndexState:
    """Builds the set's index where it needs a new one, measures its recall, and records the decision."""
    with database.lock("index", key):
        with database.connect() as connection:
            chosen = parameter_sets.find(connection, key)
            version = set_version(connection, key)
            rows = indexes.count_rows(connection, chosen)
            last = indexes.last_build(connection, key)
            method = indexes.method_for(chosen, rows)
            valid = indexes.indexes(connection, chosen, valid_only=True)
            kept = last if indexes.keeps(last, method, chosen.vectors_changed, valid) else None
        if kept is not None:
            build = kept
        else:
            name, seconds = indexes.build(database, chosen, method, rows)
            build = Build(method, name, rows, None, seconds, chosen.vectors_changed)
        made_version = _version(version, method)
        with database.connect() as connection:
            if build.index:
                build = replace(build, recall=measure_recall(connection, chosen))
            size = indexes.index_bytes(connection, build.index) if build.index else 0
            _swap_in(connection, chosen, build, version, made_version)
    return IndexState(method, rows, build.recall, size, build.seconds, kept is None, made_version)


def _swap_in(
    connection: Connection, chosen: RegisteredSet, build: Build, embeddings_version: str, made_version: str
) -> None:
    """Records the index as the set's own, once it is seen to be valid and the only one.

    Raises:
        FacefindError: it is not.
    """
    names = [build.index] if build.index else []
    if indexes.indexes(connection, chosen, valid_only=True) != names:
        raise FacefindError(
            f"the index of {chosen.key} was changed while it was built: the same command builds it again"
        )
    indexes.record_build(connection, chosen.key, build)
    made_from = " ".join([embeddings_version, chosen.index_method, *names])
    record_made(connection, "hnsw_index", chosen.key, made_from, made_version)


def measure_recall(connection: Connection, chosen: RegisteredSet, probes: int = RECALL_PROBES) -> float:
    """Recall at 10 of the index against exact search, over a sample of the set's faces, each without itself."""
    parts = {
        "table": sql.Identifier(chosen.table),
        "dimension": sql.Literal(chosen.dimension),
        "operator": operator(chosen.metric),
    }
    nearest = {
        approximate: sql.SQL(
            "SELECT face_key FROM {table} WHERE face_key <> %s"
            " ORDER BY (embedding::vector({dimension}) {operator} %s::vector({dimension})) {exactly} LIMIT %s"
        ).format(exactly=sql.SQL("" if approximate else "+ 0"), **parts)  # PostgreSQL 18 may take a disabled index
        for approximate in (True, False)
    }
    with connection.cursor() as cursor:
        # Ordered by a hash of the key: the same sample every time, spread over all photos.
        cursor.execute(
            sql.SQL("SELECT face_key, embedding FROM {table} ORDER BY md5(face_key::text) LIMIT %s").format(**parts),
            [probes],
        )
        sample = cursor.fetchall()
        use_index(cursor)
        cursor.execute("SET LOCAL enable_seqscan = off")
        found: dict[bool, list[set[UUID]]] = {True: [], False: []}
        for approximate, statement in nearest.items():
            for face, probe in sample:
                cursor.execute(statement, [face, probe, RECALL_AT])
                found[approximate].append({key for (key,) in cursor.fetchall()})
        cursor.execute("RESET enable_seqscan")
    hits = sum(len(a & b) for a, b in zip(found[True], found[False], strict=True))
    wanted = sum(map(len, found[False]))
    return hits / wanted if wanted else 1.0  # a face alone has no neighbours to miss


def _version(embeddings_version: str, method: str) -> str:
    return versions.hash_rows([(embeddings_version, method, indexes.HNSW_M, indexes.HNSW_EF_CONSTRUCTION)])
