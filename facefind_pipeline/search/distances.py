"""Distances of many faces to many people at once: one matrix product for each block of faces.

|a - b|^2 is computed as |a|^2 + |b|^2 - 2ab, whose rounding errors matter where a and b are near to each other. So
vectors are rounded to a grid first, on which float64 has no rounding errors: products and sums are exact in any order.
Equal faces have equal distances then, and neither the size of a block nor the number of threads changes a result.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from facefind_pipeline.store.vectors import Block

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

# Steps of the grid. Products are multiples of 2^-44, and float64 has 53 bits: exact up to a norm of 22, where dlib's
# network has 1.5. A distance moves by a ten-millionth, as it does when a vector is stored in 32 bits.
GRID = 2.0**22
L2, COSINE = "l2", "cosine"


@dataclass(frozen=True, slots=True)
class Probes:
    """What faces are compared with: one vector or several per person and embedder, sorted by these two.

    Attributes:
        vectors: (k, dimension) on the grid.
        spreads: (k,) that are added to the squared distances.
        people: (k,) numbers of people.
        embedders: (k,) numbers of the fingerprints by which the vectors were made.
    """

    vectors: Floats
    spreads: Floats
    people: Numbers
    embedders: Numbers


def on_grid(vectors: Floats, metric: str) -> Floats:
    """Vectors (n, dimension) as they are compared, of unit length where the metric is the cosine's."""
    if metric == COSINE:
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.where(norms > 0, norms, 1.0)
    made: Floats = np.rint(vectors * GRID) / GRID
    return made


@dataclass(frozen=True, slots=True)
class Faces:
    """A set's faces, block by block, with vectors on the grid; each iteration reads them again."""

    blocks: Iterable[Block]
    metric: str

    def __iter__(self) -> Iterator[Block]:
        """Each block in turn."""
        for block in self.blocks:
            yield replace(block, vectors=on_grid(block.vectors, self.metric))


def nearest_squares(vectors: Floats, embedders: Numbers, probes: Probes, people: int) -> Floats:
    """Squared Euclidean distance of each face to the nearest probe of each person.

    Args:
        vectors: (n, dimension) on the grid.
        embedders: (n,) numbers of the fingerprints by which they were made.
        probes: those of all people.
        people: how many there are.

    Returns:
        (n, people); infinite where no probe of the person was made by the face's embedder.
    """
    parts = []
    for embedder in np.unique(probes.embedders):
        rows, mine = np.flatnonzero(embedders == embedder), probes.embedders == embedder
        squares = squared_distances(vectors[rows], probes.vectors[mine])
        squares += probes.spreads[mine]
        columns, starts = np.unique(probes.people[mine], return_index=True)
        parts.append((rows, columns, squares if len(starts) == mine.sum() else _least(squares, starts)))
    if len(parts) == 1 and parts[0][2].shape == (len(vectors), people):
        return parts[0][2]  # as nearly always: one embedder made all vectors
    made = np.full((len(vectors), people), np.inf)
    for rows, columns, squares in parts:
        made[np.ix_(rows, columns)] = squares
    return made


def squared_distances(a: Floats, b: Floats) -> Floats:
    """(n, k) squared distances of (n, d) and (k, d), exact on the grid."""
    made = a @ (-2 * b.T)
    made += np.einsum("ij,ij->i", a, a)[:, None]
    made += np.einsum("ij,ij->i", b, b)
    return made


def in_metric(squares: Floats, metric: str) -> Floats:
    """Distances in a set's metric, of squared Euclidean ones; of unit vectors the cosine's is half the square."""
    return np.sqrt(squares) if metric == L2 else squares / 2


def _least(squares: Floats, starts: npt.NDArray[np.intp]) -> Floats:
    """Of each group of columns, which begin where it says."""
    made: Floats = np.minimum.reduceat(squares, starts, axis=1)
    return made
