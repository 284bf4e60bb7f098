"""Pairs that are near enough to tell something, against all pairs; and that a face keeps only so many."""

import numpy as np
import pytest

from facefind_pipeline.search import neighbours as module
from facefind_pipeline.search.distances import in_metric, on_grid
from facefind_pipeline.search.neighbours import neighbours
from facefind_pipeline_tests.search.guests import EVIDENCE, guests


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("side", [7, 4096])
def test_pairs_are_all_within_reach(monkeypatch: pytest.MonkeyPatch, metric: str, side: int) -> None:
    monkeypatch.setattr(module, "ROWS", side)  # many blocks, or all in one
    monkeypatch.setattr(module, "COLUMNS", side + 3)
    event = guests(3, people=5, each=8, strangers=30)
    vectors = on_grid(event.vectors, metric)
    shifts = np.random.default_rng(0).normal(0, 0.05, len(vectors))
    found = neighbours(vectors, shifts, metric, EVIDENCE)
    squares = ((vectors[:, None] - vectors) ** 2).sum(axis=2)
    told = EVIDENCE.of(in_metric(squares, metric) * np.exp(-(shifts[:, None] + shifts) / 2)) - EVIDENCE.least
    first, second = np.nonzero(np.triu(told, 1) > 0)
    assert (found.first.tolist(), found.second.tolist()) == (first.tolist(), second.tolist())
    assert found.evidence == pytest.approx(told[first, second])
    assert 50 < len(first) < len(vectors) ** 2 / 4


def test_a_face_keeps_so_many_pairs_and_they_count_for_all() -> None:
    vectors = on_grid(np.random.default_rng(0).normal(0, 0.02, (300, 32)), "l2")
    every = neighbours(vectors, np.zeros(300), "l2", EVIDENCE, most=300)
    assert len(every.first) == 300 * 299 / 2
    few = neighbours(vectors, np.zeros(300), "l2", EVIDENCE, most=20)
    assert np.bincount(few.first).max() == 20
    assert few.evidence.sum() == pytest.approx(every.evidence.sum(), rel=0.01)
