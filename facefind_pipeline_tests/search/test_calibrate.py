"""What distances mean: against samples whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.search import calibrate
from facefind_pipeline.search.calibrate import Impostors, impostors
from facefind_pipeline.search.calibration import LIKELY_FALSE, LIKELY_RATE, SURE, Calibration, Line

PEOPLE = Line(-0.22, 0.115)  # dlib's, roughly
GENUINE = Line(-0.88, 0.17)


def _sample(line: Line, n: int, seed: int = 1) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(line.location, line.spread, n))


@pytest.mark.parametrize("rate", [1e-2, 1e-3])
def test_the_threshold_at_a_rate_has_that_rate_on_other_impostors(rate: float) -> None:
    lines = impostors(_sample(PEOPLE, 4_000))
    assert lines is not None
    actual = (_sample(PEOPLE, 400_000, seed=2) <= lines.tail.at(rate)).mean()
    assert rate / 2 < actual < rate * 2


@pytest.mark.parametrize("share", [0.005, 0.02])
def test_mirrors_posters_and_collages_hardly_move_it(share: float) -> None:
    # One person twice in a photo: nearer than two people ever are. A reflection or print is nearly the same picture.
    mirrors = _sample(Line(-1.2, 0.2), int(4_000 * share), seed=3)
    lines = impostors(np.concatenate([_sample(PEOPLE, 4_000), mirrors, [0.0]]))
    assert lines is not None
    actual = (_sample(PEOPLE, 400_000, seed=2) <= lines.tail.at(1e-3)).mean()
    assert 1e-3 / 3 < actual < 3e-3


def test_people_who_look_alike_lower_the_threshold() -> None:
    alike = _sample(Line(-0.5, 0.1), 120, seed=4)
    lines = impostors(np.concatenate([_sample(PEOPLE, 4_000), alike]))
    assert lines is not None
    assert lines.tail.at(1e-3) < 0.93 * lines.bulk.at(1e-3)


def test_a_few_pairs_are_no_sample() -> None:
    assert impostors(_sample(PEOPLE, calibrate.ENOUGH - 1)) is None
    assert impostors(np.zeros(1_000)) is None


def _calibrated(impostor: int, genuine: int) -> tuple[Calibration, np.ndarray, np.ndarray]:
    """A calibration of so many scores, with those scores and whether each is genuine."""
    scores = np.concatenate([_sample(PEOPLE, impostor, seed=5), _sample(GENUINE, genuine, seed=6)])
    edges = np.linspace(-3, 1, 401)
    counts, _ = np.histogram(np.log(scores), edges)
    made = calibrate.calibrate(Impostors(4_000, PEOPLE, PEOPLE, PEOPLE), edges, counts, counts, len(scores) // 50)
    return made, scores, np.arange(len(scores)) >= impostor


def test_references_in_another_light_move_the_threshold_with_them() -> None:
    # Impostors lie a fifth farther from references than from faces of their own photo, and 3 % of faces are genuine.
    known = impostors(_sample(PEOPLE, 4_000))
    assert known is not None
    farther = Line(PEOPLE.location + 0.2, PEOPLE.spread)
    edges = np.linspace(-3, 1, 401)
    asked = np.log(np.concatenate([_sample(farther, 20_000, seed=7), _sample(GENUINE, 600, seed=8)]))
    counts, _ = np.histogram(asked, edges)
    made = calibrate.calibrate(known, edges, counts, counts, 20_600)
    actual = (_sample(farther, 400_000, seed=9) <= made.threshold(1e-3)).mean()
    assert 1e-3 / 3 < actual < 3e-3


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
def test_a_probability_never_rises_with_the_score(scores: list[float], genuine: int) -> None:
    made, _, _ = _calibrated(2_000, genuine)
    probabilities = [made.probability(score) for score in sorted(scores)]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= probability <= 1 for probability in probabilities)


def test_what_is_sure_ends_where_its_probability_does() -> None:
    made, _, _ = _calibrated(50_000, 700)
    cut = made.sure_cut
    assert made.probability(cut * 0.999) >= SURE > made.probability(cut * 1.01)
    assert replace(made, prevalence=1e-9, genuine=made.impostor).sure_cut == 0


@pytest.mark.parametrize("faces", [100, 1_000, 100_000])
def test_likely_lets_in_few_photos_of_others_a_person_whatever_the_event_s_size(faces: int) -> None:
    made, _, _ = _calibrated(50_000, 700)
    made = replace(made, faces=faces)
    others = _sample(PEOPLE, 4_000_000, seed=10)
    wanted = min(LIKELY_FALSE, faces * LIKELY_RATE)
    assert wanted / 2 < (others <= made.likely_cut).mean() * faces < 2 * wanted


def test_bands() -> None:
    made, _, _ = _calibrated(50_000, 700)
    sure, likely = made.sure_cut, made.likely_cut
    assert 0 < sure < likely
    assert made.bands([sure * 0.99, sure * 1.01, likely * 0.99, likely * 1.01]) == [
        *("sure", "likely", "likely", "unlikely"),
    ]
