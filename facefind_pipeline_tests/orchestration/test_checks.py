"""Each check passes on what the pipeline makes and fails on what it is there to notice, saying what to do."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from facefind_pipeline.cli import stages
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.ingest.references import read_reference
from facefind_pipeline.orchestration.checks import CHECKS
from facefind_pipeline.orchestration.partitions import day_set
from facefind_pipeline.orchestration.resources import Incoming, Workspace
from facefind_pipeline.orchestration.runs import CheckFailedError, Graph
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Silence

DAY = day_set("day-1", SMALL_SET)
PARTITIONS = {"raw_photos": "day-1", "detected_faces": DAY, "face_embeddings": DAY}


@pytest.fixture
def graph(settings: Settings, database: Database, event: Path, reference: Path) -> Iterator[Graph]:
    """Everything made for one day under one set; the day has a broken file, and one of three references no face."""
    with dg.DagsterInstance.ephemeral() as instance:
        workspace = Workspace(settings, Silence())
        graph = Graph(instance, workspace, build_defs({"workspace": workspace}))
        stages.register_folder(graph, event, None)
        stages.register_set(graph, SMALL_SET)
        graph.sync_partitions()
        graph.materialize(["raw_photos"], "day-1")
        graph.materialize(["detected_faces", "face_embeddings"], DAY)
        new = [read_reference("Ada", reference), read_reference("Bob", event / "Day 1" / "nobody.jpg")]
        graph.materialize(["reference_photos"], incoming=Incoming(references=new))
        graph.materialize(["reference_embeddings", "hnsw_index", "search_results", "face_groups"], SMALL_SET)
        yield graph


def _check(workspace: Workspace, name: str) -> dg.AssetCheckResult:
    check, key = next((check, key) for check in CHECKS for key in check.check_keys if key.name == name)
    partition = PARTITIONS.get(key.asset_key.to_user_string(), SMALL_SET)
    result = check(dg.build_op_context(partition_key=partition), workspace=workspace)
    assert isinstance(result, dg.AssetCheckResult)
    assert result.metadata["what_to_do"].value
    return result


def test_what_the_pipeline_makes_passes(graph: Graph) -> None:
    names = {key.name for check in CHECKS for key in check.check_keys}
    events = [
        event.get_dagster_event()
        for run in graph.instance.get_runs()
        for event in graph.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    ]
    assert {event.asset_check_evaluation_data.check_name for event in events} == names
    failed = {name for name in names if not _check(graph.workspace, name).passed}
    assert failed == {"all_photos_readable", "one_face_a_reference"}  # the event has a broken file, Bob no face
    assert "Day 1/broken.jpg" in str(_check(graph.workspace, "all_photos_readable").metadata["problems"].value)
    assert "Bob" in str(_check(graph.workspace, "one_face_a_reference").metadata["problems"].value)
    assert _check(graph.workspace, "all_photos_readable").severity == dg.AssetCheckSeverity.WARN


def test_a_day_without_a_readable_photo_is_kept_back(graph: Graph, event: Path) -> None:
    for file in (event / "Day 1").iterdir():
        file.write_text("not a photo")
    with pytest.raises(CheckFailedError):
        graph.materialize(["raw_photos"], "day-1")
    assert not _check(graph.workspace, "some_photos_readable").passed


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("boxes_inside_photo", "UPDATE photos SET width = 100, height = 100", "outside"),
        ("faces_plausible", "DELETE FROM detected_faces", "with_faces"),
        (
            "vectors_sound",
            "DELETE FROM embeddings WHERE face_key = (SELECT min(face_key::text)::uuid FROM embeddings)",
            "vectors",
        ),
        ("vectors_sound", "UPDATE embeddings SET embedding = embedding * array_fill(0, ARRAY[128])::vector", "faces"),
        (
            "vectors_sound",
            "UPDATE embeddings SET embedding = (SELECT embedding FROM embeddings LIMIT 1)",
            "distinct_vectors",
        ),
        ("index_recall", "UPDATE index_builds SET recall = 0.5", "recall_at_10"),
        ("index_is_current", "UPDATE made SET data_version = 'another' WHERE asset = 'face_embeddings'", "what_to_do"),
        ("everybody_has_results", "DELETE FROM ranked_photos", "people_without_results"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_damage_is_noticed(
    settings: Settings, database: Database, name: str, damage: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facefind_pipeline.orchestration.checks.PLAUSIBLE_FROM", 3)
    workspace = Workspace(settings, Silence())
    assert _check(workspace, name).passed
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(damage)
    evaluation = _check(workspace, name)
    assert not evaluation.passed
    assert told in evaluation.metadata
    assert evaluation.metadata["what_to_do"].value != "nothing to do"
