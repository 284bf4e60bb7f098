"""Clothes beside faces: what is learnt of them on each event day, and what they add for the faces of a block."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facefind_pipeline.search.calibrate import Learnt
from facefind_pipeline.search.calibration import Calibration
from facefind_pipeline.search.clothes import DayEvidence, log_odds
from facefind_pipeline.search.distances import Floats, Numbers
from facefind_pipeline.search.shift import Shift
from facefind_pipeline.search.wardrobes import PAIRS_AT_ONCE, Bytes, Wardrobe, on_grid
from facefind_pipeline.store.vectors import Block

REACH = 0.25  # of strangers are nearer than the faces that clothes count for
# Of some faces of a block, by their numbers: of those whose clothes are known the places among them, the number from 1
# of each one's event day, and descriptors (n, bins).
ReadClothes = Callable[[Block, Numbers], tuple[Numbers, Numbers, Bytes]]


@dataclass(frozen=True, slots=True)
class WornDay:
    """An event day.

    Attributes:
        wardrobe: what people wear.
        evidence: how much that tells.
    """

    wardrobe: Wardrobe
    evidence: DayEvidence


class Worn:
    """What people wear, on the days on which that tells something."""

    def __init__(self, days: Mapping[str, WornDay], read: ReadClothes, learnt: Learnt) -> None:
        """Of some days.

        Args:
            days: by key; all of which something is known.
            read: reads the clothes of faces, and their days by numbers in the order of those that count.
            learnt: what the event's distances mean.
        """
        self.days = days
        self._counting = [day for day in days.values() if day.evidence.separation]
        self._read = read
        groups = learnt.groups
        # The calibration of scores follows from the ranking; by this one a photo's face is chosen meanwhile.
        self._shift = Shift(Calibration(learnt.pairs, groups.tail, groups.tail, groups.genuine, groups.prevalence, 1))
        self._reach = groups.far.at(REACH)

    def on(self, block: Block) -> "BlockClothes | None":
        """The clothes of a block's faces; None where they tell nothing."""
        if not self._counting:
            return None
        return BlockClothes(self._counting, block, self._read, self._reach, self._shift)


class Moved(NamedTuple):
    """Pairs of a face and a person for which clothes count.

    Attributes:
        pairs: (k,) their numbers, ascending.
        log_odds: (k,) that clothes add.
        photos: (k,) that they were compared with.
        scores: (k,) as they are then, as far as that is known before there is a calibration of them.
    """

    pairs: Numbers
    log_odds: Floats
    photos: Numbers
    scores: Floats


@dataclass(frozen=True, slots=True)
class BlockClothes:
    """The clothes of a block's faces.

    Attributes:
        worn: the days on which clothes tell something.
        block: the faces.
        read: as of `Worn`.
        reach: the score beyond which faces are left to themselves.
        shift: that scores are moved by.
    """

    worn: Sequence[WornDay]
    block: Block
    read: ReadClothes
    reach: float
    shift: Shift

    def add(self, faces: Numbers, people: Numbers, scores: Floats) -> Moved:
        """What clothes add for pairs of a face and a person; of most pairs nothing, which are far apart."""
        near = np.flatnonzero(scores <= self.reach)
        wanted, places = np.unique(faces[near], return_inverse=True)
        known, days_of, descriptors = self.read(self.block, wanted)
        clothes, row_of = on_grid(descriptors), np.full(len(wanted), -1)
        row_of[known] = np.arange(len(known))
        rows = row_of[places]
        near, rows = near[rows >= 0], rows[rows >= 0]
        days = days_of[rows]
        similarities, photos = np.zeros(len(near)), np.zeros(len(near), np.int64)
        for number, day in enumerate(self.worn, start=1):
            of_day = np.flatnonzero(days == number)
            for start in range(0, len(of_day), PAIRS_AT_ONCE):
                part = of_day[start : start + PAIRS_AT_ONCE]
                here = faces[near[part]]
                content, worn = self.block.photos[self.block.photo_of(here)], clothes[rows[part]]
                similarities[part], photos[part] = day.wardrobe.compare(content, worn, people[near[part]])
        evidence = np.array([(0.0, 1.0, 0.0), *(_numbers(day.evidence) for day in self.worn)])[days]
        compared = photos > 0
        pairs = near[compared]
        odds = log_odds(similarities[compared], *evidence[compared].T)
        return Moved(pairs, odds, photos[compared], self.shift.moved(scores[pairs], odds))


def _numbers(evidence: DayEvidence) -> tuple[float, float, float]:
    return evidence.location, evidence.spread, evidence.separation
