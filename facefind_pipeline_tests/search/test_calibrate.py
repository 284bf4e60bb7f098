"""What distances mean at events of many kinds, whose people are sampled (synthetic); and the cuts that follow."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.in_memory import Event, Figures, figures, search
from facefind_pipeline.search.calibrate import ENOUGH, Evidence, Learnt, calibrate, learn
from facefind_pipeline.search.calibration import (
    LIKELY,
    LIKELY_FALSE,
    LIKELY_RATE,
    NEAREST_REFERENCE,
    SCORE,
    SURE,
    Calibration,
    Line,
)
from facefind_pipeline.search.histogram import Histogram
from facefind_pipeline.search.priors import DLIB
from facefind_pipeline.search.two_groups import TwoGroups
from facefind_pipeline_tests.search.sampled import People, event_of

RATES = (1e-2, 1e-3)
PEOPLE = Line(-0.22, 0.115)
GENUINE = Line(-0.88, 0.17)
KNOWN = Learnt(TwoGroups(PEOPLE, PEOPLE, DLIB.genuine), 4_000, 1.0, 0.0)


def _figures(event: Event, prior: TwoGroups | None = DLIB) -> Figures:
    return figures(event, search(event, prior), RATES)


def _shown_cut(event: Event, prior: TwoGroups | None = DLIB) -> float:
    return search(event, prior).calibrations[SCORE].shown_cut


def _check_rates(found: Figures) -> None:
    for rate, nearer in found.nearer.items():
        assert rate / 3 < sum(nearer) / sum(found.strangers) < 3 * rate, rate


def test_in_a_crowd_a_stated_rate_is_measured() -> None:
    _check_rates(_figures(People(1).crowd(40, 160, 6, 2)))


def test_an_unknown_embedder_s_scale_is_learnt() -> None:
    event = replace(People(1, shared=0.2).crowd(40, 160, 6, 2), metric="cosine")
    _check_rates(_figures(event, None))


def test_small_faces_that_look_alike_move_it() -> None:
    event = People(2).crowd(40, 160, 6, 2)
    small = replace(
        event, vectors=0.85 * event.vectors, references={name: 0.85 * one for name, one in event.references.items()}
    )
    _check_rates(_figures(small))
    assert _shown_cut(small) < 0.92 * _shown_cut(event)


@pytest.mark.parametrize("people", [5, 8])
def test_where_people_stand_alone_what_is_right_is_shown(people: int) -> None:
    found = [_figures(People(seed).portraits(people, 7)) for seed in range(8)]
    assert sum(one.likely_above for one in found) >= 0.95 * sum(one.above for one in found)
    assert sum(one.likely for one in found) >= 0.9 * sum(one.relevant for one in found)
    assert max(one.most_false for one in found) <= 1


@pytest.mark.parametrize("strangers", [0, 10])
def test_one_person_in_twenty_photos(strangers: int) -> None:
    found = [_figures(People(seed).portraits(1, 20 - strangers, strangers=strangers)) for seed in range(8)]
    assert sum(one.likely_above for one in found) >= 0.95 * sum(one.above for one in found)
    assert max(one.most_false for one in found) <= 1


def test_five_people_in_a_fifth_of_all_photos_each() -> None:
    found = _figures(People(3).portraits(5, 70))
    assert found.likely >= 0.97 * found.relevant
    assert found.false <= found.people


def test_five_hundred_people() -> None:
    found = _figures(People(4).crowd(500, 150, 8, 2))
    assert found.likely >= 0.9 * found.relevant
    assert found.false <= 2 * found.people


@pytest.mark.parametrize("people", [5, 8])
def test_a_hundred_posters_of_one_guest_keep_the_cuts(people: int) -> None:
    for seed in range(4):
        cut, with_posters = (_shown_cut(People(seed).portraits(people, 7, posters=posters)) for posters in (0, 100))
        assert with_posters == pytest.approx(cut, rel=0.1)


def test_false_faces_that_look_alike_keep_the_cuts() -> None:
    # Boxes that are no faces: as many as there are faces, alike, side by side in photos.
    event, others = People(5).crowd(20, 100, 4, 1), People(6)
    texture = others.person()
    false = np.array([texture + 1.5 * (others.picture(texture) - texture) for _ in event.photos])
    order = np.argsort(np.tile(event.photos, 2), kind="stable")
    both = replace(event, photos=np.tile(event.photos, 2)[order], vectors=np.concatenate([event.vectors, false])[order])
    assert _shown_cut(both) == pytest.approx(_shown_cut(event), rel=0.1)


def test_of_an_unknown_embedder_and_few_faces_nothing_is_said() -> None:
    few = People(7).portraits(2, 8)
    assert len(few.vectors) ** 2 / 2 < ENOUGH
    assert search(few, None).calibrations == {}
    assert search(few, DLIB).calibrations


def test_without_any_face_what_is_known_is_left() -> None:
    nothing = Evidence(np.zeros(0), np.zeros((0, 0)), np.zeros((0, 3)))
    assert learn(None, nothing) is None
    left = learn(DLIB, nothing)
    assert left is not None
    assert left.groups.tail.at(1e-3) == pytest.approx(DLIB.tail.at(1e-3))
    assert replace(left, groups=DLIB) == Learnt(DLIB, 0, 1.0, DLIB.prevalence)


def test_the_picture_that_a_reference_was_cut_from_is_sure() -> None:
    made = People(8)
    face = made.picture(made.person())
    calibration = search(event_of([[face]], {"ada": face}, {"ada": {0}}), DLIB).calibrations[SCORE]
    assert calibration.bands([0.0]) == ["sure"]
    assert calibration.probability(0.0) >= SURE


def _calibrated(impostor: int, genuine: int) -> tuple[Calibration, np.ndarray, np.ndarray]:
    """A calibration of so many scores, with those scores and whether each is genuine."""
    scores = np.concatenate([_sample(PEOPLE, impostor, seed=5), _sample(GENUINE, genuine, seed=6)])
    histogram = Histogram()
    histogram.add(scores)
    made = calibrate(KNOWN, histogram.counts, histogram.counts, len(scores) // 50)
    assert made[SCORE] == made[NEAREST_REFERENCE]
    return made[SCORE], scores, np.arange(len(scores)) >= impostor


def _sample(line: Line, n: int, seed: int = 1) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(line.location, line.spread, n))


def test_probabilities_are_right_as_often_as_they_say() -> None:
    made, scores, genuine = _calibrated(50_000, 700)
    assert made.prevalence == pytest.approx(700 / 50_700, rel=0.2)
    probabilities = np.array([made.probability(score) for score in scores])
    for low, high in ((0.05, 0.3), (0.3, 0.7), (0.7, 0.95), (0.95, 1.01)):
        said = (probabilities >= low) & (probabilities < high)
        assert genuine[said].mean() == pytest.approx(probabilities[said].mean(), abs=0.12), (low, high)


def test_where_nobody_is_found_nothing_is_sure() -> None:
    made, scores, _ = _calibrated(20_000, 0)
    assert made.bands(scores).count("sure") <= 2


@given(st.lists(st.floats(1e-6, 50), min_size=2, max_size=20), st.integers(0, 400))
@settings(deadline=None)
def test_a_probability_never_rises_with_the_score(scores: list[float], genuine: int) -> None:
    made, _, _ = _calibrated(2_000, genuine)
    probabilities = [made.probability(score) for score in sorted(scores)]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= probability <= 1 for probability in probabilities)


lines = st.builds(Line, st.floats(-3, 1), st.floats(0.02, 1))


@given(lines, lines, st.floats(1e-6, 0.9), st.lists(st.just(0.0) | st.floats(1e-9, 10), min_size=1))
def test_what_is_sure_is_so_by_its_probability(
    impostor: Line, genuine: Line, prevalence: float, scores: list[float]
) -> None:
    made = Calibration(0, impostor, impostor, genuine, prevalence, 100)
    for score, band in zip(scores, made.bands(scores), strict=True):
        assert band != "sure" or made.probability(score) >= SURE - 1e-9


def test_what_is_sure_ends_where_its_probability_does() -> None:
    made, _, _ = _calibrated(50_000, 700)
    cut = made.sure_cut
    assert made.probability(cut * 0.999) >= SURE > made.probability(cut * 1.01)
    assert replace(made, prevalence=1e-9, genuine=made.impostor).bands([0.0]) != ["sure"]


@pytest.mark.parametrize("faces", [100, 1_000, 100_000])
def test_likely_lets_in_few_photos_of_others_a_person_whatever_the_event_s_size(faces: int) -> None:
    made, _, _ = _calibrated(50_000, 700)
    made = replace(made, faces=faces, prevalence=1e-4)
    others = _sample(PEOPLE, 4_000_000, seed=10)
    wanted = min(LIKELY_FALSE, faces * LIKELY_RATE)
    assert wanted / 2 < (others <= made.likely_cut).mean() * faces < 2 * wanted


def test_what_is_more_likely_than_not_is_likely() -> None:
    made, _, _ = _calibrated(400, 100)
    made = replace(made, faces=10_000)
    assert made.impostor.at(LIKELY_FALSE / made.faces) < made.likely_cut
    assert made.probability(made.likely_cut) == pytest.approx(LIKELY, abs=1e-6)


def test_bands() -> None:
    made, _, _ = _calibrated(50_000, 700)
    sure, likely = made.sure_cut, made.likely_cut
    assert 0 < sure < likely
    assert made.bands([sure * 0.99, sure * 1.01, likely * 0.99, likely * 1.01]) == [
        *("sure", "likely", "likely", "unlikely"),
    ]
