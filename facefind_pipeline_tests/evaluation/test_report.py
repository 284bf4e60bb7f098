"""Sets side by side: which is best, what only one of them finds, the tables and the page."""

from pathlib import Path

import pytest

from facefind_pipeline.evaluation.evaluate import evaluate_set
from facefind_pipeline.evaluation.report import write_report
from facefind_pipeline.evaluation.sweep import read_sweep
from facefind_pipeline.evaluation.tables import headline, people_table, sets_table
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.evaluation.event import move_by_clothes, refresh, write_truth
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, vector, write_all, write_person

OTHER = "hog-up1-px640@dlib"


def test_sets_side_by_side(database: Database, event: dict[str, Photo], tmp_path: Path) -> None:
    write_truth(database, event, "near.jpg", "far.jpg", "late.jpg")
    with database.connect() as connection:
        other = partition(connection, "friday", OTHER, detector="another")
        write_all(connection, other, [Photo("near.jpg", "1", [vector(0.25)], boxes=[(7, 7, 30, 30)])])
        write_person(connection, other, "Ada", [vector(0)])
    refresh(database, OTHER)
    for key in (KEY, OTHER):
        evaluate_set(database, key)
    sweep = read_sweep(database)
    assert [one.key for one in sweep.sets] == [KEY, OTHER]
    assert sweep.only_here == {KEY: 2, OTHER: 0}
    table = sets_table(sweep).set_index("set")
    assert table.loc[KEY, "mAP"] == 1
    assert table.loc[KEY, ["recall, likely", "false matches per person, sure"]].tolist() == [
        pytest.approx(2 / 3, abs=1e-3),
        0,
    ]
    assert table.loc[OTHER, "lost: not worked on yet"] == 2
    (ada,) = people_table(sweep.sets[0].figures).to_dict("records")
    assert (ada["P@min(10,R)"], ada["recall, likely"], ada["false matches, sure"]) == (1, 0.667, 0)
    page = write_report(sweep, tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(word in page for word in (KEY, OTHER, "far.jpg", "data:image/png;base64,"))
    assert "http" not in page  # it needs nothing from elsewhere


def test_a_set_ranked_with_clothes_is_compared_with_its_ranking_without_them(database, event, tmp_path: Path) -> None:
    write_truth(database, event, "near.jpg", "far.jpg", "late.jpg")
    move_by_clothes(database, event, "far.jpg", above="stranger.jpg")
    evaluate_set(database, KEY)
    sweep = read_sweep(database)
    assert [one.name for one in sweep.sets] == [KEY, f"{KEY} without clothes"]
    assert sweep.only_here == {KEY: 3, f"{KEY} without clothes": 2}  # another ranking of the set is no other set
    table = sets_table(sweep).set_index("set")
    assert table["mAP"].tolist() == [1, pytest.approx((1 + 1 + 3 / 4) / 3, abs=1e-4)]
    page = write_report(sweep, tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{KEY} with clothes against the face alone: +0.0833" in page
    assert page.count(f"<summary>{KEY}") == 2
    assert headline(sweep.sets[0].figures)["clothes_gain"] == pytest.approx(1 / 12)


def test_without_truth_there_is_nothing_to_show(database: Database, event: dict[str, Photo], tmp_path: Path) -> None:
    made = evaluate_set(database, KEY)
    assert (made.figures.people, headline(made.figures)) == ([], {"dagster/row_count": 0})
    sweep = read_sweep(database)
    assert sweep.sets == []
    assert "facefind truth add" in write_report(sweep, tmp_path / "report.html").read_text(encoding="utf-8")
