"""A set's evaluation from its rows: figures, slices, the calibration's truth, and that nothing is reckoned twice."""

import json
from pathlib import Path

import numpy as np
import pytest

from facefind_pipeline.search import quality, report, results
from facefind_pipeline.search.quality import evaluate_rows, evaluate_set, turned
from facefind_pipeline.store import feedback, parameter_sets, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.truth import TruthList, TruthRow
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, vector, write_all, write_person

OTHER = "hog-up1-px640@dlib"


def _refresh(database: Database, key: str = KEY) -> None:
    with database.connect() as connection:
        results.refresh(connection, parameter_sets.find(connection, key))


@pytest.fixture
def event(database: Database) -> dict[str, Photo]:
    """Two days of photos; Ada is in four of them, of which one has a stranger's face only."""
    friday = [
        Photo("near.jpg", "1", [vector(0.2)]),
        Photo("far.jpg", "2", [vector(0.82), vector(0, 5)], boxes=[(0, 0, 50, 50), (90, 0, 150, 150)]),
        Photo("stranger.jpg", "3", [vector(0, 0.7)]),
    ]
    saturday = [Photo("late.jpg", "4", [vector(0.3)]), Photo("missed.jpg", "5", [vector(0, 0, 4)])]
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), friday)
        write_all(connection, partition(connection, "saturday"), saturday)
        write_person(connection, partition(connection, "friday"), "Ada", [vector(0)])
    _refresh(database)
    return {shot.path: shot for shot in friday + saturday}


def _tell(database: Database, event: dict[str, Photo], *names: str, days: tuple[str, ...] | None = None) -> None:
    with database.connect() as connection:
        rows = [TruthRow("ada", event[name].sha256) for name in names]
        truth.write_list(connection, TruthList("by hand.csv", rows, days), "command")


def test_figures_of_both_rankings(database: Database, event: dict[str, Photo]) -> None:
    _tell(database, event, "near.jpg", "far.jpg", "late.jpg", "missed.jpg")
    with database.connect() as connection:
        figures = evaluate_rows(connection, KEY)
    (ada,) = figures["people"]
    # near, late, far, stranger, missed by template; stranger before far by the reference alone.
    assert ada["average_precision"] == pytest.approx((1 + 1 + 1 + 4 / 5) / 4)
    assert ada["plain_average_precision"] == pytest.approx((1 + 1 + 3 / 4 + 4 / 5) / 4)
    assert ada["recall_at"]["5"] == 1
    assert figures["summary"]["gain"]["mean"] == pytest.approx(1 / 16)
    assert [(loss["photo"], loss["reason"]) for loss in figures["losses"]] == [("missed.jpg", "outranked")]
    assert json.loads(json.dumps(figures)) == figures
    found = {(one["by"], one["slice"]): (one["photos"], one["found"]) for one in figures["slices"]}
    assert found["faces in the photo", "1"] == (3, pytest.approx(2 / 3))
    assert found["faces in the photo", "2-5"] == (1, 1)
    assert found["face width", "below 60 px"] == (4, 0.75)


def test_a_partial_list_judges_its_days_only(database: Database, event: dict[str, Photo]) -> None:
    _tell(database, event, "late.jpg", days=("saturday",))
    with database.connect() as connection:
        figures = evaluate_rows(connection, KEY)
    (ada,) = figures["people"]
    assert (ada["relevant"], ada["average_precision"], figures["losses"]) == (1, 1, [])


def test_a_photo_that_moved_to_a_day_that_is_not_covered_counts_no_more(database, event) -> None:
    _tell(database, event, "late.jpg", days=("saturday",))
    with database.connect() as connection:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE photos SET event_day = 'friday' WHERE path = 'late.jpg'")
        figures = evaluate_rows(connection, KEY)
    assert (figures["people"], figures["losses"], figures["summary"]) == ([], [], {})


def test_the_calibration_is_checked_against_truth(database: Database, event: dict[str, Photo]) -> None:
    _tell(database, event, "near.jpg", "late.jpg")
    with database.connect() as connection:
        check = evaluate_rows(connection, KEY)["calibration"]
    assert [rate["measured"] for rate in check["rates"]] == [0, 0]  # no stranger is near
    cuts = {cut["cut"]: (cut["false_a_person"], cut["recall"]) for cut in check["cuts"]}
    assert cuts["sure"] == (0, 1)
    assert sum(group["photos"] for group in check["reliability"]) == len(event)


def test_only_what_changed_is_reckoned_again(database: Database, event: dict[str, Photo]) -> None:
    _tell(database, event, "near.jpg", "late.jpg")
    first = evaluate_set(database, KEY)
    second = evaluate_set(database, KEY)
    assert (first.fresh, second.fresh) == (True, False)
    assert (second.version, second.figures) == (first.version, first.figures)
    _tell(database, event, "near.jpg")
    changed = evaluate_set(database, KEY)
    assert (changed.fresh, changed.version != first.version) == (True, True)
    with database.connect() as connection:
        feedback.say(connection, "ada", event["stranger.jpg"].sha256, None)
    _refresh(database)
    assert evaluate_set(database, KEY).fresh


def test_figures_of_results_that_were_old_are_not_taken_for_those_of_new_ones(database, event) -> None:
    _tell(database, event, "near.jpg", "missed.jpg")
    with database.connect() as connection:
        write_person(connection, partition(connection, "friday"), "Ada", [vector(0, 0, 4)])
    old = evaluate_set(database, KEY)
    _refresh(database)
    new = evaluate_set(database, KEY)
    assert (new.fresh, old.version != new.version) == (True, True)
    assert new.figures["people"] != old.figures["people"]


def test_sets_side_by_side(database: Database, event: dict[str, Photo], tmp_path: Path) -> None:
    _tell(database, event, "near.jpg", "far.jpg", "late.jpg")
    with database.connect() as connection:
        other = partition(connection, "friday", OTHER, detector="another")
        write_all(connection, other, [Photo("near.jpg", "1", [vector(0.2)], boxes=[(7, 7, 30, 30)])])
        write_person(connection, other, "Ada", [vector(0)])
    _refresh(database, OTHER)
    for key in (KEY, OTHER):
        evaluate_set(database, key)
    sweep = report.read_sweep(database)
    assert [key for key, _ in sweep.sets] == [KEY, OTHER]
    assert sweep.alone == {KEY: 2, OTHER: 0}
    table = report.sets_table(sweep).set_index("set")
    assert table.loc[KEY, "mAP"] == 1
    assert table.loc[OTHER, "lost: not worked on yet"] == 2
    page = report.write_report(sweep, tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(word in page for word in (KEY, OTHER, "far.jpg", "data:image/png;base64,"))
    assert "http" not in page  # it needs nothing from elsewhere


def test_without_truth_there_is_nothing_to_show(database: Database, event: dict[str, Photo], tmp_path: Path) -> None:
    made = evaluate_set(database, KEY)
    assert (made.figures["people"], report.headline(made.figures)) == ([], {"dagster/row_count": 0})
    sweep = report.read_sweep(database)
    assert sweep.sets == []
    assert "facefind truth add" in report.write_report(sweep, tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("nose", "expected"), [((50, 60), False), ((40, 60), False), ((20, 60), True), ((85, 60), True), ((-5, 60), True)]
)
def test_a_face_is_turned_where_the_nose_leaves_the_middle(nose: tuple[int, int], expected: bool) -> None:
    landmarks = np.array([(0, 0), (100, 0), nose, (20, 100), (80, 100)], dtype=float)
    angle = np.deg2rad(30)
    tilted = landmarks @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + 400
    for points in (landmarks, tilted):
        assert turned(points.ravel().tolist()) is expected


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
    _refresh(database)
    with database.connect() as connection:
        figures = quality.evaluate_rows(connection, KEY)
    assert figures["summary"]["people"] == 50
    assert figures["summary"]["average_precision"]["mean"] == 1
    assert figures["losses"] == []
