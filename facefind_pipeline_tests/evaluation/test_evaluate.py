"""A set's evaluation from its rows: figures, slices, the calibration's truth, and that nothing is computed twice."""

import numpy as np
import pytest

from facefind_pipeline.evaluation.evaluate import compute_figures, evaluate_set, read_evaluation
from facefind_pipeline.evaluation.losses import Reason
from facefind_pipeline.store import feedback, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.truth import TruthList, TruthRow
from facefind_pipeline_tests.evaluation.event import refresh, write_truth
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, vector, write_all, write_person


def test_figures_of_both_rankings(database: Database, event: dict[str, Photo]) -> None:
    write_truth(database, event, "near.jpg", "far.jpg", "late.jpg", "missed.jpg")
    with database.connect() as connection:
        figures = compute_figures(connection, KEY)
    (ada,) = figures.people
    # near, late, far, stranger, missed by template; stranger before far by the reference alone.
    assert ada.average_precision == pytest.approx((1 + 1 + 1 + 4 / 5) / 4)
    assert ada.nearest_reference_average_precision == pytest.approx((1 + 1 + 3 / 4 + 4 / 5) / 4)
    assert ada.recall_at[5] == 1
    assert figures.summary.gain.mean == pytest.approx(1 / 16)
    assert [(loss.photo, loss.reason) for loss in figures.losses] == [("missed.jpg", Reason.OUTRANKED)]
    found = {(one.by, one.slice): (one.photos, one.found) for one in figures.slices}
    assert found["faces in the photo", "1"] == (3, pytest.approx(2 / 3))
    assert found["faces in the photo", "2-5"] == (1, 1)
    assert found["face width", "below 60 px"] == (4, 0.75)


@pytest.mark.parametrize("names", [(), ("near.jpg", "missed.jpg")])
def test_stored_figures_are_read_as_they_were_computed(database: Database, event, names: tuple[str, ...]) -> None:
    write_truth(database, event, *names)
    computed = evaluate_set(database, KEY).figures
    with database.connect() as connection:
        stored = read_evaluation(connection, KEY)
    assert stored is not None
    assert stored.figures == computed


def test_a_partial_list_judges_its_days_only(database: Database, event: dict[str, Photo]) -> None:
    write_truth(database, event, "late.jpg", days=("saturday",))
    with database.connect() as connection:
        figures = compute_figures(connection, KEY)
    (ada,) = figures.people
    assert (ada.relevant, ada.average_precision, figures.losses) == (1, 1, [])


def test_a_photo_that_moved_to_a_day_that_is_not_covered_counts_no_more(database, event) -> None:
    write_truth(database, event, "late.jpg", days=("saturday",))
    with database.connect() as connection:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE photos SET event_day = 'friday' WHERE path = 'late.jpg'")
        figures = compute_figures(connection, KEY)
    assert (figures.people, figures.losses, figures.summary) == ([], [], None)


def test_the_calibration_is_checked_against_truth(database: Database, event: dict[str, Photo]) -> None:
    write_truth(database, event, "near.jpg", "late.jpg")
    with database.connect() as connection:
        check = compute_figures(connection, KEY).calibration
    assert [rate.measured for rate in check.rates] == [0, 0]  # no stranger is near
    cuts = {cut.cut: (cut.false_matches_per_person, cut.recall) for cut in check.cuts}
    assert cuts["sure"] == (0, 1)
    assert sum(group.photos for group in check.reliability) == len(event)


def test_only_what_changed_is_recomputed(database: Database, event: dict[str, Photo]) -> None:
    write_truth(database, event, "near.jpg", "late.jpg")
    first = evaluate_set(database, KEY)
    second = evaluate_set(database, KEY)
    assert (first.recomputed, second.recomputed) == (True, False)
    assert (second.version, second.figures) == (first.version, first.figures)
    write_truth(database, event, "near.jpg")
    changed = evaluate_set(database, KEY)
    assert (changed.recomputed, changed.version != first.version) == (True, True)
    with database.connect() as connection:
        feedback.say(connection, "ada", event["stranger.jpg"].sha256, None)
    refresh(database)
    assert evaluate_set(database, KEY).recomputed


def test_figures_of_results_that_were_old_are_not_taken_for_those_of_new_ones(database, event) -> None:
    write_truth(database, event, "near.jpg", "missed.jpg")
    with database.connect() as connection:
        write_person(connection, partition(connection, "friday"), "Ada", [vector(0, 0, 4)])
    old = evaluate_set(database, KEY)
    refresh(database)
    new = evaluate_set(database, KEY)
    assert (new.recomputed, old.version != new.version) == (True, True)
    assert new.figures.people != old.figures.people


def test_fifty_people_and_their_photos_come_in_one_query(database: Database) -> None:
    random = np.random.default_rng(1)
    with database.connect() as connection:
        into = partition(connection, "friday")
        centres = random.normal(0, 0.5, (50, 128)).astype(np.float32) / 8
        shots = [Photo(f"{n}.jpg", str(n), [centres[n % 50], centres[(n * 7 + 1) % 50]]) for n in range(160)]
        write_all(connection, into, shots)
        rows = []
        for number, centre in enumerate(centres):
            person = write_person(connection, into, f"P{number}", [centre])
            rows += [TruthRow(person.key, shot.sha256) for n, shot in enumerate(shots)
                     if number in (n % 50, (n * 7 + 1) % 50)]  # fmt: skip
        truth.write_list(connection, TruthList("all.csv", rows), "command")
    refresh(database)
    with database.connect() as connection:
        figures = compute_figures(connection, KEY)
    assert figures.summary.people == 50
    assert figures.summary.average_precision.mean == 1
    assert figures.losses == []
