"""Puts faces together that are one person's, by what pairs of them tell: agglomerative clustering on a sparse graph.

In each round, pairs of groups that each have no better partner than the other become one. Which pairs these are depends
on no order, so neither do the groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from facefind_pipeline.search.neighbours import Pairs
from facefind_pipeline.search.pair_evidence import PairEvidence

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of faces beside their distances.

    Attributes:
        photos: (n,) number of each face's photo: two faces of one photo are two people's.
        together: faces that are one person's, whatever else is known.
        apart: of each, two lists of faces of which none of the one is a person of the other.
    """

    photos: Numbers
    together: Sequence[Numbers] = ()
    apart: Sequence[tuple[Numbers, Numbers]] = ()


def link(pairs: Pairs, known: Known, evidence: PairEvidence) -> Numbers:
    """Groups of faces.

    Args:
        pairs: that tell something; all others tell the least.
        known: of the faces.
        evidence: what pairs tell.

    Returns:
        (n,) of each face the number of the first face in its group.
    """
    labels = joined(len(known.photos), known.together)
    graph = _Graph(pairs, labels, known, evidence)
    while len(graph.merge()):
        pass
    return graph.labels


def joined(count: int, together: Sequence[Numbers]) -> Numbers:
    """(n,) the first of all faces that each is known to be together with."""
    from scipy.sparse.csgraph import connected_components

    links = [np.column_stack([faces[:-1], faces[1:]]) for faces in together if len(faces) > 1]
    labels = np.arange(count)
    if not links:
        return labels
    one, other = np.concatenate(links).T
    _, components = connected_components(csr_array((np.ones(len(one)), (one, other)), (count, count)), directed=False)
    made: Numbers = np.full(count, count)
    np.minimum.at(made, components, labels)
    firsts: Numbers = made[components]
    return firsts


class _Graph:
    """Groups, by the number of their first face, and the pairs of them that tell something."""

    def __init__(self, pairs: Pairs, labels: Numbers, known: Known, evidence: PairEvidence) -> None:
        self.labels = labels
        self._evidence = evidence
        self._conflicts = _Conflicts(known)
        self._sizes = np.bincount(labels, minlength=len(labels))
        first, second = labels[pairs.first], labels[pairs.second]
        self._first, self._second = np.minimum(first, second), np.maximum(first, second)
        self._sums = pairs.evidence
        self._sum_up(np.ones(len(self._first), np.bool_))

    def merge(self) -> Numbers:
        """One round.

        Returns:
            Groups that others were put to; none if all is done.
        """
        candidates = np.flatnonzero(self._odds > self._evidence.needed)
        unsure = candidates[~self._looked_at[candidates]]
        conflict = self._conflicts.among(self.labels, self._first[unsure], self._second[unsure])
        self._looked_at[unsure] = True
        self._odds[unsure[conflict]] = -np.inf
        candidates = candidates[self._odds[candidates] > self._evidence.needed]
        into, gone = self._mutually_best(candidates)
        if len(into):
            self._put_together(into, gone)
        return into

    def _mutually_best(self, candidates: Numbers) -> tuple[Numbers, Numbers]:
        """Pairs that are the best of both; of equally good ones the first."""
        first, second = self._first[candidates], self._second[candidates]
        order = np.lexsort((second, first, -self._odds[candidates]))
        first, second = first[order], second[order]
        place = np.arange(len(order))
        best = np.full(len(self.labels), len(order))
        np.minimum.at(best, first, place)
        np.minimum.at(best, second, place)
        mutual = (best[first] == place) & (best[second] == place)
        return first[mutual], second[mutual]

    def _put_together(self, into: Numbers, gone: Numbers) -> None:
        to = np.arange(len(self.labels))
        to[gone] = into
        self.labels = to[self.labels]
        self._sizes[into] += self._sizes[gone]
        changed = np.zeros(len(self.labels), np.bool_)
        changed[into] = changed[gone] = True
        touched = changed[self._first] | changed[self._second]
        first, second = to[self._first[touched]], to[self._second[touched]]
        self._first[touched], self._second[touched] = np.minimum(first, second), np.maximum(first, second)
        self._sum_up(touched)

    def _sum_up(self, touched: npt.NDArray[np.bool_]) -> None:
        """Makes one of pairs that are of the same groups now, and leaves out those within a group."""
        first, second, sums = self._first[touched], self._second[touched], self._sums[touched]
        order = np.lexsort((second, first))
        order = order[first[order] != second[order]]
        first, second, sums = first[order], second[order], sums[order]
        new = np.flatnonzero(np.append(True, (first[1:] != first[:-1]) | (second[1:] != second[:-1]))[: len(first)])
        first, second = first[new], second[new]
        sums = np.add.reduceat(sums, new) if len(new) else sums
        sizes, others = self._sizes[first], self._sizes[second]
        means = self._evidence.least + sums / (sizes * others)
        odds = self._evidence.between(means, sizes, others)
        if touched.all():
            self._first, self._second, self._sums, self._odds = first, second, sums, odds
            self._looked_at = np.zeros(len(odds), np.bool_)
            return
        left = ~touched
        self._first = np.concatenate([self._first[left], first])
        self._second = np.concatenate([self._second[left], second])
        self._sums = np.concatenate([self._sums[left], sums])
        self._odds = np.concatenate([self._odds[left], odds])
        self._looked_at = np.concatenate([self._looked_at[left], np.zeros(len(odds), np.bool_)])


class _Conflicts:
    """Which groups can't be one person's."""

    def __init__(self, known: Known) -> None:
        count = len(known.photos)
        sides: list[list[Numbers]] = [[], []]
        for number, statement in enumerate(known.apart):
            for side, faces in zip(sides, statement, strict=True):
                side.append(np.column_stack([faces, np.full(len(faces), number)]))
        in_photos = (np.ones(count), (np.arange(count), known.photos))
        self._photos = csr_array(in_photos, (count, int(known.photos.max(initial=-1)) + 1))
        self._sides = [_marks(side, (count, len(known.apart))) for side in sides]

    def among(self, labels: Numbers, first: Numbers, second: Numbers) -> npt.NDArray[np.bool_]:
        """(k,) of pairs of groups."""
        if not len(first):
            return np.zeros(0, np.bool_)
        count = len(labels)
        of_group = csr_array((np.ones(count), (labels, np.arange(count))), (count, count))
        found = _in_common(of_group @ self._photos, of_group @ self._photos, first, second)
        if self._sides[0].nnz:
            one, other = (of_group @ side for side in self._sides)
            found |= _in_common(one, other, first, second) | _in_common(other, one, first, second)
        return found


def _marks(places: Sequence[Numbers], shape: tuple[int, int]) -> csr_array:
    rows = np.concatenate([np.zeros((0, 2), np.int64), *places])
    return csr_array((np.ones(len(rows)), (rows[:, 0], rows[:, 1])), shape)


def _in_common(one: csr_array, other: csr_array, first: Numbers, second: Numbers) -> npt.NDArray[np.bool_]:
    """Of pairs of rows, whether both have a mark in one column."""
    made: npt.NDArray[np.bool_] = np.asarray(one[first].multiply(other[second]).sum(axis=1)).ravel() > 0
    return made
