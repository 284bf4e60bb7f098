"""How much clothes tell on one event day, learnt without labels.

In a photo that surely shows a person one face is theirs, and all others are not. Both kinds are compared with what the
person wears in other photos of that day, and the logarithms of these distances are modelled as two normal distributions
of one spread. They are taken to lie only as far apart as is certain: two standard errors less than they seem to. So a
few comparisons tell little, and where people are dressed alike, clothes tell nothing.
"""

from dataclasses import dataclass
from math import log

import numpy as np

from facefind_pipeline.search.distances import Floats

LEAST_DISTANCE = 0.01  # of clothes, a logarithm is taken of; the light of two photos makes more
# What follows neither distribution: a body that somebody stands before, or a jacket that was taken off; and a stranger
# in the same shirt. So clothes count at most 99 to 1 for a person, and 49 to 1 against.
HIDDEN, ALIKE = 1 / 50, 1 / 100
CERTAIN = 2  # standard errors
LEAST_SEPARATION = 0.5  # spreads, below which clothes move odds by less than the model is wrong


@dataclass(frozen=True, slots=True)
class DayEvidence:
    """What clothes tell on an event day; logarithms of distances are meant.

    Attributes:
        same: faces that were compared with the same person's clothes in other photos.
        others: faces of other people that were compared likewise.
        location: where the others' distances lie.
        spread: of both kinds.
        separation: by how many spreads the same person's are nearer, for certain; 0 where clothes do not count.
    """

    same: int = 0
    others: int = 0
    location: float = 0.0
    spread: float = 1.0
    separation: float = 0.0


def log_distances(similarities: Floats) -> Floats:
    """Of similarities between 0 and 1."""
    made: Floats = np.log(np.maximum(1 - similarities, LEAST_DISTANCE))
    return made


def learn_clothes(same: Floats, others: Floats, independent: tuple[int, int]) -> DayEvidence:
    """What an event day tells.

    Args:
        same: (n,) similarities of faces to the same person's clothes in other photos.
        others: (m,) of other people's faces in the same photos.
        independent: how many comparisons each are worth, since several are of one pair of photos, or of one face.
    """
    nothing = DayEvidence(len(same), len(others))
    if min(independent) < 1:
        return nothing
    near, far = log_distances(same), log_distances(others)
    count = sum(independent)
    spread = float(np.sqrt((independent[0] * near.var() + independent[1] * far.var()) / count))
    if spread <= 0:
        return nothing
    error = CERTAIN * np.sqrt(1 / independent[0] + 1 / independent[1])
    separation = float((far.mean() - near.mean()) / spread - error)
    if separation < LEAST_SEPARATION:
        return nothing
    return DayEvidence(len(same), len(others), float(far.mean()), spread, separation)


def log_odds(similarities: Floats, evidence: DayEvidence) -> Floats:
    """By how much clothes of these similarities (n,) to a person's move the log odds that a face is theirs.

    Args:
        similarities: (n,)
        evidence: of a day on which clothes count.
    """
    nearer = (evidence.location - log_distances(similarities)) / evidence.spread
    ratio = evidence.separation * (nearer - evidence.separation / 2)
    same = np.logaddexp(log(1 - HIDDEN) + ratio, log(HIDDEN))
    other = np.logaddexp(log(1 - ALIKE), log(ALIKE) + ratio)
    made: Floats = same - other
    return made
