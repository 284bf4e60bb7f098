"""Pairs of faces that are near enough to tell something, found by matrix products of blocks of all of them.

The number of pairs kept grows with the number of faces, not with its square: of a face that is near to more others than
`MOST`, evenly spaced ones count for all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.distances import L2, in_metric
from facefind_pipeline.search.histogram import Floats
from facefind_pipeline.search.pair_evidence import PairEvidence

Singles = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]
_Found = tuple[Numbers, Numbers, Floats]  # pairs of each first face together, and what they tell
_NOTHING: _Found = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))

MOST = 256  # pairs kept per face
# Products computed at a time: 8 MB, which stay in the processor's cache.
ROWS, COLUMNS = 512, 4_096
_ROUNDING = 1e-4  # that products in 32 bits may be off by
_EXACT = 1 << 15  # pairs whose distance is computed at a time


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of faces by number, each once, sorted.

    Attributes:
        first: (k,)
        second: (k,) larger than the first.
        evidence: (k,) log odds beyond the least, weighted by how many pairs each counts for.
    """

    first: Indices
    second: Indices
    evidence: Floats


def neighbours(vectors: Floats, shifts: Floats, metric: str, evidence: PairEvidence, most: int = MOST) -> Pairs:
    """All pairs whose distance is within the evidence's reach.

    Args:
        vectors: (n, dimension) on the grid.
        shifts: (n,) of `crowding`.
        metric: of the set.
        evidence: of pairs.
        most: pairs kept of each face with later ones.
    """
    scales = np.exp(-shifts / 2)
    rows, columns, reach = _products(vectors, scales if metric != L2 else scales**2, metric, evidence.reach)
    found: list[_Found] = [_NOTHING]
    for start in range(0, len(vectors), ROWS):
        block = rows[start : start + ROWS]
        of_block = [_NOTHING]
        for left in range(start, len(vectors), COLUMNS):
            near = (block @ columns[left : left + COLUMNS].T) <= reach
            first, second = np.divmod(np.flatnonzero(near), near.shape[1])
            first, second = first + start, second + left
            later = second > first
            first, second, weights = _thinned(first[later], second[later], np.ones(int(later.sum())), most)
            odds = evidence.of(_distances(vectors, first, second, metric) * scales[first] * scales[second])
            told = odds > evidence.least
            of_block.append((first[told], second[told], (odds[told] - evidence.least) * weights[told]))
        first, second, odds = _joined(of_block)
        order = np.argsort(first, kind="stable")
        found.append(_thinned(first[order], second[order], odds[order], most))
    first, second, odds = _joined(found)
    return Pairs(first.astype(np.int32), second.astype(np.int32), odds)


def _joined(parts: Sequence[_Found]) -> _Found:
    first, second, odds = zip(*parts, strict=True)
    return np.concatenate(first), np.concatenate(second), np.concatenate(odds)


def _products(vectors: Floats, scales: Floats, metric: str, reach: float) -> tuple[Singles, Singles, float]:
    """Rows and columns whose products are scaled squared distances, and how large these may be.

    s t |a - b|^2 is the product of (-2 s a, s |a|^2, s) and (t b, t, t |b|^2).
    """
    lengths = np.einsum("ij,ij->i", vectors, vectors)
    scaled = vectors * scales[:, None]
    rows = np.column_stack([-2 * scaled, scales * lengths, scales]).astype(np.float32)
    columns = np.column_stack([scaled, scales, scales * lengths]).astype(np.float32)
    return rows, columns, (reach**2 if metric == L2 else 2 * reach) + _ROUNDING


def _distances(vectors: Floats, first: Numbers, second: Numbers, metric: str) -> Floats:
    """Exact, as those of `distances` are."""
    squares = np.empty(len(first))
    for start in range(0, len(first), _EXACT):
        some = slice(start, start + _EXACT)
        apart = vectors[first[some]] - vectors[second[some]]
        squares[some] = np.einsum("ij,ij->i", apart, apart)
    return in_metric(squares, metric)


def _thinned(first: Numbers, second: Numbers, weights: Floats, most: int) -> _Found:
    """At most so many pairs of each first face, evenly spaced, each with the weight of those that it stands for."""
    counts = np.bincount(first - first[0]) if len(first) else np.zeros(0, np.int64)
    if counts.max(initial=0) <= most:
        return first, second, weights
    kept = [
        start + (np.arange(count) if count <= most else np.arange(most) * count // most)
        for start, count in zip(np.cumsum(counts) - counts, counts, strict=True)
    ]
    chosen = np.concatenate(kept)
    larger = np.repeat(np.maximum(counts / most, 1.0), np.minimum(counts, most))
    return first[chosen], second[chosen], weights[chosen] * larger
