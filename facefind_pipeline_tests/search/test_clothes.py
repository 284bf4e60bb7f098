"""What clothes tell on a day, as a model: learnt, bounded, monotone; and how it moves a score."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from facefind_pipeline.search.calibration import Calibration, Line
from facefind_pipeline.search.clothes import ALIKE, HIDDEN, DayEvidence, learn_clothes, log_odds
from facefind_pipeline.search.shift import Shift

DLIB_LIKE = Calibration(0, Line(-0.1, 0.18), Line(-0.22, 0.11), Line(-1.0, 0.28), 0.01, 500)
SIMILARITY = st.floats(0, 1)
ODDS = st.floats(-3.9, 4.6)


def _similarities(distance: float, count: int) -> np.ndarray:
    return 1 - distance * np.exp(np.random.default_rng(count).normal(0, 0.3, count))


def _odds(similarity: float, location: float, spread: float, separation: float) -> float:
    evidence = DayEvidence(location=location, spread=spread, separation=separation)
    return log_odds(np.array([similarity]), evidence).item()


@given(SIMILARITY, SIMILARITY, st.floats(-3, 0), st.floats(0.05, 2), st.floats(0, 8))
def test_more_alike_clothes_never_count_less_and_all_are_bounded(
    one: float, other: float, location: float, spread: float, separation: float
) -> None:
    odds = [_odds(similarity, location, spread, separation) for similarity in sorted([one, other])]
    assert odds[0] <= odds[1] + 1e-9
    assert -log((1 - HIDDEN) / HIDDEN) - 0.02 <= odds[0]
    assert odds[1] <= log((1 - ALIKE) / ALIKE) + 0.02


@given(SIMILARITY, st.floats(-3, 0), st.floats(0.05, 2))
def test_clothes_that_tell_nothing_add_nothing(similarity: float, location: float, spread: float) -> None:
    assert _odds(similarity, location, spread, 0) == pytest.approx(0, abs=1e-12)


def test_a_few_comparisons_tell_less_than_many_of_the_same_kind() -> None:
    same, others = _similarities(0.15, 400), _similarities(0.5, 400)
    separations = [learn_clothes(same, others, (count, 400)).separation for count in (4, 10, 40, 400)]
    assert 0 < separations[0] < separations[1] < separations[2] < separations[3] < 5


@pytest.mark.parametrize("count", [3, 20, 2_000])
def test_where_people_are_dressed_alike_clothes_tell_nothing(count: int) -> None:
    assert learn_clothes(_similarities(0.3, count), _similarities(0.3, 3 * count), (count, count)).separation == 0


def test_without_comparisons_clothes_tell_nothing() -> None:
    some, none = _similarities(0.2, 5), np.zeros(0)
    for same, others in ((some, none), (none, some), (none, none)):
        assert learn_clothes(same, others, (len(same), len(others))).separation == 0


@given(st.floats(0.2, 0.75), ODDS)
def test_a_moved_score_has_the_probability_that_follows(score: float, odds: float) -> None:
    moved = Shift(DLIB_LIKE).moved(np.array([score]), np.array([odds])).item()
    near, far = DLIB_LIKE.falling
    assume(exp(near) < moved < exp(far))
    expected = 1 / (1 + exp(-DLIB_LIKE.log_odds(score) - odds))
    assert DLIB_LIKE.probability(moved) == pytest.approx(expected, abs=2e-3)


@given(st.floats(0, 3), st.floats(0, 3), ODDS, ODDS)
def test_scores_keep_their_order_and_odds_move_them_one_way(one: float, other: float, odds: float, more: float) -> None:
    shift = Shift(DLIB_LIKE)
    low, high = shift.moved(np.array(sorted([one, other])), np.array([odds, odds]))
    assert low <= high
    farther, nearer = shift.moved(np.array([one, one]), np.array(sorted([odds, more])))
    assert nearer <= farther


@given(st.floats(0, 3))
def test_odds_of_nought_leave_a_score_as_it_is(score: float) -> None:
    assert Shift(DLIB_LIKE).moved(np.array([score]), np.zeros(1)).item() == score
