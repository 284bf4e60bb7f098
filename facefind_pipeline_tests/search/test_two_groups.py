"""Two people's distances and one person's, told apart: against samples whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facefind_pipeline.search.calibration import Line
from facefind_pipeline.search.histogram import Histogram
from facefind_pipeline.search.priors import DLIB, prior_of
from facefind_pipeline.search.two_groups import WORTH, TwoGroups, move, separate

PEOPLE = Line(-0.22, 0.115)
MOVED = Line(-0.35, 0.12)  # small faces look alike


def sample(line: Line, n: int, seed: int = 1) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(line.location, line.spread, n))


def counted(*samples: np.ndarray) -> np.ndarray:
    histogram = Histogram()
    for one in samples:
        histogram.add(one)
    return histogram.counts


@pytest.mark.parametrize("rate", [1e-2, 1e-3])
def test_of_many_pairs_the_near_tail_is_theirs(rate: float) -> None:
    made, _ = move(DLIB, counted(sample(PEOPLE, 20_000)), 20_000, learns_tail=True)
    actual = (sample(PEOPLE, 400_000, seed=2) <= made.tail.at(rate)).mean()
    assert rate / 2 < actual < rate * 2


@pytest.mark.parametrize("share", [0.005, 0.05])
def test_mirrors_posters_and_collages_hardly_move_it(share: float) -> None:
    without, _ = move(DLIB, counted(sample(PEOPLE, 4_000)), 4_000, learns_tail=True)
    same = sample(Line(-1.2, 0.2), int(4_000 * share), seed=3), np.zeros(int(4_000 * share))
    with_them, _ = move(DLIB, counted(sample(PEOPLE, 4_000), *same), 4_000, learns_tail=True)
    for rate in (1e-2, 1e-3):
        assert with_them.tail.at(rate) == pytest.approx(without.tail.at(rate), rel=0.03)


def test_a_few_pairs_hardly_move_what_is_known() -> None:
    # As at an event of portraits: pairs in one photo were an audience, and the same person twice.
    odd = counted(sample(Line(-0.5, 0.33), 40))
    made, _ = move(DLIB, odd, 40, learns_tail=True)
    assert made.tail.at(1e-3) == pytest.approx(DLIB.tail.at(1e-3), rel=0.12)
    assert made.far.location == pytest.approx(DLIB.far.location, abs=0.04)


@given(st.integers(0, 100_000))
@settings(deadline=None)
def test_an_event_moves_it_by_how_many_independent_distances_it_has(independent: int) -> None:
    made, _ = move(DLIB, counted(sample(MOVED, 5_000)), independent)
    part = independent / (independent + WORTH)
    assert made.far.location == pytest.approx(DLIB.far.location + part * (MOVED.location - DLIB.far.location), abs=0.03)
    stretch = made.far.spread / DLIB.far.spread
    assert made.tail.spread == pytest.approx(stretch * DLIB.tail.spread)


def test_distances_of_one_person_alone_say_nothing_of_two_people() -> None:
    made, share = move(DLIB, counted(sample(DLIB.genuine, 200)), 200)
    assert made.far.location == pytest.approx(DLIB.far.location, abs=0.03)
    assert made.prevalence > 0.9
    assert share[0] > 0.999


def test_copies_of_the_reference_do_not_widen_what_is_genuine() -> None:
    found = counted(sample(PEOPLE, 5_000), sample(DLIB.genuine, 100, seed=4), np.zeros(20))
    made = separate(DLIB, found, 5_000)
    assert made.genuine.spread < 1.6 * DLIB.genuine.spread


@given(st.lists(st.floats(1e-9, 100), max_size=30), st.booleans())
@settings(deadline=None)
def test_whatever_the_distances_a_nearer_one_is_no_less_genuine(distances: list[float], learns: bool) -> None:
    found = counted(np.array(distances))
    moved, share = move(DLIB, found, len(distances), learns_tail=learns)
    assert (np.diff(share) <= 0).all()
    for made in (moved, separate(DLIB, found, len(distances))):
        assert 0 < made.prevalence < 1
        numbers = [number for line in (made.far, made.tail, made.genuine) for number in (line.location, line.spread)]
        assert np.isfinite(numbers).all()
        assert min(made.far.spread, made.tail.spread, made.genuine.spread) > 0


def test_what_is_known_is_found_by_the_embedder() -> None:
    assert prior_of("yunet-st0.60-px1280-sl2000@dlib") is DLIB
    assert prior_of("hog-up1-px2000@dlib") is DLIB
    assert prior_of("haar-sf1.05-mn2-ms100@imgbeddings") is None
    assert prior_of("hog-up1-px2000@arcface-buffalo") is None


def test_a_moved_prior_keeps_its_shape() -> None:
    moved = DLIB.moved(MOVED)
    for rate in (1e-3, 1e-2):
        before = (np.log(DLIB.tail.at(rate)) - DLIB.far.location) / DLIB.far.spread
        assert (np.log(moved.tail.at(rate)) - MOVED.location) / MOVED.spread == pytest.approx(before)
    assert isinstance(moved, TwoGroups)
