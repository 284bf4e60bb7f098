"""The two groups that distances fall in, those between two people and those of one person, and how they are told apart.

The model is Efron's (Large-Scale Inference, 2010, chapter 2), on logarithms of distances, which are nearly normal where
the distances of dlib's network are skewed. It is fitted by expectation maximisation, beginning with and held by what is
known before: an event moves that by how many independent distances it has.

Two people's distances are no single normal distribution: some look much more alike than the bulk foretells (with dlib's
network one pair in a thousand is nearer than .50, where the bulk's line says .57). So they have two lines: one through
the far half, where hardly any distance is of one person, and one through the near tail, which thresholds are read from.
"""

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from facefind_pipeline.search.calibration import Line
from facefind_pipeline.search.histogram import MIDDLES, Floats, quantiles

# Independent distances that what is known before counts as. Of one embedder the far halves of four events had locations
# .06 apart (standard deviation) where one face moves them by .09; the rest is caution against a wrong separation.
WORTH = 200
WORTH_GENUINE = 10  # what one person's distances are like differs more, with light, age and the reference
WORTH_PREVALENCE = 10
FAR_SHARES = np.arange(5, 10) / 10
# No normal distribution fits the whole near tail. Through .1 to .003 of LFW's pairs of two people it foretells .56 as
# many below the distance of 1e-3 as there are, through .03 to .001 .85. So it is fitted as near as ten distances allow,
# and over a factor of thirty.
LOWEST_SHARE, HIGHEST_SHARE, TAIL_POINTS = 0.001, 0.1, 8
NEAREST_DISTANCES, TAIL_FACTOR = 10, 30
LEAST_TO_LEARN = 50  # distances, below which a sample has no tail
NEAREST = 3  # spreads below the genuine location: a copy of the reference's own picture tells no more than that
_STEPS = 100
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class TwoGroups:
    """Distances between two people, and between two pictures of one.

    Attributes:
        far: of two people, through the far half.
        tail: of two people, the near tail.
        genuine: of one person.
        prevalence: share of distances that are of one person.
    """

    far: Line
    tail: Line
    genuine: Line
    prevalence: float = 0.02

    def moved(self, far: Line) -> "TwoGroups":
        """The same with another far half, the tail shifted and stretched alike."""
        stretch = far.spread / self.far.spread
        shifted = far.location + stretch * (self.tail.location - self.far.location)
        return replace(self, far=far, tail=Line(shifted, stretch * self.tail.spread))


def move(
    prior: TwoGroups, counts: Floats, independent: float, *, learns_tail: bool = False
) -> tuple[TwoGroups, Floats]:
    """Moves two people's distances, as those of another kind or place show them; one person's stay.

    Whatever of them is one person's is told apart by what is known of that, and by nothing that it could adapt to: at a
    marathon, whose small faces look alike, it took a group that adapts for a third of all pairs.

    Args:
        prior: what is known before.
        counts: of a `Histogram`.
        independent: how many independent distances they are worth. Many come of few faces, and these of fewer people.
        learns_tail: whether the counts say something of the near tail itself; else it goes with the far half. They must
            hold few distances of one person: of many some are as far as two people's near tail.

    Returns:
        The groups, and for each bin the share of it that is of one person.
    """
    made, share = prior, np.zeros(len(MIDDLES))
    x, worth = _seen(prior), _worth(counts, independent)
    for _ in range(_STEPS):
        share = _share_genuine(made, x)
        far = _far(prior, counts * (1 - share), worth)
        tail = prior.moved(far).tail
        if learns_tail:
            tail = _tail(tail, counts * (1 - share), worth)
        made = TwoGroups(far, tail, prior.genuine, _prevalence(prior, counts, share))
    return made, share


def separate(prior: TwoGroups, counts: Floats, independent: float) -> TwoGroups:
    """Learns both groups of distances, or of scores made of them: one person's, the near tail of two people's.

    Arguments are those of `move`. The tail begins where it is known to be, wherever the far half lies: scores of
    strangers are stretched far out, and less so near people.
    """
    made = prior
    x, worth = _seen(prior), _worth(counts, independent)
    for _ in range(_STEPS):
        share = _share_genuine(made, x)
        ours, theirs = counts * share, counts * (1 - share)
        genuine = _weighted(x, ours, prior.genuine, least=prior.far.spread / 2)
        made = TwoGroups(
            _far(prior, theirs, worth), _tail(prior.tail, theirs, worth), genuine, _prevalence(prior, counts, share)
        )
    return made


def through_far_half(counts: Floats) -> Line:
    """The line through the far half of all distances."""
    return _through(FAR_SHARES, quantiles(counts, FAR_SHARES))


def through_near_tail(counts: Floats, lowest: float = LOWEST_SHARE, factor: float = TAIL_FACTOR) -> Line:
    """The line through the near tail of distances between two people, from this share on, over such a factor."""
    shares = _tail_shares(counts.sum(), lowest, factor)
    return _through(shares, quantiles(counts, shares))


def _seen(prior: TwoGroups) -> Floats:
    """The logarithm that each bin counts as."""
    made: Floats = np.maximum(MIDDLES, prior.genuine.location - NEAREST * prior.genuine.spread)
    return made


def _worth(counts: Floats, independent: float) -> float:
    """Independent distances per counted one."""
    return independent / max(float(counts.sum()), 1e-9)


def _far(prior: TwoGroups, theirs: Floats, worth: float) -> Line:
    """The far half, from distances between two people and what is known before."""
    weight = float(theirs.sum()) * worth
    return _between(prior.far, through_far_half(theirs), weight) if weight >= 1 else prior.far


def _tail(prior: Line, theirs: Floats, worth: float) -> Line:
    """The near tail, likewise."""
    count = float(theirs.sum())
    return _between(prior, through_near_tail(theirs), count * worth) if count >= LEAST_TO_LEARN else prior


def _prevalence(prior: TwoGroups, counts: Floats, share: Floats) -> float:
    found = float((counts * share).sum()) + WORTH_PREVALENCE * prior.prevalence
    return found / (float(counts.sum()) + WORTH_PREVALENCE)


def _share_genuine(groups: TwoGroups, x: Floats) -> Floats:
    """For each logarithm the share of one person: none past two people's middle, and never less where nearer."""
    near = log_density(groups.tail, x)
    beyond = x > np.log(groups.tail.at(HIGHEST_SHARE))
    two_people = np.where(beyond, np.maximum(near, log_density(groups.far, x)), near)
    odds = log_density(groups.genuine, x) - two_people
    odds += np.log(groups.prevalence) - np.log1p(-groups.prevalence)
    odds[x >= groups.far.location] = -np.inf
    odds = np.maximum.accumulate(odds[::-1])[::-1]
    made: Floats = 1 / (1 + np.exp(np.clip(-odds, -700, 700)))
    return made


def log_density(line: Line, x: Floats) -> Floats:
    """Logarithms of the density at logarithms, but for the constant that all lines share."""
    made: Floats = -0.5 * ((x - line.location) / line.spread) ** 2 - np.log(line.spread)
    return made


def _between(prior: Line, found: Line, weight: float) -> Line:
    """A line between both, by what each is worth."""
    part = weight / (weight + WORTH)
    return Line(
        prior.location + part * (found.location - prior.location),
        prior.spread + part * (found.spread - prior.spread),
    )


def _tail_shares(count: float, lowest: float, factor: float) -> Floats:
    """Quantiles that the near tail's line goes through; of fewer distances farther in."""
    lowest = max(lowest, NEAREST_DISTANCES / count)
    highest = max(min(HIGHEST_SHARE, factor * lowest), 4 * lowest)
    points: Floats = np.geomspace(lowest, highest, TAIL_POINTS)
    return points


def _through(shares: Floats, found: Floats) -> Line:
    """The normal distribution whose quantiles at these shares lie nearest to those found, least squares."""
    spread, location = np.polyfit([_NORMAL.inv_cdf(share) for share in shares], found, 1)
    return Line(float(location), float(max(spread, 1e-6)))


def _weighted(x: Floats, weights: Floats, prior: Line, *, least: float) -> Line:
    """Maximum a posteriori location and spread of the genuine group."""
    total = weights.sum() + WORTH_GENUINE
    location = float(((weights * x).sum() + WORTH_GENUINE * prior.location) / total)
    squares = (weights * (x - location) ** 2).sum()
    squares += WORTH_GENUINE * (prior.spread**2 + (prior.location - location) ** 2)
    return Line(location, float(max(least, np.sqrt(squares / total))))
