"""Clothes beside faces: what is learnt of them on each event day, and what they add for the faces of a block."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.calibrate import Learnt
from facefind_pipeline.search.calibration import Calibration
from facefind_pipeline.search.clothes import DayEvidence, log_odds
from facefind_pipeline.search.distances import Floats, Numbers
from facefind_pipeline.search.shift import Shift
from facefind_pipeline.search.wardrobes import Bytes, Singles, Wardrobe, on_grid
from facefind_pipeline.store.vectors import Block

REACH = 0.25  # of strangers are nearer than the faces that clothes count for
# Of a block: the number from 1 of each face's event day, 0 where nothing is known; and descriptors (n, bins).
ReadBlock = Callable[[Block], tuple[Numbers, Bytes]]


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

    def __init__(self, days: Mapping[str, WornDay], read: ReadBlock, learnt: Learnt, people: int) -> None:
        """Of some days.

        Args:
            days: by key; all of which something is known.
            read: reads the clothes of a block's faces, and their days by numbers in the order of `counting`.
            learnt: what the event's distances mean.
            people: how many are asked for.
        """
        self.days = days
        self._counting = [day for day in days.values() if day.evidence.separation]
        self._read, self._people = read, people
        groups = learnt.groups
        # The calibration of scores follows from the ranking; by this one a photo's face is chosen meanwhile.
        self._shift = Shift(Calibration(learnt.pairs, groups.tail, groups.tail, groups.genuine, groups.prevalence, 1))
        self._reach = groups.far.at(REACH)

    def on(self, block: Block) -> "BlockClothes | None":
        """The clothes of a block's faces; None where they tell nothing."""
        if not self._counting:
            return None
        days, descriptors = self._read(block)
        clothes = on_grid(descriptors)
        similarities = np.zeros((len(days), self._people), np.float32)
        photos = np.zeros(similarities.shape, np.int16)
        content = block.photos[block.photo_of(np.arange(len(days)))]
        for number, day in enumerate(self._counting, start=1):
            faces = np.flatnonzero(days == number)
            theirs = np.ix_(faces, day.wardrobe.people)
            similarities[theirs], photos[theirs] = day.wardrobe.compare(content[faces], clothes[faces])
        nothing = DayEvidence()
        evidence = np.array(
            [(one.location, one.spread, one.separation) for one in (nothing, *(d.evidence for d in self._counting))]
        )
        return BlockClothes(similarities, photos, evidence[days], self._reach, self._shift)


@dataclass(frozen=True, slots=True)
class BlockClothes:
    """What clothes add for the faces of a block.

    Attributes:
        similarities: (n, people)
        photos: (n, people) that each was compared with; 0 where nothing is known.
        evidence: (n, 3) location, spread and separation on the face's day.
        reach: the score beyond which faces are left to themselves.
        shift: that scores are moved by.
    """

    similarities: Singles
    photos: npt.NDArray[np.int16]
    evidence: Floats
    reach: float
    shift: Shift

    def add(self, faces: Numbers, people: Numbers, scores: Floats) -> tuple[Floats, Numbers, Floats]:
        """What clothes add for pairs of a face and a person.

        Returns:
            (n,) log odds; photos that they were compared with, 0 where nothing is added; and scores as far as that is
            known before there is a calibration of them.
        """
        near = np.flatnonzero(scores <= self.reach)
        photos = np.zeros(len(faces), np.int64)
        photos[near] = self.photos[faces[near], people[near]]
        known = near[photos[near] > 0]
        odds = np.zeros(len(faces))
        similarities = self.similarities[faces[known], people[known]].astype(np.float64)
        odds[known] = log_odds(similarities, *self.evidence[faces[known]].T)
        moved = scores.copy()
        moved[known] = self.shift.moved(scores[known], odds[known])
        return odds, photos, moved
