"""Old runs go from Dagster's record, and what they made stays made."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
import yaml
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.record import delete_runs, superseded_runs
from facefind_pipeline.orchestration.recorded import recorded_versions
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.orchestration.schedules import nightly_deletion_of_runs
from facefind_pipeline.plan.due import Scope
from facefind_pipeline.plan.recipes import RECIPES
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import Silence
from facefind_pipeline_tests.orchestration.world import World

NIGHTS, DAYS, KEPT_DAYS, LEAST_RUNS = 30, 200, 2, 2_000


@pytest.fixture
def world(filled: Path, settings: Settings, database: Database) -> Iterator[World]:
    """A home that was searched, on the instance that its commands wrote to."""
    with open_instance(settings, database) as instance:
        workspace = Workspace(read_settings(), Silence())
        yield World(Graph(instance, workspace, build_defs({"workspace": workspace})))


def _record(database: Database, statement: str, *values: object) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(database.dagster_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def _seen(world: World) -> dict[str, object]:
    """What people and conditions see of the assets."""
    instance, graph = world.graph.instance, world.graph.definitions.resolve_asset_graph()
    keys = [dg.AssetKey(asset) for asset in RECIPES]
    checks = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys))
    return {
        "versions": recorded_versions(instance, list(RECIPES), Scope()),
        "made": {key: instance.get_materialized_partitions(key) for key in keys},
        "statuses": {
            key: instance.event_log_storage.get_latest_storage_id_by_partition(
                key, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
            )
            for key in keys
        },
        "checks": {key.to_user_string(): (found.id, found.status) for key, found in checks.items()},
        "stale": world.stale(),
        "asked for": world.planned(),
    }


def _age(database: Database, days: int) -> None:
    """Makes all runs so much older."""
    _record(database, "UPDATE runs SET end_time = end_time - %s * 86400 RETURNING run_id", days)


def _superseded(world: World, days: int = 30) -> list[str]:
    before = datetime.now().astimezone() - timedelta(days=days)
    return superseded_runs(world.graph.workspace.database, before)


def test_runs_that_something_rests_on_are_kept_and_the_others_go(world: World, database: Database) -> None:
    instance = world.graph.instance
    (day,) = instance.get_dynamic_partitions("event_day")[:1]
    for _ in range(3):
        world.ingest(day)
    instance.add_dynamic_partitions("event_day", ["nowhere"])
    with pytest.raises(FacefindError, match="no event day 'nowhere'"):
        world.graph.materialize(["raw_photos"], "nowhere")
    failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    world.tick()
    nights = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": day}))
    before = _seen(world)
    assert _superseded(world) == []
    _age(database, 31)
    found = _superseded(world)
    # Of four looks at the day, which found the same, the last made it, and faces were found after the first.
    of_day = [run.run_id for run in nights if run.status == dg.DagsterRunStatus.SUCCESS]
    assert set(of_day) - set(found) == {of_day[0], of_day[-1]}
    delete_runs(instance, found)
    assert not {run.run_id for run in instance.get_runs()} & set(found)
    assert _seen(world) == before
    assert world.tick() == {}
    assert {run.run_id for run in failed} <= {run.run_id for run in instance.get_runs()}
    for table in ("event_logs", "asset_check_executions", "run_tags"):
        assert _record(database, f"SELECT count(*) FROM {table} WHERE run_id = ANY(%s)", found) == [(0,)]
    assert _superseded(world) == []


def test_a_backfill_at_work_keeps_its_runs(world: World, database: Database) -> None:
    instance = world.graph.instance
    (day,) = instance.get_dynamic_partitions("event_day")[:1]
    for _ in range(2):
        world.ingest(day)
    _age(database, 31)
    (first, *_) = _superseded(world)
    instance.add_run_tags(first, {"dagster/backfill": "sweep"})
    _record(
        database,
        "INSERT INTO bulk_actions (key, status, timestamp, body) VALUES ('sweep', 'REQUESTED', now(), '{}')",
    )
    assert first not in _superseded(world)
    _record(database, "UPDATE bulk_actions SET status = 'COMPLETED_SUCCESS'")
    assert first in _superseded(world)


def test_how_long_runs_are_kept_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, database: Database
) -> None:
    def ticks() -> dict[str, int]:
        text = (settings.dagster_home / "dagster.yaml").read_text(encoding="utf-8")
        found: dict[str, int] = yaml.safe_load(text)["retention"]["sensor"]["purge_after_days"]
        return found

    with open_instance(read_settings(), database) as instance:
        assert ticks() == {"started": 30, "success": 30, "failure": 30, "skipped": 1}
        workspace = Workspace(read_settings(), Silence())
        with dg.build_schedule_context(instance, resources={"workspace": workspace}) as context:
            assert isinstance(nightly_deletion_of_runs(context), dg.RunRequest)
    monkeypatch.setenv("FACEFIND_KEEP_RUNS", "all")
    with open_instance(read_settings(), database) as instance:
        assert ticks()["failure"] == -1
        workspace = Workspace(read_settings(), Silence())
        with dg.build_schedule_context(instance, resources={"workspace": workspace}) as context:
            assert isinstance(nightly_deletion_of_runs(context), dg.SkipReason)
    for wrong in ("0", "soon", "-1", "1.5"):
        monkeypatch.setenv("FACEFIND_KEEP_RUNS", wrong)
        with pytest.raises(FacefindError, match=f"FACEFIND_KEEP_RUNS: '{wrong}'"):
            read_settings()


def test_what_is_stale_stays_so(world: World, database: Database, filled: Path) -> None:
    (day,) = world.graph.instance.get_dynamic_partitions("event_day")[:1]
    photo = next(filled.rglob("*.jpg"))
    before = photo.read_bytes()
    for content, stale in ((before + b" ", True), (before, False)):  # read again, it is what it was
        photo.write_bytes(content)
        for _ in range(2):
            world.ingest(day)
        seen = _seen(world)
        assert bool(seen["stale"]) is stale
        _age(database, 31)
        found = _superseded(world)
        assert found
        delete_runs(world.graph.instance, found)
        assert _seen(world) == seen


CLONE = """
WITH clones AS (
    SELECT day, gen_random_uuid()::text AS run FROM unnest(%(days)s::text[]) AS day
), runs_made AS (
    INSERT INTO runs (run_id, snapshot_id, pipeline_name, status, run_body, partition, partition_set, create_timestamp,
                      update_timestamp, start_time, end_time)
    SELECT run, snapshot_id, pipeline_name, status, replace(replace(run_body, run_id, run), %(day)s, day), day,
           partition_set, create_timestamp, update_timestamp, start_time + %(later)s, end_time + %(later)s
    FROM runs, clones WHERE run_id = %(run)s
), tagged AS (
    INSERT INTO run_tags (run_id, key, value)
    SELECT run, key, CASE value WHEN %(day)s THEN day ELSE value END FROM run_tags, clones WHERE run_id = %(run)s
), evaluated AS (
    INSERT INTO asset_check_executions (asset_key, check_name, partition, run_id, execution_status, evaluation_event,
                                        evaluation_event_timestamp)
    SELECT asset_key, check_name, partition, run, execution_status, replace(evaluation_event, run_id, run),
           evaluation_event_timestamp
    FROM asset_check_executions, clones WHERE run_id = %(run)s
), logged AS (
    INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
    SELECT run, replace(replace(event, run_id, run), %(day)s, day), dagster_event_type, timestamp, step_key, asset_key,
           CASE partition WHEN %(day)s THEN day END
    FROM event_logs, clones WHERE run_id = %(run)s ORDER BY day, id
    RETURNING id, dagster_event_type, asset_key
)
INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp)
SELECT logged.id, tag.asset_key, key, value, event_timestamp
FROM logged, asset_event_tags tag JOIN event_logs former ON former.id = tag.event_id
WHERE former.run_id = %(run)s AND logged.dagster_event_type = former.dagster_event_type
"""


@pytest.mark.proof
def test_thirty_nights_over_two_hundred_days_stay_small(world: World, database: Database) -> None:
    """Every night's run of every day is a copy of a real one, its event day and its time replaced."""
    instance = world.graph.instance
    (day,) = instance.get_dynamic_partitions("event_day")[:1]
    world.ingest(day)
    (real,) = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": day}), limit=1)
    days = [f"copied-{number:03}" for number in range(DAYS)]
    instance.add_dynamic_partitions("event_day", days)
    with closing(psycopg2.connect(database.dagster_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        first, made = _megabytes(cursor), 0
        for night in range(NIGHTS):
            later = (night - NIGHTS) * 86400
            cursor.execute(CLONE, {"run": real.run_id, "day": day, "days": days, "later": later})
            made += len(days)
            before = _seen(world) if night % 10 == 9 else None
            delete_runs(
                instance,
                superseded_runs(database, datetime.now().astimezone() + timedelta(seconds=later, days=-KEPT_DAYS)),
            )
            assert before is None or _seen(world) == before
            cursor.execute("VACUUM")  # as PostgreSQL does by itself within a day
        grown = _megabytes(cursor) - first
    kept = instance.get_runs_count()
    print(f"{made:,} runs, {kept:,} kept with FACEFIND_KEEP_RUNS={KEPT_DAYS}: {grown:.0f} MB more")
    assert made >= LEAST_RUNS
    assert kept < (KEPT_DAYS + 1) * DAYS + 100
    assert grown < 50


def _megabytes(cursor: Cursor) -> float:
    cursor.execute("SELECT pg_database_size(current_database()) / 1e6")
    ((size,),) = cursor.fetchall()
    return float(size)
