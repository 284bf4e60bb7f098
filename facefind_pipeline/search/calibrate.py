"""What a distance means under a set, learnt from the event's own faces without labels.

Two faces of one photo are almost always two people, so their distances are a free sample of what impostors look like at
this very event. The near tail of that sample gives the distance at a stated false-match rate. The probability that a
face is the person's follows from how many more faces lie near people than impostors would: the local false discovery
rate of Efron (Large-Scale Inference, 2010, chapter 5), with the two-group model fitted by expectation maximisation.

Logarithms of distances are taken as normal. dlib's L2 distances between people are skewed; their logarithms are not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from psycopg2.extensions import connection as Connection  # noqa: N812

Floats = npt.NDArray[np.float64]

SURE_RATE = 3e-4  # false-match rate of what may enlarge a template; 1e-4 and 1e-3 change mAP by under .002
SURE = 0.95  # the probability from which on a match is called so
# Up to where a match is called likely: so many photos of others among a person's, at most this share of all faces.
LIKELY_FALSE, LIKELY_RATE = 1.5, 2e-3
ENOUGH = 200  # distances to learn from; with fewer pairs, the constants of the embedder
PRIOR_FACES = 200  # pseudo-observations by which the impostors of one photo weigh on those of scores
PRIOR_GENUINE = 10
TAIL_POINTS = 8
FAR = np.arange(5, 10) / 10
OUTLIER = -4.75  # standard deviations: one pair in a million, so a mirror, poster or collage and no two people
_STEPS = 200
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Line:
    """A normal distribution of logarithms of distances."""

    location: float
    spread: float

    def at(self, rate: float) -> float:
        """The distance that this share of the distribution lies below."""
        return float(np.exp(self.location + self.spread * _NORMAL.inv_cdf(rate)))

    def density(self, logarithms: Floats) -> Floats:
        """At these logarithms of distances."""
        made: Floats = np.exp(-0.5 * ((logarithms - self.location) / self.spread) ** 2) / self.spread
        return made


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


@dataclass(frozen=True, slots=True)
class Calibration:
    """What distances and scores mean under a set.

    Attributes:
        pairs: of faces in one photo it was learnt from; 0 where it is assumed of the embedder.
        tail: the near tail of impostors' distances to references, for thresholds.
        impostor: the near tail of impostors' scores.
        genuine: the scores of faces that are the person asked for.
        prevalence: share of all (person, face) that are the same.
        faces: that each person was compared with.
    """

    pairs: int
    tail: Line
    impostor: Line
    genuine: Line
    prevalence: float
    faces: int

    def threshold(self, rate: float) -> float:
        """The distance below which this share of comparisons of two people lies."""
        return self.tail.at(rate)

    def probability(self, scores: Sequence[float] | Floats) -> Floats:
        """That faces of these scores are the person's; never rises with the score.

        Where the fitted densities would let it rise again, far out on either side, it keeps its last value.
        """
        x = np.log(np.maximum(np.asarray(scores, dtype=np.float64), 1e-12))
        grid, curve = self._curve()
        made: Floats = np.interp(x, grid, curve)
        return made

    @property
    def sure_cut(self) -> float:
        """The score up to which a match is called sure; 0 where none is."""
        grid, curve = self._curve()
        return float(np.exp(grid[curve >= SURE].max(initial=-np.inf)))

    @property
    def likely_cut(self) -> float:
        """The score up to which a match is called likely, if it is not sure."""
        return self.impostor.at(min(LIKELY_RATE, LIKELY_FALSE / max(1, self.faces)))

    @property
    def shown_cut(self) -> float:
        """The score up to which a match is sure or likely."""
        return max(self.sure_cut, self.likely_cut)

    def bands(self, scores: Sequence[float] | Floats) -> list[str]:
        """What to call matches of these scores: `sure`, `likely` or `unlikely`."""
        sure, likely = self.sure_cut, self.likely_cut
        return ["sure" if score <= sure else "likely" if score <= likely else "unlikely" for score in scores]

    def _curve(self) -> tuple[Floats, Floats]:
        """Logarithms of scores, rising, and the probability at each."""
        grid = np.linspace(self.genuine.location - 8 * self.genuine.spread, self.impostor.location, 2000)
        genuine = self.prevalence * self.genuine.density(grid)
        curve = genuine / (genuine + (1 - self.prevalence) * self.impostor.density(grid) + 1e-300)
        curve[: int(curve.argmax())] = curve.max()
        return grid, np.minimum.accumulate(curve)


SCORE, NEAREST_REFERENCE = "score", "nearest_reference"  # what stored results, and the live query, are ranked by
LINES = "tail_location, tail_spread, impostor_location, impostor_spread, genuine_location, genuine_spread"
COLUMNS = f"pairs, {LINES}, prevalence, faces"


def read_calibration(connection: Connection, key: str, measure: str = SCORE) -> Calibration | None:
    """What one of the two measures means under the set, by its last search; None where that is not known."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM calibrations WHERE (parameter_set, measure) = (%s, %s)",  # noqa: S608
            [key, measure],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    pairs, *numbers, prevalence, faces = row
    tail, impostor, genuine = (Line(*numbers[start : start + 2]) for start in (0, 2, 4))
    return Calibration(pairs, tail, impostor, genuine, prevalence, faces)


def write_calibrations(connection: Connection, key: str, made: Mapping[str, Calibration]) -> None:
    """Replaces the set's calibrations by these, by measure."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM calibrations WHERE parameter_set = %s", [key])
        for measure, one in made.items():
            lines = [number for line in (one.tail, one.impostor, one.genuine) for number in astuple(line)]
            values = [key, measure, one.pairs, *lines, one.prevalence, one.faces]
            cursor.execute(
                f"INSERT INTO calibrations (parameter_set, measure, {COLUMNS})"  # noqa: S608
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                values,
            )


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
        own = prevalence * genuine.density(x)
        other = (1 - prevalence) * impostor.density(x)
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
