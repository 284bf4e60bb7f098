"""A set's evaluation from its rows: figures, slices, the calibration's truth, and that nothing is computed twice."""

import numpy as np
import pytest

from facefind_pipeline.evaluation.evaluate import compute_figures, evaluate_set, read_evaluation
from facefind_pipeline.evaluation.figures import PersonCut
from facefind_pipeline.evaluation.losses import Reason
from facefind_pipeline.evaluation.truth_facts import read_truth_facts, same_picture
from facefind_pipeline.search.calibration import read_calibration, write_calibrations
from facefind_pipeline.search.find import find_person
from facefind_pipeline.store import feedback, parameter_sets, people, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.store.truth import TruthList, TruthRow
from facefind_pipeline_tests.evaluation.event import choose_by_clothes, move_by_clothes, refresh, write_truth
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


def test_a_photo_that_the_list_leaves_out_is_neither_true_nor_false(
    database: Database, event: dict[str, Photo]
) -> None:
    write_truth(database, event, "near.jpg", "far.jpg", leave_out={"stranger.jpg": True, "late.jpg": True})
    with database.connect() as connection:
        figures = compute_figures(connection, KEY)
    (ada,) = figures.people
    assert (ada.relevant, ada.average_precision, ada.nearest_reference_average_precision) == (2, 1, 1)
    assert sorted(ada.left_out) == ["late.jpg", "stranger.jpg"]
    assert sum(group.photos for group in figures.calibration.reliability) == 3


def test_the_photo_that_a_reference_was_cut_from_is_left_out_by_itself(database: Database, event) -> None:
    with database.connect() as connection:
        cut_from = [Photo("cut from.jpg", "6", [vector(0, 9), vector(0.1)]), Photo("burst.jpg", "7", [vector(0.15)])]
        write_all(connection, partition(connection, "sunday"), cut_from)
    refresh(database)
    write_truth(database, event, "near.jpg")
    with database.connect() as connection:
        (ada,) = compute_figures(connection, KEY).people
    # Of two that are as near as that the nearest, and none of a distance at which people's photos lie.
    assert ada.left_out == ["cut from.jpg"]
    assert ada.average_precision == pytest.approx(1 / 2)


def test_a_photo_that_is_a_reference_is_left_out_by_itself(database: Database, event: dict[str, Photo]) -> None:
    with database.connect() as connection:
        own = ReferencePhoto(Person("ada", "Ada"), "whole.jpg", event["late.jpg"].content.encode())
        people.add_reference(connection, own, "command")
    write_truth(database, event, "near.jpg", "late.jpg", "missed.jpg")
    with database.connect() as connection:
        figures = compute_figures(connection, KEY)
    (ada,) = figures.people
    assert (ada.left_out, ada.relevant) == (["late.jpg"], 2)
    assert ada.average_precision == pytest.approx((1 + 2 / 4) / 2)


def test_a_list_may_say_that_such_a_photo_counts(database: Database, event: dict[str, Photo]) -> None:
    with database.connect() as connection:
        own = ReferencePhoto(Person("ada", "Ada"), "whole.jpg", event["late.jpg"].content.encode())
        people.add_reference(connection, own, "command")
    write_truth(database, event, "near.jpg", leave_out={"late.jpg": False})
    with database.connect() as connection:
        (ada,) = compute_figures(connection, KEY).people
    assert (ada.left_out, ada.relevant) == ([], 2)


def test_of_an_unknown_embedder_only_the_same_vector_is_of_the_same_picture(database: Database) -> None:
    assert same_picture("hog-up0-px640@dlib") == pytest.approx(0.208, abs=0.001)
    assert same_picture("hog-up0-px640@imgbeddings") == 1e-3


def test_photos_in_nobodys_truth_are_left_out_where_the_list_says_so(database: Database, event) -> None:
    with database.connect() as connection:
        bob = write_person(connection, partition(connection, "friday"), "Bob", [vector(0, 0.4)])
        truth.write_list(connection, TruthList("bob.csv", [TruthRow("bob", event["stranger.jpg"].sha256)]), "command")
    refresh(database)
    for listed in (True, False):
        write_truth(database, event, "missed.jpg", unlabelled_left_out=listed)
        with database.connect() as connection:
            by_name = {one.person: one for one in compute_figures(connection, KEY).people}
        # Of those ranked before it one is another person's, of whom the list's people are none.
        assert by_name["ada"].average_precision == pytest.approx(1 / 2 if listed else 1 / 5)
        assert by_name["ada"].unlabelled == (3 if listed else 0)
        assert by_name[bob.key].unlabelled == 0


def test_what_sure_and_likely_let_in_for_one_person(database: Database, event: dict[str, Photo]) -> None:
    write_truth(database, event, "late.jpg", "missed.jpg")
    with database.connect() as connection:
        figures = compute_figures(connection, KEY)
        chosen, calibration = parameter_sets.find(connection, KEY), read_calibration(connection, KEY)
        shown = find_person(connection, chosen, Person("ada", "Ada"), bands=["sure", "likely"]).matches
    (ada,) = figures.people
    assert calibration is not None
    assert {match.photo for match in shown} == {"near.jpg", "late.jpg"}
    assert ada.cuts["likely"] == PersonCut(found=1, false_matches=1, recall=0.5)
    for cut in figures.calibration.cuts[1:]:  # the set's are those of its people together
        assert (cut.recall, cut.false_matches_per_person) == (ada.cuts[cut.cut].recall, ada.cuts[cut.cut].false_matches)


def test_without_a_calibration_nobody_knows_what_is_let_in(database: Database, event: dict[str, Photo]) -> None:
    write_truth(database, event, "near.jpg")
    with database.connect() as connection:
        write_calibrations(connection, KEY, {})
        (ada,) = compute_figures(connection, KEY).people
    assert ada.cuts == {}


def test_where_clothes_counted_the_face_alone_has_figures_too(database: Database, event: dict[str, Photo]) -> None:
    write_truth(database, event, "near.jpg", "far.jpg")
    move_by_clothes(database, event, "far.jpg", above="stranger.jpg")
    figures = evaluate_set(database, KEY).figures
    alone = figures.without_clothes
    assert figures.people[0].average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert alone.people[0].average_precision == pytest.approx((1 + 2 / 4) / 2)
    assert figures.summary.clothes_gain.mean == pytest.approx(1 / 12)
    assert (alone.without_clothes, alone.summary.clothes_gain) == (None, None)
    with database.connect() as connection:
        assert read_evaluation(connection, KEY).figures == figures
    printed = figures.as_json(curves=False)
    assert "curves" not in printed.keys() | printed["without_clothes"].keys()


def test_without_clothes_each_photo_has_its_best_face_by_the_face_alone(
    database: Database, event: dict[str, Photo]
) -> None:
    write_truth(database, event, "far.jpg")
    with database.connect() as connection:
        before = read_truth_facts(connection, KEY)
    choose_by_clothes(database, event["far.jpg"], number=1)
    move_by_clothes(database, event, "far.jpg", above="stranger.jpg")
    with database.connect() as connection:
        figures = compute_figures(connection, KEY)
        widths = [
            [one.slice for one in ranking.slices if one.by == "face width"]
            for ranking in (figures, figures.without_clothes)
        ]
        assert widths == [["above 120 px"], ["below 60 px"]]
        after = read_truth_facts(connection, KEY, clothes=False)
    (was,), (far,) = [[fact for fact in facts if fact.relevant] for facts in (before, after)]
    assert (far.distance, far.rival, far.rival_distance) == (was.distance, was.rival, was.rival_distance)


def test_where_clothes_moved_nothing_there_is_one_ranking(database: Database, event: dict[str, Photo]) -> None:
    write_truth(database, event, "near.jpg", "far.jpg")
    with database.connect() as connection:
        figures = compute_figures(connection, KEY)
    assert (figures.without_clothes, figures.summary.clothes_gain) == (None, None)


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
