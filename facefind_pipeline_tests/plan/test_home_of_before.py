"""A home that an earlier version filled, before there was one table of what was made, keeps what it has."""

import json
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from facefind_pipeline.evaluation.evaluate import read_evaluation
from facefind_pipeline.plan import recipes
from facefind_pipeline.plan.due import Step, Why, due
from facefind_pipeline.search.find import find_person
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.people import Person
from facefind_pipeline_tests.store.earlier import open_earlier

CURRENT, BEHIND, ALONE = "hog-up0-px640@dlib", "hog-up1-px640@dlib", "hog-up0-px320@dlib"
ROWS = Path(__file__).with_name("home_of_before.sql")
RECORDED = json.loads(Path(__file__).with_name("home_of_before.json").read_text(encoding="utf-8"))
PADDED = """
CREATE FUNCTION padded(numbers text) RETURNS vector LANGUAGE sql AS $$
    SELECT ('[' || numbers || repeat(',0', 127 - length(regexp_replace(numbers, '[^,]', '', 'g'))) || ']')::vector
$$
"""


@pytest.fixture
def home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Tables and rows as the earlier version had them, opened by this one, as if results were still ranked as then."""
    monkeypatch.setattr(recipes, "RANKING", "templates-2")
    monkeypatch.setenv("FACEFIND_CLOTHES", "off")
    before = open_earlier(settings, tmp_path, monkeypatch, "0019")
    with psycopg2.connect(before.url) as connection, connection.cursor() as cursor:
        cursor.execute(PADDED)
        cursor.execute(ROWS.read_text(encoding="utf-8"))
    connection.close()
    opened: Database = open_database.__wrapped__(settings)
    return opened


def test_nothing_is_due_that_was_not_but_figures_of_other_rules(home: Database) -> None:
    with home.connect() as connection:
        steps = due(connection, recorded=RECORDED)
    assert set(steps) == {
        *(Step(asset, f"saturday|{BEHIND}", Why.CHANGED) for asset in ("detected_faces", "face_embeddings")),
        *(
            Step(asset, f"{day}|{ALONE}", Why.NEVER_MADE)
            for asset in ("detected_faces", "face_embeddings")
            for day in ("friday", "saturday")
        ),
        Step("hnsw_index", BEHIND, Why.CHANGED),
        Step("search_results", BEHIND, Why.NEVER_MADE),
        *(Step("face_groups", key, Why.NEVER_MADE) for key in (CURRENT, BEHIND)),  # there were none then
        Step("reference_embeddings", ALONE, Why.NEVER_MADE),
        Step("search_results", ALONE, Why.NEVER_MADE),
        Step("evaluation", CURRENT, Why.CHANGED),
    }


def test_data_versions_are_those_that_dagster_has(home: Database) -> None:
    with home.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT asset, partition, data_version FROM made")
        made = {(asset, partition): version for asset, partition, version in cursor.fetchall()}
    recorded = {(asset, key): version for asset, versions in RECORDED.items() for key, version in versions.items()}
    del recorded["search_results", BEHIND]  # they are not current
    assert made == recorded


def test_find_answers_from_stored_results(home: Database) -> None:
    with home.connect() as connection:
        answers = [
            find_person(connection, parameter_sets.find(connection, key), Person("ada", "Ada"), limit=10)
            for key in (CURRENT, BEHIND)
        ]
    assert [answer.stale for answer in answers] == [False, True]
    assert [(match.photo, match.band) for match in answers[0].matches] == [
        ('Zoë\'s "best".jpg', "confirmed"),
        ("late.jpg", "sure"),
    ]


def test_stored_figures_are_read_and_keep_their_keys(home: Database) -> None:
    with home.connect() as connection:
        evaluation = read_evaluation(connection, CURRENT)
        with connection.cursor() as cursor:
            cursor.execute("SELECT evaluation FROM evaluations WHERE parameter_set = %s", [CURRENT])
            ((stored,),) = cursor.fetchall()
    assert evaluation is not None
    assert evaluation.figures.as_json() == _with_what_came_later(stored)
    assert {"plain_average_precision", "recall_at"} < stored["people"][0].keys()
    assert [cut["cut"] for cut in stored["calibration"]["cuts"]] == ["nearest-reference distance 0.6", "sure", "likely"]


def _with_what_came_later(stored: dict[str, Any]) -> dict[str, Any]:
    """Stored figures with those that evaluations have had since, which are empty or follow from the others."""
    people = [
        {**one, "cuts": {}, "left_out": [], "unlabelled": 0, "p_at_10_or_relevant": one["r_precision"]}
        for one in stored["people"]
    ]
    summary = {**stored["summary"], "p_at_10_or_relevant": None, "clothes_gain": None}
    return {**stored, "people": people, "summary": summary, "without_clothes": {}}
