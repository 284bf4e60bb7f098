"""What varies within a person, by light, pose and age: learnt from an event's own groups, and taken less seriously."""

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.distances import GRID
from facefind_pipeline.search.histogram import Floats

LEAST_FACES = 3  # of a group that something is learnt from
LEAST_LEARNT = 100  # faces beside the first of each group, below which nothing is
# How much what is learnt counts beside no direction being better than another. The groups are those of the faces that
# are easily put together, so they show less than there is.
WEIGHT = 0.1


def even_within(vectors: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """Vectors whose directions are weighted by how little they vary within a person (Hatch et al., 2006).

    Args:
        vectors: (n, dimension) on the grid.
        labels: (m,) the group of each of the first vectors.
    """
    _, numbers, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    first = vectors[: len(labels)]
    means = np.zeros((len(sizes), vectors.shape[1]))
    np.add.at(means, numbers, first)
    means /= sizes[:, None]
    learnt = sizes >= LEAST_FACES
    freedom = int((sizes[learnt] - 1).sum())
    if freedom < LEAST_LEARNT:
        return vectors
    apart = (first - means[numbers])[learnt[numbers]]
    found = apart.T @ apart / freedom
    mean = np.trace(found) / len(found)
    if mean <= GRID**-2:  # copies of one picture: what is left is how means are rounded
        return vectors
    values, directions = np.linalg.eigh(WEIGHT * found + (1 - WEIGHT) * mean * np.eye(len(found)))
    made: Floats = vectors @ ((directions * np.sqrt(mean / values)) @ directions.T)
    return made
