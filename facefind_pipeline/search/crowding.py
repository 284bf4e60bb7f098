"""How near strangers come to a face, so that those of whom a network sees little do not all become one person.

To a network some people look like many others: those of whom its training photos had few, children, and small or turned
faces. The tail of distances that an event's calibration has learnt is that of all its faces; a face's own is shifted by
what it is nearer to the nearest strangers than others are, as adaptive cohorts do for voices (Matejka et al., 2017).
"""

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.distances import in_metric
from facefind_pipeline.search.histogram import LEAST_DISTANCE, Floats

COHORT = (
    0.003,
    0.013,
)  # of the people of a sample, from the nearest on, but for the very nearest: they may be the same
LEAST_PEOPLE = 100  # in the sample, below which nothing is said
_DISTANCES = 1 << 22  # looked at at a time: 32 MB


def crowding(vectors: Floats, sample: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], metric: str) -> Floats:
    """The shift of each face's tail, in logarithms of distances, against the mean of all.

    Args:
        vectors: (n, dimension) on the grid.
        sample: (m,) numbers of some of the faces.
        labels: (m,) numbers from 0 of the groups that these were put in without any shift.
        metric: of the set.
    """
    people = int(labels.max(initial=-1)) + 1
    first, last = round(COHORT[0] * people), round(COHORT[1] * people)
    if people < LEAST_PEOPLE:
        return np.zeros(len(vectors))
    sizes = np.bincount(labels, minlength=people).astype(np.float64)
    means = np.zeros((people, vectors.shape[1]))
    np.add.at(means, labels, vectors[sample])
    means /= sizes[:, None]
    lengths = np.bincount(labels, np.einsum("ij,ij->i", vectors[sample], vectors[sample]), people) / sizes
    own = np.full(len(vectors), -1)
    own[sample] = labels
    made = np.zeros(len(vectors))
    for start in range(0, len(vectors), step := max(1, _DISTANCES // people)):
        some = vectors[start : start + step]
        squares = some @ (-2 * means.T) + lengths
        squares += np.einsum("ij,ij->i", some, some)[:, None]
        known = np.flatnonzero(own[start : start + step] >= 0)
        squares[known, own[start + known]] = np.inf
        cohort = np.partition(squares, (first, last), axis=1)[:, first:last]
        made[start : start + step] = np.log(np.maximum(in_metric(cohort, metric), LEAST_DISTANCE)).mean(axis=1)
    shifts: Floats = made - made.mean()
    return shifts
