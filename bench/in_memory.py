"""A search among vectors in memory, by the rules of stored results, and how right its cuts are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.asked import Asked, DrawnBoxes
from facefind_pipeline.search.calibrate import SURE_RATE, calibrate, learn
from facefind_pipeline.search.calibration import NEAREST_REFERENCE, SCORE, Calibration
from facefind_pipeline.search.distances import (
    COSINE,
    Faces,
    Floats,
    Numbers,
    Probes,
    in_metric,
    on_grid,
    squared_distances,
)
from facefind_pipeline.search.evidence import evidence_of
from facefind_pipeline.search.rank import Rows, rank
from facefind_pipeline.search.templates import make_templates
from facefind_pipeline.search.two_groups import TwoGroups
from facefind_pipeline.store.vectors import Block


@dataclass(frozen=True, slots=True)
class Event:
    """Faces of an event, and who is on its photos.

    Attributes:
        vectors: (n, dimension)
        photos: (n,) number of each face's photo, in order.
        references: a vector of each person.
        shown: photos that show each person.
        pairs: (k, 2) faces of one photo that calibration may take for two people's; None is all of each photo.
        metric: of the embedder.
    """

    vectors: Floats
    photos: Numbers
    references: Mapping[str, Floats]
    shown: Mapping[str, Collection[int]]
    pairs: Numbers | None = None
    metric: str = "l2"


@dataclass(frozen=True, slots=True)
class Found:
    """A search's ranking.

    Attributes:
        people: names, sorted.
        rows: of everyone, by person and rank; see `rank.ROW`.
        photos: (rows,) the numbers of the photos.
        right: (rows,) whether the photo shows the person.
        calibrations: by measure; empty where nothing is known.
    """

    people: Sequence[str]
    rows: Rows
    photos: Numbers
    right: npt.NDArray[np.bool_]
    calibrations: Mapping[str, Calibration]


@dataclass(frozen=True, slots=True)
class Figures:
    """How right an event's cuts are; counts, so that those of several events add up.

    Attributes:
        people: who were asked for.
        relevant: photos that show them, of all.
        likely: of these, sure or likely.
        above: of these, ranked above their person's first stranger.
        likely_above: of these, sure or likely.
        false: photos of others that are sure or likely.
        most_false: of one person.
        strangers: comparisons with a face in a photo that does not show the person, by person.
        nearer: of these, below the distance at a stated rate, by rate.
    """

    people: int
    relevant: int
    likely: int
    above: int
    likely_above: int
    false: int
    most_false: int
    strangers: Sequence[int]
    nearer: Mapping[float, Sequence[int]]


def search(event: Event, prior: TwoGroups | None) -> Found:
    """Ranks everyone's photos, and calibrates from what is known of the embedder."""
    people = sorted(event.references)
    references = Probes(
        on_grid(np.array([event.references[name] for name in people]), event.metric),
        np.zeros(len(people)),
        np.arange(len(people)),
        np.ones(len(people), np.int64),
    )
    nothing = DrawnBoxes([], np.zeros(0, np.int64), np.zeros((0, event.vectors.shape[1])), np.zeros(0, np.int64))
    asked = Asked(people, ["one"], references, references, {}, nothing)
    numbers, starts = np.unique(event.photos, return_index=True)
    keys = np.array([b"%032d" % number for number in numbers], "V32")
    faces = Faces(
        [
            Block(
                keys, starts, np.zeros(len(event.vectors), "V16"), np.ones(len(event.vectors), np.int64), event.vectors
            )
        ],
        event.metric,
    )
    learnt = learn(prior, evidence_of(_in_one_photo(event), asked, faces))
    sure = learnt.groups.tail.at(SURE_RATE) if learnt else None
    if sure is not None and event.metric == COSINE:
        sure = (2 * sure) ** 0.5
    ranked = rank(asked, faces, make_templates(asked, faces, sure).probes)
    made = calibrate(learnt, ranked.scores.counts, ranked.distances.counts, ranked.faces) if learnt else {}
    photos = np.array([int(bytes(key)) for key in ranked.rows["sha256"].tolist()], np.int64)
    right = [photo in event.shown[people[who]] for photo, who in zip(photos, ranked.rows["person"], strict=True)]
    return Found(people, ranked.rows, photos, np.array(right, np.bool_), made)


def figures(event: Event, found: Found, rates: Collection[float]) -> Figures:
    """How right the cuts of a calibrated search are."""
    scores, distances = found.calibrations[SCORE], found.calibrations[NEAREST_REFERENCE]
    faces_of = dict(zip(*(part.tolist() for part in np.unique(event.photos, return_counts=True)), strict=True))
    likely = found.rows["score"] <= scores.shown_cut
    right = found.right
    nearest = found.rows["plain_distance"]
    above = np.zeros(len(right), np.bool_)
    false, strangers = [], []
    nearer: dict[float, list[int]] = {rate: [] for rate in rates}
    for number in range(len(found.people)):
        mine = np.flatnonzero(found.rows["person"] == number)
        above[mine] = np.logical_and.accumulate(right[mine])
        false.append(int((likely & ~right)[mine].sum()))
        others = mine[~right[mine]]
        strangers.append(sum(faces_of[photo] for photo in found.photos[others].tolist()))
        for rate in rates:
            nearer[rate].append(int((nearest[others] <= distances.threshold(rate)).sum()))
    return Figures(
        people=len(found.people),
        relevant=sum(len(event.shown[name]) for name in found.people),
        likely=int((likely & right).sum()),
        above=int(above.sum()),
        likely_above=int((likely & above).sum()),
        false=sum(false),
        most_false=max(false),
        strangers=strangers,
        nearer=nearer,
    )


def _in_one_photo(event: Event) -> Floats:
    """(k,) distances between faces of one photo."""
    vectors = on_grid(event.vectors, event.metric)
    made = [np.zeros(0)]
    if event.pairs is not None:
        one, other = event.pairs.T
        made.append(in_metric(((vectors[one] - vectors[other]) ** 2).sum(axis=1), event.metric))
    else:
        starts = np.unique(event.photos, return_index=True)[1]
        for theirs in np.split(vectors, starts[1:]):
            squares = np.maximum(0.0, squared_distances(theirs, theirs))
            made.append(in_metric(squares[np.triu_indices(len(theirs), 1)], event.metric))
    return np.concatenate(made)
