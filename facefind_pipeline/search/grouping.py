"""Puts the faces of a set into groups of one person each, without any reference and without tables.

What distances mean is learnt from the faces (`calibrate`), then what varies within a person (`within`) from the groups
that come of that, and both again: the groups that come of the second time are the result.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.calibrate import Evidence, Learnt, learn
from facefind_pipeline.search.crowding import crowding
from facefind_pipeline.search.distances import in_metric, on_grid, squared_distances
from facefind_pipeline.search.evidence import PAIRS, SAMPLE
from facefind_pipeline.search.histogram import Floats
from facefind_pipeline.search.linking import Known, joined, link
from facefind_pipeline.search.neighbours import Pairs, neighbours
from facefind_pipeline.search.pair_evidence import pair_evidence
from facefind_pipeline.search.said_groups import Said
from facefind_pipeline.search.two_groups import TwoGroups
from facefind_pipeline.search.within import even_within

Numbers = npt.NDArray[np.int64]

# Pixels of width below which a face makes no group: upscaled, all look alike. Of LFW's portraits made smaller, as many
# strangers as at 96 pixels are nearer than .50 at 32, twice as many at 18, seven times at 14, and forty times at 10.
SMALLEST = 20
LEARNT_FROM = 10_000  # faces that show what varies within a person
UNSURE = 0.3  # share of faces, those that the detector is least sure of, that calibration takes no pairs of


@dataclass(frozen=True, slots=True)
class SetFaces:
    """A set's faces, in an order that is none of time or name: by the SHA-256 of their photos.

    Attributes:
        photos: (n,) number of each face's photo, rising.
        vectors: (n, dimension) on the grid.
        boxes: (n, 4) x y w h in upright pixels.
        scores: (n,) of the detector.
    """

    photos: Numbers
    vectors: Floats
    boxes: Numbers
    scores: Floats


def group(faces: SetFaces, said: Said, prior: TwoGroups | None, metric: str) -> Numbers:
    """Groups of one person each.

    Args:
        faces: all. Small ones are in a group only if somebody said so.
        said: by people.
        prior: what is known of the embedder.
        metric: of the set.

    Returns:
        (n,) of each face the number of the first face in its group.
    """
    large = np.flatnonzero(faces.boxes[:, 2] >= SMALLEST)
    vectors, photos = faces.vectors[large], faces.photos[large]
    pairs = pairs_of_one_photo(SetFaces(photos, vectors, faces.boxes[large], faces.scores[large]))
    learnt = learn(prior, _evidence(vectors, pairs, metric))
    if learnt is None:  # too few faces of an unknown embedder: only what people said is known
        return joined(len(faces.photos), said.together)
    first = slice(LEARNT_FROM)
    told = _tell(vectors[first], photos[first], learnt, metric)
    alone = link(told, Known(photos[first]), pair_evidence(learnt))
    vectors = on_grid(even_within(vectors, alone), metric)
    learnt = learn(prior, _evidence(vectors, pairs, metric))
    assert learnt is not None  # as before
    told = _tell(vectors, photos, learnt, metric)
    one, other = (large[numbers].astype(np.int32) for numbers in (told.first, told.second))
    known = Known(faces.photos, said.together, said.apart)
    return link(Pairs(one, other, told.evidence), known, pair_evidence(learnt))


def pairs_of_one_photo(faces: SetFaces) -> Numbers:
    """(k, 2) faces of one photo, at most `PAIRS`: nearly always two people.

    Overlapping boxes are one face found twice; unsure ones are often none, and look alike.
    """
    ranks = np.searchsorted(np.sort(faces.scores), faces.scores)
    sure = np.flatnonzero(ranks >= UNSURE * (len(ranks) - 1))
    photos, boxes = faces.photos[sure], faces.boxes[sure]
    most = int(np.bincount(photos).max(initial=0)) if len(photos) else 0
    found: list[Numbers] = [np.zeros((0, 2), np.int64)]
    for step in range(1, most):
        one = np.flatnonzero(photos[step:] == photos[:-step])
        low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
        apart = ((low[one] > high[one + step]) | (low[one + step] > high[one])).any(axis=1)
        found.append(np.column_stack([one[apart], one[apart] + step]))
    made = np.concatenate(found)
    return sure[made[np.argsort(made[:, 0], kind="stable")][:PAIRS]]


def _evidence(vectors: Floats, pairs: Numbers, metric: str) -> Evidence:
    sample = vectors[:SAMPLE]
    apart = vectors[pairs[:, 0]] - vectors[pairs[:, 1]]
    one_photo = in_metric(np.einsum("ij,ij->i", apart, apart), metric)
    between = in_metric(np.maximum(0.0, squared_distances(sample, sample)), metric)
    return Evidence(one_photo, between, np.zeros((len(sample), 0)))


def _tell(vectors: Floats, photos: Numbers, learnt: Learnt, metric: str) -> Pairs:
    """What pairs of faces tell, with each face's own crowding."""
    evidence = pair_evidence(learnt)
    sample = np.arange(min(len(vectors), SAMPLE))
    alone = link(neighbours(vectors[sample], np.zeros(len(sample)), metric, evidence), Known(photos[sample]), evidence)
    shifts = crowding(vectors, sample, np.unique(alone, return_inverse=True)[1], metric)
    return neighbours(vectors, shifts, metric, evidence)
