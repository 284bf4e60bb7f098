"""Learns what a distance means under a set, from the event's own faces without labels.

Two faces of one photo are almost always two people, so their distances are a free sample of what impostors look like at
this very event. The near tail of that sample gives the distance at a stated false-match rate. The probability that a
face is the person's follows from how many more faces lie near people than impostors would: the local false discovery
rate of Efron (Large-Scale Inference, 2010, chapter 5), with the two-group model fitted by expectation maximisation.

Logarithms of distances are taken as normal. dlib's L2 distances between people are skewed; their logarithms are not.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.calibration import Calibration, Line

Floats = npt.NDArray[np.float64]

SURE_RATE = 3e-4  # false-match rate of what may enlarge a template; 1e-4 and 1e-3 change mAP by under .002
ENOUGH = 200  # distances to learn from; with fewer pairs, the constants of the embedder
PRIOR_FACES = 200  # pseudo-observations by which the impostors of one photo weigh on those of scores
PRIOR_GENUINE = 10
TAIL_POINTS = 8
FAR = np.arange(5, 10) / 10
OUTLIER = -4.75  # standard deviations: one pair in a million, so a mirror, poster or collage and no two people
_STEPS = 200
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Impostors:
    """Distances between two people in one photo.

    Attributes:
        pairs: they were learnt from; 0 where they are assumed of the embedder.
        bulk: through all deciles.
        far: through the upper half, where hardly a pair of one person is.
        tail: the near tail.
    """

    pairs: int
    bulk: Line
    far: Line
    tail: Line


# Of embedders whose distances are known from elsewhere, for events with too few pairs.
ASSUMED = {"dlib": Impostors(0, Line(-0.222, 0.113), Line(-0.212, 0.107), Line(-0.24, 0.107))}


def impostors(distances: Floats) -> Impostors | None:
    """What distances between people are like, from (n,) distances of faces in one photo; None where they are too few.

    The bulk goes through the deciles, so that a few pairs of one person leave it as it is. Pairs that are nearer than
    it lets two people be are left out: mirrors, posters, collages. The tail goes through quantiles from .003 to .1:
    some people look more alike than the bulk foretells. On an event with several such guests the rate at a stated 1e-3
    was 8e-3 by the bulk's line, 2e-3 by the tail's.
    """
    logarithms = np.log(distances[distances > 0])
    if len(logarithms) < ENOUGH:
        return None
    bulk = _through_quantiles(logarithms, np.arange(1, 10) / 10)
    between_people = logarithms[logarithms > bulk.location + OUTLIER * bulk.spread]
    tail = _through_quantiles(between_people, _tail_shares(len(between_people)))
    return Impostors(len(logarithms), bulk, _through_quantiles(between_people, FAR), tail)


def calibrate(known: Impostors, edges: Floats, scores: Floats, distances: Floats, faces: int) -> Calibration:
    """Fits the two groups of scores, impostors and genuine, and brings the tail to distances to references.

    References are not photos of the event: their light and size differ from those of its faces as two faces of one
    photo do not. What that does to impostors is seen in the upper half of all distances to references, where hardly
    anyone is the person asked for; the tail is shifted and stretched alike.

    Args:
        known: impostors of one photo. Those of scores begin from their bulk, and stay near it where faces are few.
        edges: (n + 1,) of both histograms, in logarithms.
        scores: (n,) faces by the measure that is calibrated, their score or distance, over all people.
        distances: (n,) faces by the distance to the nearest reference.
        faces: that each person was compared with.
    """
    x = (edges[:-1] + edges[1:]) / 2
    bulk = known.bulk
    guess = Line(bulk.location - 4 * bulk.spread, 1.5 * bulk.spread)
    impostor, genuine, prevalence = bulk, guess, 0.02
    for _ in range(_STEPS):
        own = prevalence * _density(genuine, x)
        other = (1 - prevalence) * _density(impostor, x)
        # Past the impostors' middle nobody is taken for the person, however wide the genuine scores spread.
        share = np.where(x < impostor.location, own / (own + other + 1e-300), 0.0)
        ours, theirs = scores * share, scores * (1 - share)
        genuine = _weighted(x, ours, guess, PRIOR_GENUINE, least=bulk.spread / 2)
        impostor = _weighted(x, theirs, bulk, PRIOR_FACES, least=bulk.spread / 2)
        prevalence = float((ours.sum() + 1) / (scores.sum() + 50))
    if theirs.sum() >= ENOUGH:  # as with distances, some look more alike than the bulk of scores foretells
        points = _tail_shares(theirs.sum())
        impostor = _through(points, np.interp(points, _cumulated(theirs), edges))
    tail = known.tail
    if known.pairs and distances.sum() >= ENOUGH:
        asked = _through(FAR, np.interp(FAR, _cumulated(distances), edges))
        stretch = asked.spread / known.far.spread
        tail = Line(asked.location + stretch * (tail.location - known.far.location), stretch * tail.spread)
    return Calibration(known.pairs, tail, impostor, genuine, prevalence, faces)


def _density(line: Line, logarithms: Floats) -> Floats:
    made: Floats = np.exp(-0.5 * ((logarithms - line.location) / line.spread) ** 2) / line.spread
    return made


def _tail_shares(count: float) -> Floats:
    """Quantiles that the near tail's line goes through; of fewer distances farther in."""
    lowest = max(0.003, 10 / count)
    points: Floats = np.geomspace(lowest, max(0.1, 4 * lowest), TAIL_POINTS)
    return points


def _cumulated(counts: Floats) -> Floats:
    """(n + 1,) shares below the edges of a histogram."""
    return np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])


def _through_quantiles(logarithms: Floats, shares: Floats) -> Line:
    return _through(shares, np.quantile(logarithms, shares))


def _through(shares: Floats, quantiles: Floats) -> Line:
    """The normal distribution whose quantiles at these shares lie nearest to the given ones, least squares."""
    spread, location = np.polyfit([_NORMAL.inv_cdf(share) for share in shares], quantiles, 1)
    return Line(float(location), float(max(spread, 1e-6)))


def _weighted(x: Floats, weights: Floats, prior: Line, prior_weight: float, *, least: float) -> Line:
    """Maximum a posteriori location and spread, the prior worth that many observations."""
    total = weights.sum() + prior_weight
    location = float(((weights * x).sum() + prior_weight * prior.location) / total)
    squares = (weights * (x - location) ** 2).sum()
    squares += prior_weight * (prior.spread**2 + (prior.location - location) ** 2)
    return Line(location, float(max(least, np.sqrt(squares / total))))
