"""Events without pictures for tests of groups: guests seen often, strangers seen once; and grouping by brute force."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.calibrate import Learnt
from facefind_pipeline.search.distances import on_grid
from facefind_pipeline.search.pair_evidence import PairEvidence, pair_evidence
from facefind_pipeline.search.priors import DLIB

DIMENSION = 32
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
EVIDENCE = pair_evidence(Learnt(DLIB, 0, 0.3, 0.01))


@dataclass(frozen=True)
class Guests:
    """Faces (n,): whose, in which photo, and their vectors on the grid."""

    people: Numbers
    photos: Numbers
    vectors: Floats


def guests(seed: int, people: int, each: int, strangers: int, within: float = 0.3) -> Guests:
    """An event with up to four faces per photo, no two of one person; some people look alike."""
    random = np.random.default_rng(seed)
    count = people + strangers
    centres = random.normal(0, 0.48 / np.sqrt(DIMENSION), (count, DIMENSION))
    centres[: count // 4] = centres[count // 4 : 2 * (count // 4)] + random.normal(
        0, 0.3 / np.sqrt(DIMENSION), (count // 4, DIMENSION)
    )
    whose = random.permutation(np.concatenate([np.repeat(np.arange(people), each), np.arange(people, count)]))
    photos, seen, photo = np.empty(len(whose), np.int64), set(), 0
    for face, person in enumerate(whose.tolist()):
        if person in seen or len(seen) == 4:
            photo, seen = photo + 1, set()
        seen.add(person)
        photos[face] = photo
    vectors = centres[whose] + random.normal(0, within / np.sqrt(DIMENSION), (len(whose), DIMENSION))
    return Guests(whose, photos, on_grid(vectors, "l2"))


def brute_force(
    event: Guests,
    evidence: PairEvidence,
    shifts: Floats,
    together: Sequence[Numbers] = (),
    apart: Sequence[tuple[Numbers, Numbers]] = (),
) -> list[frozenset[int]]:
    """Groups by all pairs of faces, compared anew in each round."""
    distances = np.linalg.norm(event.vectors[:, None] - event.vectors, axis=2)
    odds = evidence.of(distances * np.exp(-(shifts[:, None] + shifts) / 2))
    groups = [frozenset([face]) for face in range(len(event.people))]
    for faces in together:
        joined = {group for group in groups if group & set(faces.tolist())}
        groups = [group for group in groups if group not in joined] + ([frozenset().union(*joined)] if joined else [])

    def conflict(one: frozenset[int], other: frozenset[int]) -> bool:
        if {event.photos[face] for face in one} & {event.photos[face] for face in other}:
            return True
        return any(
            (one & set(a.tolist()) and other & set(b.tolist())) or (other & set(a.tolist()) and one & set(b.tolist()))
            for a, b in apart
        )

    while True:
        groups.sort(key=min)
        told = {}
        for i, one in enumerate(groups):
            for j in range(i + 1, len(groups)):
                pairs = odds[np.ix_(sorted(one), sorted(groups[j]))]
                sizes = np.array([len(one)]), np.array([len(groups[j])])
                between = float(evidence.between(np.array([pairs.mean()]), *sizes)[0])
                if between > evidence.needed and not conflict(one, groups[j]):
                    told[i, j] = between
        best: dict[int, tuple[int, int]] = {}
        for pair in sorted(told, key=lambda pair: (-round(told[pair], 9), pair)):
            for side in pair:
                best.setdefault(side, pair)
        mutual = [pair for pair in told if all(best[side] == pair for side in pair)]
        if not mutual:
            return groups
        gone = {j for _, j in mutual}
        into = dict(mutual)
        groups = [group | groups[into[i]] if i in into else group for i, group in enumerate(groups) if i not in gone]


def as_sets(labels: Numbers) -> list[frozenset[int]]:
    """Groups by the faces they have, in the order of their first."""
    return sorted((frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)), key=min)
