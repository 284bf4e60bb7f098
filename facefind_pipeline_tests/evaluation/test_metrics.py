"""Metrics, against scikit-learn where it has them and by hand where it has not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve

from facefind_pipeline.evaluation import metrics
from facefind_pipeline.evaluation.metrics import Ranking


def _ranking(hits: list[bool], relevant: int | None = None) -> Ranking:
    distances = np.arange(len(hits), dtype=float) / 10
    return Ranking(np.array(hits, dtype=bool), distances, sum(hits) if relevant is None else relevant)


some_hits = st.lists(st.booleans(), min_size=1, max_size=60).filter(any)


@given(some_hits)
def test_average_precision_is_scikit_learns(hits: list[bool]) -> None:
    ranking = _ranking(hits)
    assert metrics.average_precision(ranking) == pytest.approx(average_precision_score(hits, -ranking.distances))


@given(some_hits)
def test_best_f1_is_that_of_scikit_learns_curve(hits: list[bool]) -> None:
    ranking = _ranking(hits)
    precision, recall, thresholds = precision_recall_curve(hits, -ranking.distances)
    f1 = 2 * precision[:-1] * recall[:-1] / np.maximum(precision[:-1] + recall[:-1], 1e-12)
    best, distance = metrics.best_f1(ranking)
    assert best == pytest.approx(f1.max())
    assert distance is not None
    assert f1[np.flatnonzero(np.isclose(thresholds, -distance))[0]] == pytest.approx(best)


@given(some_hits, st.integers(0, 20))
def test_photos_that_were_never_ranked_count_as_lost(hits: list[bool], unranked: int) -> None:
    found = sum(hits)
    whole, short = _ranking(hits), _ranking(hits, found + unranked)
    share = found / (found + unranked)
    assert metrics.average_precision(short) == pytest.approx(metrics.average_precision(whole) * share)
    assert metrics.recall_at(short, len(hits)) == pytest.approx(share)


def test_figures_of_a_ranking_worked_out_by_hand() -> None:
    made = metrics.measure(_ranking([True, False, True, False, False], relevant=3))
    assert made.p_at_1 == 1
    assert made.p_at_10 == 0.2
    assert made.r_precision == pytest.approx(2 / 3)
    assert made.average_precision == pytest.approx((1 + 2 / 3) / 3)
    assert made.recall_at[1] == pytest.approx(1 / 3)
    assert (made.best_f1, made.best_f1_distance) == (pytest.approx(2 / 3), pytest.approx(0.2))


@pytest.mark.parametrize(("hits", "relevant", "share"), [([True] * 2 + [False] * 9, 4, 1 / 2), ([True] * 9, 20, 0.9)])
def test_precision_at_10_or_at_all_that_there_are(hits: list[bool], relevant: int, share: float) -> None:
    made = metrics.measure(_ranking(hits, relevant))
    assert made.p_at_10_or_relevant == share
    assert made.model_dump()["p_at_10_or_relevant"] == share


def test_a_cut_by_distance_does_not_part_equal_distances() -> None:
    ranking = Ranking(np.array([True, False, False]), np.array([1.0, 1.0, 1.0]), 1)
    assert metrics.best_f1(ranking) == (pytest.approx(0.5), 1.0)


def test_nothing_found_and_nothing_to_find() -> None:
    lost = metrics.measure(Ranking(np.zeros(0, bool), np.zeros(0), 2))
    assert (lost.average_precision, lost.best_f1, lost.best_f1_distance) == (0, 0, None)
    with pytest.raises(ValueError, match="no figures"):
        metrics.measure(_ranking([False]))


def test_precision_and_recall_of_all_people_together() -> None:
    recall, precision = metrics.precision_recall(
        [
            Ranking(np.array([True, False]), np.array([0.1, 0.4]), 2),
            Ranking(np.array([True]), np.array([0.2]), 2),
        ]
    )
    assert recall.tolist() == [0.25, 0.5, 0.5]
    assert precision.tolist() == pytest.approx([1, 1, 2 / 3])


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    held = 0
    for trial in range(200):
        low, high = metrics.interval(random.beta(8, 2, 40).tolist(), seed=trial)
        held += low <= 0.8 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_a_paired_interval_finds_a_difference_that_two_intervals_hide() -> None:
    random = np.random.default_rng(2)
    theirs = random.uniform(0.2, 1, 50)
    ours = theirs - 0.03 + random.normal(0, 0.02, 50)
    assert metrics.paired_interval(ours.tolist(), theirs.tolist())[1] < 0
    assert metrics.interval(ours.tolist())[1] > metrics.interval(theirs.tolist())[0]
