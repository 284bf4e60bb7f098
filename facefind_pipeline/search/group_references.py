"""Which faces of a group make good references: typical and large ones that differ from each other."""

import numpy as np
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box
from facefind_pipeline.search.distances import on_grid
from facefind_pipeline.search.histogram import Floats
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.groups import FacePlace
from facefind_pipeline.store.queries import query

LOOKED_AT = 200  # faces of a group, the best first
TYPICAL = 0.75  # of these; the others may be somebody else's


def references_of_group(connection: Connection, key: str, group: str) -> list[FacePlace]:
    """Faces of a group in the order in which they are worth being references."""
    chosen = parameter_sets.find(connection, key)
    statement = query("group_vectors", table=sql.Identifier(chosen.table))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"parameter_set": key, "group": group, "most": LOOKED_AT})
        rows = cursor.fetchall()
    rows = rows[: max(1, round(TYPICAL * len(rows)))]
    vectors = on_grid(np.array([row[-1].to_numpy() for row in rows], dtype=np.float64), chosen.metric)
    places = [FacePlace(bytes(sha256), Box(*box)) for sha256, *box, _ in rows]
    return [places[number] for number in most_different(vectors)]


def most_different(vectors: Floats) -> list[int]:
    """The first, then always the one that is farthest from all before it (Gonzalez, 1985)."""
    order: list[int] = []
    nearest = np.full(len(vectors), np.inf)
    while len(order) < len(vectors):
        order.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((vectors - vectors[order[-1]]) ** 2).sum(axis=1))
        nearest[order] = -1.0
    return order
