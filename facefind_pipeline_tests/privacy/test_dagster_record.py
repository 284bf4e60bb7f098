"""Names and pictures out of Dagster's own tables: whole metadata entries, words in messages, and keys stay."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import dagster as dg
import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.privacy.dagster_record import remove_names, remove_pictures_once, snapshots
from facefind_pipeline.privacy.needles import Needles
from facefind_pipeline.progress import SILENT
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database

NAME = "Ada Núñez"
PICTURE = "![contact sheet](data:image/jpeg;base64,/9j/4AAQ)"


@pytest.fixture
def instance(settings: Settings, database: Database) -> Iterator[dg.DagsterInstance]:
    """With an asset that says something of a person, once with a picture as earlier versions stored them."""

    @dg.asset
    def search_results(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        context.log.info(f"{NAME} was found")
        people = dg.MetadataValue.table([dg.TableRecord({"person": NAME})])
        return dg.MaterializeResult(metadata={"people": people, "preview": dg.MetadataValue.md(PICTURE), "photos": 3})

    opened = open_instance(settings, database)
    assert dg.materialize([search_results], instance=opened).success
    yield opened
    opened.dispose()


def _rows(database: Database, statement: str) -> list[Any]:
    with closing(psycopg2.connect(database.dagster_url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def _metadata(instance: dg.DagsterInstance) -> set[str]:
    event = instance.get_latest_materialization_event(dg.AssetKey("search_results"))
    assert event is not None
    assert event.asset_materialization is not None
    return set(event.asset_materialization.metadata)


def test_a_name_goes_with_the_entry_that_has_it(instance: dg.DagsterInstance, database: Database) -> None:
    assert remove_names(database, Needles(names=[NAME, "ada-nunez"]), SILENT) >= 3
    for table, column in (("event_logs", "event"), ("asset_keys", "last_materialization")):
        texts = [
            json.dumps(json.loads(text), ensure_ascii=False)
            for (text,) in _rows(database, f"SELECT {column} FROM {table}")
        ]
        assert texts
        assert not [text for text in texts if "Ada" in text]
    assert any("[forgotten] was found" in text for (text,) in _rows(database, "SELECT event FROM event_logs"))
    assert _metadata(instance) == {"preview", "photos"}  # and Dagster reads what is left


def test_a_name_goes_from_the_example_of_a_job_in_a_snapshot(settings: Settings, database: Database) -> None:
    @dg.op(config_schema={"person": str})
    def remove(context: dg.OpExecutionContext) -> None:
        context.log.info("removed")

    @dg.job(config={"ops": {"remove": {"config": {"person": NAME}}}})
    def remove_person() -> None:
        remove()

    instance = open_instance(settings, database)
    run = remove_person.execute_in_process(instance=instance)
    with closing(psycopg2.connect(database.dagster_url)) as connection, connection.cursor() as cursor:
        assert any("Ada" in text for text in snapshots(cursor).values())
    remove_names(database, Needles(names=[NAME, "ada-nunez"]), SILENT)
    with closing(psycopg2.connect(database.dagster_url)) as connection, connection.cursor() as cursor:
        texts = snapshots(cursor).values()
        assert any("[forgotten]" in text for text in texts)
        assert not [text for text in texts if "Ada" in text]
    snapshot = instance.get_run_by_id(run.run_id)
    assert snapshot is not None
    assert snapshot.job_snapshot_id is not None
    assert instance.get_job_snapshot(snapshot.job_snapshot_id).name == "remove_person"  # Dagster reads it as before
    instance.dispose()


def test_a_person_of_a_partitions_name_does_not_take_the_partition_along(
    instance: dg.DagsterInstance, database: Database
) -> None:
    instance.add_dynamic_partitions("event_day", ["vigo"])
    instance.add_run(dg.DagsterRun(job_name="fill_day", tags={"dagster/partition": "vigo", "said": "of vigo"}))
    remove_names(database, Needles(names=["Vigo", "vigo"]), SILENT)
    (run,) = instance.get_runs(dg.RunsFilter(job_name="fill_day"))
    assert run.tags["dagster/partition"] == "vigo"
    assert run.tags["said"] == "of [forgotten]"


def test_pictures_of_earlier_versions_go_once(instance: dg.DagsterInstance, database: Database) -> None:
    remove_pictures_once(database, SILENT)
    assert _rows(database, "SELECT count(*) FROM event_logs WHERE event LIKE '%data:image%'") == [(0,)]
    assert _metadata(instance) == {"people", "photos"}
    with database.connect() as connection, connection.cursor() as cursor:
        _assert_cleaned(cursor)


def _assert_cleaned(cursor: Cursor) -> None:
    cursor.execute("SELECT what FROM cleanings")
    assert cursor.fetchall() == [("pictures in events of runs",)]
