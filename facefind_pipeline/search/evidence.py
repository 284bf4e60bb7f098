"""Reads the distances that a set is calibrated by: of faces in one photo, and of a sample of faces."""

import numpy as np
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.asked import Asked
from facefind_pipeline.search.calibrate import Evidence
from facefind_pipeline.search.distances import Faces, Floats, Numbers, in_metric, nearest_squares, squared_distances
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import operator, query

PAIRS = 200_000  # of faces in one photo that are looked at
SAMPLE = 1_000  # faces, whose half a million distances to each other take .1 s


def read_evidence(connection: Connection, chosen: RegisteredSet, asked: Asked, faces: Faces) -> Evidence:
    """Of the set's own photos, and the references of those who are asked for."""
    return evidence_of(_in_one_photo(connection, chosen), asked, faces)


def evidence_of(one_photo: Floats, asked: Asked, faces: Faces) -> Evidence:
    """The same, with the distances of faces in one photo at hand."""
    vectors, embedders = _sample(faces, asked.references.vectors.shape[1])
    to_references = nearest_squares(vectors, embedders, asked.references, len(asked.people))
    return Evidence(
        one_photo,
        in_metric(np.maximum(0.0, squared_distances(vectors, vectors)), faces.metric),
        in_metric(to_references, faces.metric),
    )


def _sample(faces: Faces, dimension: int) -> tuple[Floats, Numbers]:
    """The first faces, whose order is that of a hash of their photo, by the embedder that made most of them."""
    vectors, embedders = [], []
    count = 0
    for block in faces:
        vectors.append(block.vectors[: SAMPLE - count])
        embedders.append(block.embedders[: SAMPLE - count])
        count += len(vectors[-1])
        if count == SAMPLE:
            break
    if not count:
        return np.zeros((0, dimension)), np.zeros(0, np.int64)
    numbers = np.concatenate(embedders)
    mine = numbers == np.bincount(numbers).argmax()
    return np.concatenate(vectors)[mine], numbers[mine]


def _in_one_photo(connection: Connection, chosen: RegisteredSet) -> Floats:
    with connection.cursor() as cursor:
        cursor.execute(
            query(
                "co_occurring",
                table=sql.Identifier(chosen.table),
                dimension=sql.Literal(chosen.dimension),
                operator=operator(chosen.metric),
            ),
            {"limit": PAIRS},
        )
        return np.array([distance for (distance,) in cursor.fetchall()], dtype=np.float64)
