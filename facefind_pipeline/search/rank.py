"""Everyone's best photos among all faces of a set, and the histograms of distances and scores for the calibration.

A face's score for a person is the distance to their template, set against the distance to the nearest other person.
What clothes of the day add is kept beside it (`worn` fills it in, `placed` puts both together). The faces are gone
through block by block; what is kept depends on how many people there are, not on how many faces.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from facefind_pipeline.search.asked import Asked
from facefind_pipeline.search.distances import Faces, Floats, Numbers, Probes, in_metric, nearest_squares
from facefind_pipeline.search.histogram import LEAST_DISTANCE, Histogram
from facefind_pipeline.search.stored import KEPT
from facefind_pipeline.store.vectors import Block

NEAREST_RIVAL = 1 / 4  # of the mean distance: a face can be a reference itself, and is as near as anybody need be
NOBODY = NONE = -1
NOWHERE = -np.inf  # a reach that no score is within

ROW = np.dtype(
    [
        ("person", np.int32),
        ("confirmed", np.bool_),
        ("score", np.float64),  # of this and the other distances NaN is unknown
        ("distance", np.float64),
        ("plain_distance", np.float64),
        ("rival", np.int32),
        ("rival_distance", np.float64),
        ("sha256", "V32"),
        ("face_key", "V16"),
        ("by_hand", np.bool_),  # then there is no face key
        ("face", np.int64),  # its number among all of the set, or `NONE`
        ("clothes", np.float64),  # what they add to the log odds
        ("clothes_photos", np.int32),  # that they were compared with; 0 where nothing is known of them
        ("other", np.int32),  # number of the photo's row by another face that its clothes put before, or `NONE`
    ]
)
Rows = np.ndarray[tuple[int], np.dtype[np.void]]


@dataclass(frozen=True, slots=True)
class Ranked:
    """What a search found.

    Attributes:
        rows: of `ROW`, by person and rank by the face alone; at most `KEPT` of each person.
        others: rows by other faces of the same photos, of which with their clothes one may be the better.
        beside: (m,) number of the row that each of these is beside.
        scores: of all faces that were compared with all people.
        distances: likewise, to the nearest reference.
        faces: that each person was compared with, on average.
    """

    rows: Rows
    others: Rows
    beside: Numbers
    scores: Histogram
    distances: Histogram
    faces: int


@dataclass(slots=True)
class _Compared:
    """A block's faces against all people; infinite where they were not compared.

    Attributes:
        scores: (n, people)
        distances: (n, people) to the templates.
        to_references: (n, people) to the nearest reference.
        nearest: (n,) person.
    """

    scores: Floats
    distances: Floats
    to_references: Floats
    nearest: Numbers


def rank(asked: Asked, faces: Faces, templates: Probes, reach: float = NOWHERE) -> Ranked:
    """Ranks the photos of all faces for everyone who is asked for, by the face alone.

    What was confirmed comes first, and what was rejected is left out. A photo that was confirmed by a box drawn by hand
    counts by that box, whatever faces are in it. A photo's other faces are kept too up to a score of `reach`.
    """
    mean = _mean_distance(asked, faces, templates)
    scores, distances = Histogram(), Histogram()
    compared_with = np.zeros(len(asked.people), np.int64)
    best = _Best(len(asked.people))
    best.add(_Found(_drawn(asked, templates, faces.metric), np.zeros(0, ROW), np.zeros(0, np.int64)))
    gone_through = 0
    for block in faces:
        compared = _compare(asked, block, templates, faces.metric, mean)
        known = np.isfinite(compared.to_references)
        scores.add(compared.scores[known])
        distances.add(compared.to_references[known])
        compared_with += known.sum(axis=0)
        by_photo = np.minimum.reduceat(compared.scores, block.starts, axis=0)
        photos, people = _taken_out(asked, block, by_photo)
        confirmed = _rows(block, compared, photos, people)
        confirmed.rows["confirmed"] = True
        best.add(confirmed, gone_through)
        people, photos = np.nonzero((by_photo < best.worst).T)
        best.add(_rows(block, compared, photos, people, reach), gone_through)
        gone_through += len(block.vectors)
    return Ranked(
        best.rows(),
        *best.others(),
        scores,
        distances,
        int(compared_with.sum()) // max(1, int(np.count_nonzero(compared_with))),
    )


def _mean_distance(asked: Asked, faces: Faces, templates: Probes) -> float:
    """The geometric mean of the distances of all faces to all templates."""
    logarithms, count = 0.0, 0
    for block in faces:
        squares = nearest_squares(block.vectors, block.embedders, templates, len(asked.people))
        known = squares[np.isfinite(squares)]
        logarithms += float(np.log(np.maximum(in_metric(known, faces.metric), LEAST_DISTANCE)).sum())
        count += len(known)
    return float(np.exp(logarithms / max(1, count)))


def _compare(asked: Asked, block: Block, templates: Probes, metric: str, mean: float) -> _Compared:
    """Distances and scores of a block's faces.

    A score is the geometric mean of the distance and of its ratio to the distance of the nearest other person, times
    the mean distance so that it stays a distance. Nobody is rewarded for others who are farther than the mean; where
    only one person is asked for, the score is the distance.
    """
    distances, to_references = (
        in_metric(nearest_squares(block.vectors, block.embedders, probes, len(asked.people)), metric)
        for probes in (templates, asked.references)
    )
    faces = np.arange(len(distances))
    nearest = distances.argmin(axis=1)  # of equally near people the first
    nearest_distances = distances[faces, nearest]
    distances[faces, nearest] = np.inf
    second_distances = distances.min(axis=1)
    distances[faces, nearest] = nearest_distances

    def against(others: Floats) -> Floats:
        return np.sqrt(mean / np.clip(others, mean * NEAREST_RIVAL, mean))

    scores = distances * against(nearest_distances)[:, None]
    scores[faces, nearest] = nearest_distances * against(second_distances)
    scores[np.isinf(to_references)] = np.inf
    return _Compared(scores, distances, to_references, nearest)


def _taken_out(asked: Asked, block: Block, by_photo: Floats) -> tuple[Numbers, Numbers]:
    """Makes scores (photos, people) infinite where people gave feedback.

    Returns:
        The photos and people of those that were confirmed by a face.
    """
    confirmed = []
    for photo, feedback in asked.feedback_on(block):
        for one in feedback:
            if one.shown and not one.by_hand and np.isfinite(by_photo[photo, one.person]):
                confirmed.append((photo, one.person))
            by_photo[photo, one.person] = np.inf
    photos, people = np.array(confirmed, dtype=np.int64).reshape(-1, 2).T
    return photos, people


class _Found(NamedTuple):
    """Rows of some photos, those by their other faces, and the number of the row that each of these is beside."""

    rows: Rows
    others: Rows
    beside: Numbers


def _rows(block: Block, compared: _Compared, photos: Numbers, people: Numbers, reach: float = NOWHERE) -> _Found:
    """A row for each (photo, person), by the face of the least score, the first of equal ones; others up to `reach`."""
    if not len(photos):
        return _Found(np.zeros(0, ROW), np.zeros(0, ROW), photos)
    ends = np.append(block.starts[1:], len(block.vectors))
    counts = (ends - block.starts)[photos]
    offsets = np.cumsum(counts) - counts  # where each pair's faces begin among those of all pairs
    faces = np.arange(counts.sum()) - np.repeat(offsets - block.starts[photos], counts)
    whose = np.repeat(people, counts)
    scores = compared.scores[faces, whose]
    plain = np.minimum.reduceat(compared.to_references[faces, whose], offsets)
    best = _first_least(scores, offsets, counts)
    near = scores <= reach
    near[best] = False
    others = np.flatnonzero(near)
    beside = np.searchsorted(offsets, others, side="right") - 1
    return _Found(
        _by_face(block, compared, photos, people, faces[best], plain),
        _by_face(block, compared, photos[beside], people[beside], faces[others], plain[beside]),
        beside,
    )


def _first_least(scores: Floats, offsets: Numbers, counts: Numbers) -> Numbers:
    """The number of the least of each group of scores, the first of equal ones."""
    least = scores == np.repeat(np.minimum.reduceat(scores, offsets), counts)
    made: Numbers = np.minimum.reduceat(np.where(least, np.arange(len(scores)), len(scores)), offsets)
    return made


def _by_face(
    block: Block, compared: _Compared, photos: Numbers, people: Numbers, faces: Numbers, plain: Floats
) -> Rows:
    """Rows of (photo, person, face, distance to the nearest reference), of what the face alone says."""
    made = np.zeros(len(photos), ROW)
    nearest = compared.nearest[faces]
    has_rival = nearest != people
    made["person"], made["score"] = people, compared.scores[faces, people]
    made["distance"], made["plain_distance"] = compared.distances[faces, people], plain
    made["rival"] = np.where(has_rival, nearest, NOBODY)
    made["rival_distance"] = np.where(has_rival, compared.distances[faces, nearest], np.nan)
    made["sha256"], made["face_key"], made["face"] = block.photos[photos], block.face_keys[faces], faces
    made["other"] = NONE
    return made


def _drawn(asked: Asked, templates: Probes, metric: str) -> Rows:
    """Rows of the boxes drawn by hand, whose score is the distance."""
    drawn = asked.drawn
    made = np.zeros(len(drawn.photos), ROW)
    made["person"], made["confirmed"], made["by_hand"] = drawn.people, True, True
    for column, probes in (("distance", templates), ("plain_distance", asked.references)):
        squares = nearest_squares(drawn.vectors, drawn.embedders, probes, len(asked.people))
        distances = in_metric(squares[np.arange(len(made)), drawn.people], metric)
        made[column] = np.where(np.isfinite(distances), distances, np.nan)
    made["score"] = made["distance"]
    made["rival"], made["rival_distance"], made["face"], made["other"] = NOBODY, np.nan, NONE, NONE
    made["sha256"] = np.array(drawn.photos, ROW["sha256"])
    return made


class _Best:
    """The best photos of each person among those that were added.

    Attributes:
        worst: (people,) the score that a photo has to be below, so far, unless it is confirmed.
    """

    def __init__(self, people: int) -> None:
        self.worst = np.full(people, np.inf)
        self._added = [np.zeros(0, ROW)]
        self._others = [np.zeros(0, ROW)]
        self._beside = [np.zeros(0, np.int64)]

    def add(self, found: _Found, gone_through: int = 0) -> None:
        """Adds rows of photos in the order of SHA-256, of boxes drawn by hand in any.

        Args:
            found: of a block, in which faces are numbered from 0.
            gone_through: faces of the blocks before it.
        """
        for rows in (found.rows, found.others):
            rows["face"] += gone_through
        self._beside.append(found.beside + sum(map(len, self._added)))
        self._added.append(found.rows)
        self._others.append(found.others)
        if sum(map(len, self._added)) > 1.5 * KEPT * len(self.worst):
            self.rows()

    def rows(self) -> Rows:
        """At most `KEPT` of each person: what was confirmed, then the others; by score, and equal ones by SHA-256."""
        rows = np.concatenate(self._added)
        photos = np.ascontiguousarray(rows["sha256"]).view(">u8")[::4]  # by 8 of their 32 bytes
        photos = np.where(rows["confirmed"], photos, 0)  # the others were added in this order
        order = np.lexsort((photos, rows["score"], ~rows["confirmed"], rows["person"]))
        people = rows["person"][order]
        kept = order[np.arange(len(rows)) - np.searchsorted(people, people) < KEPT]
        best = rows.take(kept)
        places = np.full(len(rows), NONE)
        places[kept] = np.arange(len(kept))
        beside = places[np.concatenate(self._beside)]
        of_kept = np.flatnonzero(beside != NONE)
        self._added, self._beside = [best], [beside[of_kept]]
        self._others = [np.concatenate(self._others)[of_kept]]
        numbers, counts = np.unique(best["person"], return_counts=True)
        last = best[np.cumsum(counts)[counts == KEPT] - 1]
        self.worst[numbers[counts == KEPT]] = np.where(last["confirmed"], -np.inf, last["score"])
        return best

    def others(self) -> tuple[Rows, Numbers]:
        """Rows by other faces of the photos that `rows` gave last, and the number of the row that each is beside."""
        return self._others[0], self._beside[0]
