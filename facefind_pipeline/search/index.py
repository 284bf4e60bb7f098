"""Keeps a set's approximate index in step with its vectors, and knows what recall it costs."""

from dataclasses import dataclass
from uuid import UUID

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.find import EF_SEARCH
from facefind_pipeline.store import indexes, parameter_sets, versions
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import set_version
from facefind_pipeline.store.indexes import Build
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
            kept = indexes.keeps(last, method, rows, valid)
        if kept and last is not None:
            name, seconds, rows_at_build = last.index, last.seconds, last.rows
        else:
            name, seconds = indexes.build(database, chosen, method, rows)
            rows_at_build = rows
        with database.connect() as connection:
            recall = measure_recall(connection, chosen) if name else None
            size = indexes.index_bytes(connection, name) if name else 0
            indexes.record_build(connection, key, Build(method, name, version, rows_at_build, recall, seconds))
    data_version = versions.hash_rows([(version, method, indexes.HNSW_M, indexes.HNSW_EF_CONSTRUCTION)])
    return IndexState(method, rows, recall, size, seconds, not kept, data_version)


def measure_recall(connection: Connection, chosen: RegisteredSet, probes: int = RECALL_PROBES) -> float:
    """Recall at 10 of the index against exact search, over a sample of the set's own vectors."""
    parts = {
        "table": sql.Identifier(chosen.table),
        "dimension": sql.Literal(chosen.dimension),
        "operator": operator(chosen.metric),
    }
    nearest = sql.SQL(
        """
        SELECT face_key FROM {table}
        ORDER BY embedding::vector({dimension}) {operator} %s::vector({dimension}) LIMIT %s
        """
    ).format(**parts)
    with connection.cursor() as cursor:
        # Ordered by a hash of the key: the same sample every time, spread over all photos.
        cursor.execute(
            sql.SQL("SELECT embedding FROM {table} ORDER BY md5(face_key::text) LIMIT %s").format(**parts), [probes]
        )
        sample = [embedding for (embedding,) in cursor.fetchall()]
        cursor.execute("SET LOCAL hnsw.ef_search = %s", [EF_SEARCH])
        found: dict[bool, list[set[UUID]]] = {}
        for approximate in (True, False):
            cursor.execute("SET LOCAL enable_seqscan = %s", [not approximate])
            cursor.execute("SET LOCAL enable_indexscan = %s", [approximate])
            found[approximate] = []
            for probe in sample:
                cursor.execute(nearest, [probe, RECALL_AT])
                found[approximate].append({key for (key,) in cursor.fetchall()})
        cursor.execute("RESET enable_seqscan; RESET enable_indexscan")
    hits = sum(len(a & b) for a, b in zip(found[True], found[False], strict=True))
    return hits / max(1, sum(len(exact) for exact in found[False]))
