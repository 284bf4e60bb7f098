"""Whether what the tables hold of a partition is sound: the numbers behind the graph's checks."""

from dataclasses import dataclass
from typing import NamedTuple

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.queries import query


class OutsideBox(NamedTuple):
    """A box that reaches over its photo's border, in upright pixels."""

    path: str
    x: int
    y: int
    w: int
    h: int
    width: int
    height: int


class FacesPerPhoto(NamedTuple):
    """How many faces a day's photos have: readable photos, those with any, median and most faces of a photo."""

    photos: int
    with_faces: int
    median: float
    most: int


@dataclass(frozen=True, slots=True)
class VectorCounts:
    """A day's faces under a set against their vectors.

    Attributes:
        faces: that the detector found.
        vectors: of those faces.
        wrong_dimension: vectors of another dimension than the set's.
        not_finite: vectors of length zero, infinite or absurd.
        distinct: different vectors.
        pictures: different pictures of a face; a photo saved again with other metadata shows the same ones.
    """

    faces: int
    vectors: int
    wrong_dimension: int
    not_finite: int
    distinct: int
    pictures: int

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words; empty where all is sound."""
        found = []
        if self.vectors != self.faces:
            found.append(f"{self.faces} faces but {self.vectors} vectors")
        if self.wrong_dimension:
            found.append(f"{self.wrong_dimension} vectors of a wrong dimension")
        if self.not_finite:
            found.append(f"{self.not_finite} vectors of length zero or infinite")
        if self.pictures > 1 and self.distinct == 1:
            found.append("all vectors are equal")
        return found


def boxes_outside(connection: Connection, partition: Partition) -> list[OutsideBox]:
    """Boxes of a day that are not inside their photo."""
    with connection.cursor() as cursor:
        cursor.execute(query("boxes_outside"), partition.parameters)
        return [OutsideBox(*row) for row in cursor.fetchall()]


def faces_per_photo(connection: Connection, partition: Partition) -> FacesPerPhoto:
    """How many faces the photos of a day have."""
    with connection.cursor() as cursor:
        cursor.execute(query("faces_per_photo"), partition.parameters)
        return FacesPerPhoto(*(cursor.fetchone() or (0, 0, 0.0, 0)))


def vector_counts(connection: Connection, partition: Partition, dimension: int) -> VectorCounts:
    """A day's faces under a set against their vectors."""
    with connection.cursor() as cursor:
        cursor.execute(query("vector_counts", dimension=sql.Literal(dimension)), partition.parameters)
        return VectorCounts(*(cursor.fetchone() or (0, 0, 0, 0, 0, 0)))
