"""`index_watch` on Dagster's PostgreSQL storage, where an evaluation that is refused fails every later tick too."""

import dagster as dg

from facefind_pipeline.cli import stages
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.orchestration.sensors import index_watch
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Silence


def test_an_index_may_fall_behind_and_catch_up_again_and_again(settings: Settings, database: Database) -> None:
    workspace = Workspace(settings, Silence())
    instance = open_instance(settings, database)
    graph = Graph(instance, workspace, build_defs({"workspace": workspace}))
    parameters = stages.register_set(graph, SMALL_SET)
    graph.sync_partitions()
    graph.materialize(["hnsw_index"], parameters.key)

    cursor = None
    told: list[tuple[bool, object]] = []

    def tick() -> None:
        nonlocal cursor
        context = dg.build_sensor_context(instance, cursor=cursor, resources={"workspace": workspace})
        result = index_watch(context)
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor
        for event in result.asset_events:
            assert isinstance(event, dg.AssetCheckEvaluation)
            instance.report_runless_asset_event(event)
            told.append((event.passed, event.metadata["outdated"].value))

    tick()
    for _ in range(2):
        with database.connect() as connection, connection.cursor() as statements:
            statements.execute("UPDATE made SET made_from = 'another' WHERE asset = 'hnsw_index'")
        tick()
        tick()  # nothing new to tell
        graph.materialize(["hnsw_index"], SMALL_SET)
        tick()
    assert told == [(True, []), *[(False, [SMALL_SET]), (True, [])] * 2]
