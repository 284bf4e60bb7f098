"""Clothes beside faces: what is learnt of them on each event day, and what they add to the photos of a ranking."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from facefind_pipeline.search.calibrate import Learnt
from facefind_pipeline.search.calibration import Calibration
from facefind_pipeline.search.clothes import DayEvidence, log_odds
from facefind_pipeline.search.distances import Floats, Numbers
from facefind_pipeline.search.rank import NOWHERE, Ranked
from facefind_pipeline.search.shift import Shift
from facefind_pipeline.search.wardrobes import PAIRS_AT_ONCE, Bytes, Contents, Wardrobe, on_grid

REACH = 0.25  # of strangers are nearer than the faces that clothes count for
FACES_AT_ONCE = 8_192  # whose clothes are held
# Of faces by the SHA-256 of their photos, in this order, and their keys: of those whose clothes are known the places
# among them, the number from 1 of each one's event day, and descriptors (n, bins).
Read = tuple[Numbers, Numbers, Bytes]
ReadClothes = Callable[[Contents, Contents], Read]


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
    """What people wear, on the days on which that tells something.

    Attributes:
        days: by key; all of which something is known.
        reach: the score beyond which faces are left to themselves; `NOWHERE` where clothes tell nothing.
    """

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
        self.reach = groups.far.at(REACH) if self._counting else NOWHERE

    def dress(self, ranked: Ranked) -> Ranked:
        """Says what clothes add to a ranking's photos, in its rows.

        Args:
            ranked: with the other faces up to `reach`.

        Returns:
            The same, with those of the other faces alone that their clothes put before the nearest of their photo.
        """
        rows, others = ranked.rows, ranked.others
        near = np.flatnonzero((rows["score"] <= self.reach) & ~rows["confirmed"])
        scores = np.concatenate([rows["score"][near], others["score"]])
        odds, photos = self._compare(
            *(np.concatenate([rows[name][near], others[name]]) for name in ("face", "person", "sha256", "face_key"))
        )
        moved = self._shift.moved(scores, odds)
        rows["clothes"][near], rows["clothes_photos"][near] = odds[: len(near)], photos[: len(near)]
        others["clothes"], others["clothes_photos"] = odds[len(near) :], photos[len(near) :]
        with_clothes = rows["score"].copy()
        with_clothes[near] = moved[: len(near)]
        of_others = moved[len(near) :]
        order = np.lexsort((of_others, ranked.beside))  # of equal ones of a photo the first face
        first = order[np.flatnonzero(np.diff(ranked.beside[order], prepend=-1))]
        better = first[of_others[first] < with_clothes[ranked.beside[first]]]
        rows["other"][ranked.beside[better]] = np.arange(len(better))
        return replace(ranked, others=others[better], beside=ranked.beside[better])

    def _compare(self, faces: Numbers, people: Numbers, photos: Contents, keys: Contents) -> tuple[Floats, Numbers]:
        """What clothes add to the log odds that faces are people's, and with how many photos they were compared.

        Args:
            faces: (n,) numbers, in the order of their photos.
            people: (n,)
            photos: (n,) SHA-256 of the photo that each face is in.
            keys: (n,) of the faces.
        """
        odds, compared = np.zeros(len(faces)), np.zeros(len(faces), np.int64)
        order = np.argsort(faces)
        bounds = np.append(np.flatnonzero(np.diff(faces[order], prepend=-1)), len(order))  # of the pairs of each face
        parts = [bounds[start : start + FACES_AT_ONCE + 1] for start in range(0, len(bounds) - 1, FACES_AT_ONCE)]
        readings = (self._read(photos[order[here[:-1]]], keys[order[here[:-1]]]) for here in parts)
        for here, (known, days, descriptors) in zip(parts, _one_ahead(readings), strict=True):
            contents = photos[order[here[:-1]]]
            clothes, row_of = on_grid(descriptors), np.full(len(contents), -1)
            row_of[known] = np.arange(len(known))
            face_of = np.repeat(np.arange(len(contents)), np.diff(here))
            for number, day in enumerate(self._counting, start=1):
                numbers = day.wardrobe.numbers(contents)
                of_day = np.append(days == number, False)[row_of[face_of]]  # the last stands for those that are unknown
                for part in _parts(np.flatnonzero(of_day)):
                    face, pairs = face_of[part], order[here[0] + part]
                    alike, others = day.wardrobe.compare(numbers[face], clothes[row_of[face]], people[pairs])
                    odds[pairs] = np.where(others > 0, log_odds(alike, day.evidence), 0.0)
                    compared[pairs] = others
        return odds, compared


def _one_ahead(made: Iterator[Read]) -> Iterator[Read]:
    """Each in turn. The next is made meanwhile, in a thread: the server reads while what it read is compared."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, made, None)
        while (one := coming.result()) is not None:
            coming = thread.submit(next, made, None)
            yield one


def _parts(pairs: Numbers) -> Iterator[Numbers]:
    """So many at a time that what is computed of them stays small."""
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        yield pairs[start : start + PAIRS_AT_ONCE]
