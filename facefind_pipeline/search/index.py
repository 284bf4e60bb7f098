"""Keeps a set's approximate index in step with its vectors, and knows what recall it costs."""

from dataclasses import dataclass, replace

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.progress import SILENT, Progress
from facefind_pipeline.search.recall import nearest, recall, sample
from facefind_pipeline.store import indexes, parameter_sets, versions
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.indexes import Build
from facefind_pipeline.store.made import record_made, set_version
from facefind_pipeline.store.parameter_sets import RegisteredSet

RECALL_PROBES = 50


@dataclass(frozen=True, slots=True)
class IndexState:
    """What serves a set's searches now; recall is None where search is exact."""

    kind: IndexKind
    rows: int
    recall: float | None
    bytes: int
    seconds: float
    built: bool
    version: str


def refresh(database: Database, key: str, progress: Progress = SILENT) -> IndexState:
    """Builds the set's index where it needs a new one, measures its recall, and records the decision."""
    with database.lock("index", key):
        with database.connect() as connection:
            chosen = parameter_sets.find(connection, key)
            version = set_version(connection, key)
            rows = indexes.count_rows(connection, chosen)
            last = indexes.last_build(connection, key)
            kind = indexes.kind_for(chosen, rows)
            valid = indexes.indexes(connection, chosen, valid_only=True)
            kept = last if indexes.keeps(last, kind, chosen.vectors_changed, valid) else None
        if kept is not None:
            build = kept
            indexes.drop_invalid(database, chosen)
        else:
            name, seconds = indexes.build(database, chosen, kind, rows, progress)
            build = Build(kind, name, rows, None, seconds, chosen.vectors_changed)
        made_version = versions.hash_rows([(version, str(kind))])
        with database.connect() as connection:
            if build.index:
                build = replace(build, recall=measure_recall(connection, replace(chosen, floats=kind.floats)))
            size = indexes.index_bytes(connection, build.index) if build.index else 0
            _swap_in(connection, chosen, build, version, made_version)
    return IndexState(kind, rows, build.recall, size, build.seconds, kept is None, made_version)


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
    made_from = " ".join([embeddings_version, str(chosen.index), *names])
    record_made(connection, "hnsw_index", chosen.key, made_from, made_version)


def measure_recall(connection: Connection, chosen: RegisteredSet, probes: int = RECALL_PROBES) -> float:
    """Recall at 10 of the index against exact search, over a sample of the set's faces, each without itself."""
    asked = sample(connection, chosen, probes)
    found = nearest(connection, chosen, asked)
    return recall(found, nearest(connection, chosen, asked, exactly=True))
