"""Sets whose runs wait in the queue are detected by the run that goes first."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.ingest.register import register_set
from facefind_pipeline.orchestration.backfills import request_backfill
from facefind_pipeline.orchestration.code_server import MODULE
from facefind_pipeline.orchestration.dagster_internals import (
    WorkspaceProcessContext,
    definitions_in_process,
    execute_backfill_jobs,
)
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.partitions import day_set, sync_with_tables
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.orchestration.waiting import waiting_sets
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import Silence
from facefind_pipeline_tests.orchestration.world import FACES, SECOND_SET

FIRST, THIRD, FOURTH = "hog-up0-px320@dlib", "hog-up0-px300@dlib", "hog-up0-px280@dlib"
ASSETS = frozenset(map(dg.AssetKey, FACES))


@pytest.fixture
def graph(filled: Path, settings: Settings, database: Database) -> Iterator[Graph]:
    """Two event days, and four sets that none of them was filled under."""
    for key in (FIRST, SECOND_SET, THIRD, FOURTH):
        register_set(database, settings, key)
    with open_instance(settings, database) as instance:
        sync_with_tables(instance, database)
        workspace = Workspace(settings, Silence())
        yield Graph(instance, workspace, build_defs({"workspace": workspace}))


def _queue(graph: Graph, *backfills: dict[str, list[str]]) -> None:
    """Requests backfills, and has their runs wait for somebody who launches them."""
    requested = [request_backfill(graph.instance, missing, "test") for missing in backfills]
    with WorkspaceProcessContext(graph.instance, definitions_in_process(MODULE)) as workspace:
        found = [one for one in map(graph.instance.get_backfill, filter(None, requested)) if one is not None]
        assert not [*filter(None, execute_backfill_jobs(workspace, logging.getLogger(), found))]


def _made(graph: Graph, day: str, key: str) -> dict[str, Any]:
    """What a run of the partition says of itself."""
    graph.materialize(FACES, day_set(day, key))
    record = graph.instance.get_latest_data_version_record(
        dg.AssetKey("detected_faces"), partition_key=day_set(day, key)
    )
    assert record is not None
    assert record.asset_materialization is not None
    metadata = record.asset_materialization.metadata
    return {name: metadata[name].value for name in ("photos_decoded", "photos_detected", "detected_ahead")}


def test_sets_that_wait_with_the_same_assets_of_the_day_are_detected_by_the_run_that_goes_first(graph: Graph) -> None:
    both = [day_set("day-1", FIRST), day_set("day-1", SECOND_SET), day_set("day-1", FOURTH), day_set("day-2", THIRD)]
    again = [day_set("day-1", SECOND_SET)]
    _queue(
        graph,
        dict.fromkeys(FACES, both),
        {"detected_faces": [day_set("day-1", THIRD)]},
        dict.fromkeys(FACES, again),
    )
    assert sorted(waiting_sets(graph.instance, "day-1", ASSETS)) == sorted([FIRST, SECOND_SET, FOURTH])
    assert waiting_sets(graph.instance, "day-2", ASSETS) == [THIRD]
    ahead = {SECOND_SET: 3, FOURTH: 3}
    assert _made(graph, "day-1", FIRST) == {
        "photos_decoded": "3",
        "photos_detected": "3",
        "detected_ahead": ahead,
    }
    for key in ahead:
        assert _made(graph, "day-1", key) == {"photos_decoded": "0", "photos_detected": "0", "detected_ahead": {}}
