"""What distances and scores mean under a set, once `calibrate` has learnt it: thresholds, probabilities, bands.

Without numpy, which takes a third of the time of a whole `facefind find` to load.
"""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from functools import cached_property
from statistics import NormalDist

from psycopg2.extensions import connection as Connection  # noqa: N812

SURE = 0.95  # the probability from which on a match is called so
# Up to where a match is called likely: so many photos of others among a person's, at most this share of all faces.
LIKELY_FALSE, LIKELY_RATE = 1.5, 2e-3
_HALVINGS = 60  # of an interval of logarithms, down to what a float tells apart
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Line:
    """A normal distribution of logarithms of distances."""

    location: float
    spread: float

    def at(self, rate: float) -> float:
        """The distance that this share of the distribution lies below."""
        return math.exp(self.location + self.spread * _NORMAL.inv_cdf(rate))

    def log_density(self, logarithm: float) -> float:
        """Logarithm of the density at a distance's logarithm, but for the constant that all lines share."""
        return -0.5 * ((logarithm - self.location) / self.spread) ** 2 - math.log(self.spread)


@dataclass(frozen=True)
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

    def probability(self, score: float) -> float:
        """That a face of this score is the person's; never rises with the score.

        Where the fitted densities would let it rise again, far out on either side, it keeps its last value.
        """
        nearest, farthest = self._falling
        x = min(max(math.log(max(score, 1e-12)), nearest), farthest)
        odds = self.genuine.log_density(x) - self.impostor.log_density(x)
        odds += math.log(self.prevalence) - math.log1p(-self.prevalence)
        return 1 / (1 + math.exp(min(-odds, 700.0)))

    @cached_property
    def sure_cut(self) -> float:
        """The score up to which a match is called sure; 0 where none is."""
        near, far = self._falling
        if self.probability(math.exp(near)) < SURE:
            return 0.0
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            near, far = (middle, far) if self.probability(math.exp(middle)) >= SURE else (near, middle)
        return math.exp(near)

    @cached_property
    def likely_cut(self) -> float:
        """The score up to which a match is called likely, if it is not sure."""
        return self.impostor.at(min(LIKELY_RATE, LIKELY_FALSE / max(1, self.faces)))

    def bands(self, scores: Iterable[float]) -> list[str]:
        """What to call matches of these scores: `sure`, `likely` or `look yourself`."""
        sure, likely = self.sure_cut, self.likely_cut
        return ["sure" if score <= sure else "likely" if score <= likely else "look yourself" for score in scores]

    @cached_property
    def _falling(self) -> tuple[float, float]:
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


def shown_cut(calibration: Calibration | None) -> float:
    """The score up to which a match is sure or likely; nothing is known to be without a calibration."""
    return 0.0 if calibration is None else max(calibration.sure_cut, calibration.likely_cut)


LINES = "tail_location, tail_spread, impostor_location, impostor_spread, genuine_location, genuine_spread"
COLUMNS = f"pairs, {LINES}, prevalence, faces"


def read_calibration(connection: Connection, key: str) -> Calibration | None:
    """What the set's stored results were calibrated with; None where they could not be."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM calibrations WHERE parameter_set = %s", [key])  # noqa: S608
        row = cursor.fetchone()
    if row is None:
        return None
    pairs, *numbers, prevalence, faces = row
    tail, impostor, genuine = (Line(*numbers[start : start + 2]) for start in (0, 2, 4))
    return Calibration(pairs, tail, impostor, genuine, prevalence, faces)


def write_calibration(connection: Connection, key: str, made: Calibration | None) -> None:
    """Replaces the set's calibration; None removes it."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM calibrations WHERE parameter_set = %s", [key])
        if made is not None:
            lines = [number for line in (made.tail, made.impostor, made.genuine) for number in astuple(line)]
            values = [key, made.pairs, *lines, made.prevalence, made.faces]
            cursor.execute(
                f"INSERT INTO calibrations (parameter_set, {COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",  # noqa: S608
                values,
            )
