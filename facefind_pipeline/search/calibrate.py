"""Learns what a distance means under a set, from the event's own faces without labels.

What is known of the embedder (`priors`) is moved by the event, in three steps of one method (`two_groups`):

1. Distances of a sample of faces to each other. In most events hardly two faces are of one person; where they are, they
   are told apart by how near they are. A face of whom there are many pictures, on a hundred posters, counts as one.
2. Distances of faces in one photo: two people, but for posters, mirrors and collages, which are told apart likewise. So
   the near tail, in which other samples mix one person and two, is learnt here, by how many pairs there are.
3. Distances of the sample to the references, which are not photos of the event: their light and size differ. Those of
   one person among them only add near ones. So where too few are near for what the tail foretells, the pairs of one
   photo were not of people (44 % of Haar's boxes are not faces, look alike and stand side by side), and the tail is
   learnt here.

Then scores and distances of all faces are separated into two groups, and the probability that a face is the person's is
one minus the local false discovery rate (Efron, Large-Scale Inference, 2010, chapter 5).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from facefind_pipeline.search.calibration import NEAREST_REFERENCE, SCORE, Calibration
from facefind_pipeline.search.histogram import Floats, Histogram, bins
from facefind_pipeline.search.priors import assumed
from facefind_pipeline.search.two_groups import TwoGroups, move, separate, through_far_half

# False-match rate of what may enlarge a template. From 1e-3 to 5e-4 the mean mAP of eight composed events changes by
# less than .0002; at a marathon a stranger lay just beyond 1e-3, who would have cost a tenth of it.
SURE_RATE = 7e-4
FORETOLD = 0.02  # the quantile of the near tail at which it is held against distances to references
# Of as many as are foretold, below which they are too few. Of eight composed events searched by dlib's distances and by
# their vectors' cosine, Haar's boxes have .38 to .52, and once .60; YuNet's .69 to 1.36, and those of a marathon .59.
TOO_FEW = 0.55
ENOUGH = 200  # distances of faces to each other from which something is said of an unknown embedder
_ROUNDS = 2  # of weighing faces by how many are of one person


@dataclass(frozen=True, slots=True)
class Evidence:
    """Distances of an event, by one version of its embedder.

    Attributes:
        one_photo: (n,) between faces of one photo.
        between: (m, m) of a sample of faces to each other.
        to_references: (m, people) of the sample to the nearest reference.
    """

    one_photo: Floats
    between: Floats
    to_references: Floats


@dataclass(frozen=True, slots=True)
class Learnt:
    """What an event's distances mean.

    Attributes:
        groups: of distances to references.
        pairs: of faces in one photo it was learnt from.
        distinct: people, known or not, per face.
        alike: share of pairs of faces, of whatever photos, that are one person's.
    """

    groups: TwoGroups
    pairs: int
    distinct: float
    alike: float


def learn(prior: TwoGroups | None, evidence: Evidence) -> Learnt | None:
    """Moves what is known of an embedder by an event's distances.

    Args:
        prior: None where nothing is known; then the sample's far half shows the scale.
        evidence: of the event.

    Returns:
        None where nothing is known before, and the event has too few faces to say anything.
    """
    if prior is None:
        between = _counted(evidence.between[np.triu_indices(len(evidence.between), 1)])
        if between.sum() < ENOUGH:
            return None
        prior = assumed(through_far_half(between))
    groups, weights, alike = _by_sample(prior, evidence.between)
    distinct = float(weights.mean()) if len(weights) else 1.0
    groups = _by_photos(groups, evidence.one_photo, distinct)
    groups = _by_references(groups, evidence.to_references, weights)
    return Learnt(replace(groups, prevalence=prior.prevalence), len(evidence.one_photo), distinct, alike)


def _by_sample(prior: TwoGroups, between: Floats) -> tuple[TwoGroups, Floats, float]:
    """The first step.

    Returns:
        The groups; a weight for each face, which is one over how many of the sample are of one person; and the share
        of pairs that are.
    """
    one, other = np.triu_indices(len(between), 1)
    groups, weights, shares = prior, np.ones(len(between)), []
    for _ in range(_ROUNDS):
        pairs = _counted(between[one, other], weights[one] * weights[other])
        groups, same = move(prior, pairs, float(weights.sum()))
        alike = same[bins(between)].reshape(between.shape)
        np.fill_diagonal(alike, 1.0)
        weights = 1 / alike.sum(axis=1)
        shares.append(float(alike[one, other].mean()) if len(one) else prior.prevalence)
    return groups, weights, shares[0]  # later ones are of pairs of people rather than of faces


def _by_photos(prior: TwoGroups, one_photo: Floats, distinct: float) -> TwoGroups:
    """The second step, whose far half stays: faces of one photo have one light, those of two photos have not."""
    found, _ = move(prior, _counted(one_photo), distinct * len(one_photo), learns_tail=True)
    return found.moved(prior.far)


def _by_references(prior: TwoGroups, to_references: Floats, weights: Floats) -> TwoGroups:
    """The third step."""
    compared = np.isfinite(to_references)
    counts = _counted(to_references[compared], np.broadcast_to(weights[:, None], compared.shape)[compared])
    independent = float(counts.sum())
    found, _ = move(prior, counts, independent)
    if _below(counts, found.tail.at(FORETOLD)) < TOO_FEW * FORETOLD:
        found, _ = move(prior, counts, independent, learns_tail=True)
    return found


def calibrate(learnt: Learnt, scores: Floats, distances: Floats, faces: int) -> Mapping[str, Calibration]:
    """What scores of stored results mean, and distances to the nearest reference, by measure.

    The near tail of two people begins as was learnt from the event. That is on the safe side: scores are distances made
    larger where other people are near. It is learnt from what is compared here as far as that is many people's.

    Args:
        learnt: from the event.
        scores: counts of a `Histogram`, of all faces and people.
        distances: likewise, to the nearest reference.
        faces: that each person was compared with.
    """
    made = {}
    for measure, counts in ((SCORE, scores), (NEAREST_REFERENCE, distances)):
        independent = float(counts.sum()) * learnt.distinct
        groups = separate(learnt.groups, counts, independent)
        made[measure] = Calibration(
            learnt.pairs, learnt.groups.tail, groups.tail, groups.genuine, groups.prevalence, faces
        )
    return made


def _below(counts: Floats, distance: float) -> float:
    """The share of a histogram below a distance."""
    return float(counts[: bins(np.array([distance]))[0]].sum() / max(float(counts.sum()), 1e-9))


def _counted(distances: Floats, weights: Floats | None = None) -> Floats:
    histogram = Histogram()
    histogram.add(distances, weights)
    return histogram.counts
