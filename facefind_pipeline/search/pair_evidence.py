"""What the distance of two faces tells of them being one person's, as log odds, and what several such pairs tell.

One pair tells the ratio of both densities that the event's calibration has learnt (`calibrate`). Pairs between two
groups of faces tell its mean, times the number of pairs that would tell as much if none shared a face: 2 and 2 faces
are worth 1.2 pairs, 20 and 20 are worth 1.5. So the larger two groups are, the farther apart they may be.
"""

from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.calibrate import Learnt
from facefind_pipeline.search.histogram import LEAST_DISTANCE, Floats
from facefind_pipeline.search.two_groups import log_density

PROBABLE = 0.9  # from which on groups are one: that is sooner done by hand than undone
# How distances that share a face go together. Of LFW's portraits the correlation of logarithms is .53 where both are
# distances of one person, and .89 where of two.
SHARED = 0.8
NEAREST = 2.0  # spreads below one person's location: copies of one picture tell hardly more
HARDLY = 0.01  # log odds per logarithm, so that the nearest are put together first, whatever their order
# Of the mean that the most pairs need. Farther ones all tell as much as that: one of the faces may be turned away.
FARTHEST = 0.9
_POINTS = 2_000


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """Log odds by distance.

    Attributes:
        logarithms: (k,) of distances, rising.
        odds: (k,) that two faces so far apart are one person's, against two people's; they never rise.
        needed: log odds from which on two groups of faces are one person's, before it is known how many there are.
        least: log odds of all pairs that are farther apart than `reach`.
        reach: distance.
    """

    logarithms: Floats
    odds: Floats
    needed: float
    least: float
    reach: float

    def of(self, distances: Floats) -> Floats:
        """Log odds of pairs of faces."""
        x = np.log(np.maximum(distances, LEAST_DISTANCE))
        return np.maximum(np.interp(x, self.logarithms, self.odds, right=-np.inf), self.least)

    def between(self, means: Floats, sizes: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> Floats:
        """Log odds of pairs of groups.

        Args:
            means: (n,) log odds of all pairs of one face of each.
            sizes: (n,) faces of one.
            others: (n,) faces of the other.
        """
        made: Floats = means * independent(sizes) * independent(others)
        return made


def independent(sizes: npt.NDArray[np.int64]) -> Floats:
    """How many faces would tell as much as these many of one person, if they told it independently."""
    made: Floats = sizes / (1 + (sizes - 1) * SHARED)
    return made


def pair_evidence(learnt: Learnt) -> PairEvidence:
    """From what an event's distances mean."""
    groups = learnt.groups
    nearest = groups.genuine.location - NEAREST * groups.genuine.spread
    logarithms = np.linspace(nearest, max(groups.far.location, nearest + groups.far.spread), _POINTS)
    odds = log_density(groups.genuine, logarithms) - log_density(groups.tail, logarithms)
    odds = np.maximum.accumulate(odds[::-1])[::-1]
    copies = log(LEAST_DISTANCE)
    logarithms, odds = np.append(copies, logarithms), np.append(odds[0] + HARDLY * (nearest - copies), odds)
    share = min(max(learnt.alike, 1e-9), 0.5)
    needed = log(PROBABLE / (1 - PROBABLE)) + log(1 - share) - log(share)
    least = FARTHEST * SHARED**2 * needed
    within = np.flatnonzero(odds > least)
    reach = float(np.exp(logarithms[within[-1]])) if len(within) else 0.0
    return PairEvidence(logarithms, odds, needed, least, reach)
