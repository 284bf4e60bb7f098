"""Assets on a real instance: data versions that say what changed, and pictures in the metadata."""

from pathlib import Path

import dagster as dg
import pytest
from PIL import Image

from facefind_pipeline.cli import stages
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.ingest.references import read_reference
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.partitions import day_set
from facefind_pipeline.orchestration.resources import Incoming, Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits, Silence

DAY = day_set("day-1", SMALL_SET)


@pytest.fixture
def graph(settings: Settings, database: Database, event: Path) -> Graph:
    """The graph with two registered days and one set."""
    workspace = Workspace(settings, Silence())
    graph = Graph(open_instance(settings, database), workspace, build_defs({"workspace": workspace}))
    stages.register_folder(graph, event, None)
    stages.register_set(graph, SMALL_SET)
    return graph


def _latest(graph: Graph, asset: str, partition: str | None) -> dg.AssetMaterialization:
    event = graph.instance.get_latest_data_version_record(dg.AssetKey(asset), partition_key=partition)
    assert event is not None
    assert event.asset_materialization is not None
    return event.asset_materialization


def _version(graph: Graph, asset: str, partition: str | None) -> str:
    return str((_latest(graph, asset, partition).tags or {})["dagster/data_version"])


def _make(graph: Graph, reference: Path | None = None) -> dict[str, str]:
    """Materialises everything once; returns the data version of each asset."""
    graph.materialize(["raw_photos"], "day-1")
    graph.materialize(["detected_faces", "face_embeddings"], DAY)
    new = [read_reference("Ada", reference)] if reference else []
    graph.materialize(["reference_photos"], incoming=Incoming(references=new))
    graph.materialize(["hnsw_index", "reference_embeddings", "search_results", "face_groups"], SMALL_SET)
    partitions = {"raw_photos": "day-1", "detected_faces": DAY, "face_embeddings": DAY, "reference_photos": None}
    return {
        asset: _version(graph, asset, partitions.get(asset, SMALL_SET))
        for asset in (*partitions, "hnsw_index", "reference_embeddings", "search_results", "face_groups")
    }


def test_versions_change_just_where_something_changed(
    graph: Graph, event: Path, reference: Path, portraits: Portraits
) -> None:
    first = _make(graph, reference)
    assert _make(graph) == first

    (event / "Day 1" / "hopper.jpg").rename(event / "Day 1" / "renamed.jpg")
    renamed = _make(graph)
    assert {asset for asset in first if renamed[asset] != first[asset]} == {"raw_photos"}

    portraits.hopper_again().save(event / "Day 1" / "new.jpg")
    added = _make(graph)
    changed = {"raw_photos", "detected_faces", "face_embeddings", "hnsw_index", "search_results", "face_groups"}
    assert {asset for asset in first if added[asset] != renamed[asset]} == changed

    more = _make(graph, event / "Day 1" / "new.jpg")
    assert {asset for asset in first if more[asset] != added[asset]} == {
        *("reference_photos", "reference_embeddings", "search_results"),
    }


def test_metadata_has_counts_and_pictures(graph: Graph, reference: Path) -> None:
    versions = _make(graph, reference)
    for asset, partition, rows in (
        ("raw_photos", "day-1", 4),
        ("reference_photos", None, 1),
        ("search_results", SMALL_SET, 2),
        ("face_groups", SMALL_SET, 3),
    ):
        assert _latest(graph, asset, partition).metadata["dagster/row_count"].value == rows
    assert _latest(graph, "detected_faces", DAY).metadata[f"faces [{SMALL_SET}]"].value == 3
    assert _latest(graph, "face_embeddings", DAY).metadata[f"vectors [{SMALL_SET}]"].value == 3
    assert _latest(graph, "raw_photos", "day-1").metadata["unreadable"].value == 1
    partitions = {"raw_photos": "day-1", "detected_faces": DAY, "face_embeddings": DAY, "reference_photos": None}
    for asset in versions.keys() - {"face_groups"}:  # of three faces all are passers-by
        partition = partitions.get(asset, SMALL_SET)
        metadata = _latest(graph, asset, partition).metadata
        sheet = Path(str(metadata["contact_sheet"].value))
        assert Image.open(sheet).width > 50
        assert str(sheet) in str(metadata["preview"].value)
    results = _latest(graph, "search_results", SMALL_SET).metadata
    sure, likely = (float(results[name].value) for name in ("sure_up_to_score", "likely_up_to_score"))
    assert 0 < sure < likely < 1


def test_one_of_the_two_outputs_can_be_made_alone(graph: Graph, database: Database) -> None:
    graph.materialize(["raw_photos"], "day-1")
    graph.materialize(["detected_faces"], DAY)
    assert _latest(graph, "detected_faces", DAY).metadata["photos_detected"].value == "3"
    assert graph.instance.get_latest_data_version_record(dg.AssetKey("face_embeddings"), partition_key=DAY) is None
    graph.materialize(["face_embeddings"], DAY)
    assert _latest(graph, "face_embeddings", DAY).metadata["faces_embedded"].value == "3"


def test_a_folder_that_is_gone_deletes_nothing(graph: Graph, event: Path, reference: Path) -> None:
    before = _make(graph, reference)
    event.rename(event.with_name("elsewhere"))
    assert _make(graph) == before
    assert _latest(graph, "raw_photos", "day-1").metadata["folder_available"].value is False
