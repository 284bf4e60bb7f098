"""What distances and scores mean under a set, once `calibrate` has learnt it: thresholds, probabilities, bands.

Without numpy, which takes a third of the time of a whole `facefind find` to load.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, TypeVar

from psycopg2.extensions import connection as Connection  # noqa: N812

if TYPE_CHECKING:
    from facefind_pipeline.search.distances import Floats

SURE = 0.95  # the probability from which on a match is called so
# A match is called likely if it is more likely than not; and up to where so many photos of others are among a
# person's. Neither goes farther than where this share of all strangers is.
LIKELY = 0.5
LIKELY_FALSE, LIKELY_RATE = 1.0, 1e-2
NONE = -1.0  # a cut below all scores: the picture that a reference was cut from has a score of 0
_HALVINGS = 60  # of an interval of logarithms, down to what a float tells apart
_NORMAL = NormalDist()
_Logarithm = TypeVar("_Logarithm", float, "Floats")


@dataclass(frozen=True, slots=True)
class Line:
    """A normal distribution of logarithms of distances."""

    location: float
    spread: float

    def at(self, rate: float) -> float:
        """The distance that this share of the distribution lies below."""
        return math.exp(self.location + self.spread * _NORMAL.inv_cdf(rate))

    def log_density(self, logarithm: _Logarithm) -> _Logarithm:
        """Logarithm of the density at a distance's logarithm, but for the constant that all lines share."""
        return -0.5 * ((logarithm - self.location) / self.spread) ** 2 - math.log(self.spread)


@dataclass(frozen=True)
class Calibration:
    """What distances and scores mean under a set.

    Attributes:
        pairs: of faces in one photo it was learnt from, beside what is known of the embedder.
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

    def probability(self, score: float) -> float:
        """That a face of this score is the person's; never rises with the score.

        Where the fitted densities would let it rise again, far out on either side, it keeps its last value.
        """
        return 1 / (1 + math.exp(min(-self.log_odds(score), 700.0)))

    def log_odds(self, score: float) -> float:
        """The same as the logarithm of odds."""
        nearest, farthest = self.falling
        x = min(max(math.log(max(score, 1e-12)), nearest), farthest)
        odds = self.genuine.log_density(x) - self.impostor.log_density(x)
        return odds + math.log(self.prevalence) - math.log1p(-self.prevalence)

    @cached_property
    def sure_cut(self) -> float:
        """The score up to which a match is called sure; below all scores where none is."""
        return self._cut(SURE)

    @cached_property
    def even_cut(self) -> float:
        """The score up to which a face is at least as likely the person's as not; below all scores where none is."""
        return self._cut(LIKELY)

    @cached_property
    def likely_cut(self) -> float:
        """The score up to which a match is called likely, if it is not sure."""
        few_false = self.impostor.at(min(LIKELY_RATE, LIKELY_FALSE / max(1, self.faces)))
        return max(few_false, min(self.even_cut, self.impostor.at(LIKELY_RATE)))

    @property
    def shown_cut(self) -> float:
        """The score up to which a match is sure or likely."""
        return max(self.sure_cut, self.likely_cut)

    def bands(self, scores: Iterable[float]) -> list[str]:
        """What to call matches of these scores: `sure`, `likely` or `unlikely`."""
        sure, likely = self.sure_cut, self.likely_cut
        return ["sure" if score <= sure else "likely" if score <= likely else "unlikely" for score in scores]

    def _cut(self, probability: float) -> float:
        """The score up to which the probability is at least that."""
        near, far = self.falling
        if self.probability(math.exp(near)) < probability:
            return NONE
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            near, far = (middle, far) if self.probability(math.exp(middle)) >= probability else (near, middle)
        return math.exp(near)

    @cached_property
    def falling(self) -> tuple[float, float]:
        """The logarithms of scores between which the probability falls, up to the impostors' middle.

        The log odds are a parabola: it turns where genuine and impostor densities fall equally fast.
        """
        near, far = self.genuine.location - 8 * self.genuine.spread, self.impostor.location
        genuine, impostor = self.genuine.spread**-2, self.impostor.spread**-2
        if genuine != impostor:
            turn = (self.genuine.location * genuine - self.impostor.location * impostor) / (genuine - impostor)
            if genuine > impostor:
                near = min(max(near, turn), far)
            else:
                far = max(min(far, turn), near)
        return near, far


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
