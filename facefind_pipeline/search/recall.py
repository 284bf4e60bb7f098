"""Recall of an index: what it finds of the nearest faces of a sample, and how long each search takes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.progress import SILENT, Progress
from facefind_pipeline.search.live import index_settings
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import indexed, operator

RECALL_AT = 10
LOWEST_RECALL = 0.95  # an index that finds less is reported as poor


@dataclass(frozen=True, slots=True)
class Nearest:
    """The faces nearest to a probe, but for itself, and the milliseconds that finding them took."""

    faces: frozenset[UUID]
    milliseconds: float


def sample(connection: Connection, chosen: RegisteredSet, probes: int) -> list[tuple[UUID, Any]]:
    """At most so many faces of the set with their vectors: the same every time, spread over all photos."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT face_key, embedding FROM {} ORDER BY md5(face_key::text) LIMIT %s").format(
                sql.Identifier(chosen.table)
            ),
            [probes],
        )
        return cursor.fetchall()


def nearest(
    connection: Connection,
    chosen: RegisteredSet,
    asked: Sequence[tuple[UUID, Any]],
    *,
    exactly: bool = False,
    progress: Progress = SILENT,
) -> list[Nearest]:
    """The ten nearest faces of each that is asked with, by the index that is there or `exactly`; reports each."""
    statement = sql.SQL(
        "SELECT face_key FROM {table} WHERE face_key <> %s ORDER BY embedding{indexed} {operator} %s{indexed} LIMIT %s"
    ).format(
        table=sql.Identifier(chosen.table),
        indexed=indexed(None if exactly else chosen.floats, chosen.dimension),
        operator=operator(chosen.metric),
    )
    found = []
    with connection.cursor() as cursor:
        cursor.execute(index_settings())
        cursor.execute("SELECT set_config('enable_seqscan', %s, true)", ["on" if exactly else "off"])
        for face, probe in asked:
            started = time.perf_counter()
            cursor.execute(statement, [face, probe, RECALL_AT])
            milliseconds = 1000 * (time.perf_counter() - started)
            found.append(Nearest(frozenset(key for (key,) in cursor.fetchall()), milliseconds))
            progress.advance()
        cursor.execute("RESET enable_seqscan")
    return found


def recall(found: Sequence[Nearest], exact: Sequence[Nearest]) -> float:
    """The share of what is exactly nearest that was found."""
    hits = sum(len(one.faces & true.faces) for one, true in zip(found, exact, strict=True))
    wanted = sum(len(true.faces) for true in exact)
    return hits / wanted if wanted else 1.0  # a face alone has no neighbours to miss
