"""What each host is at, as sessions and locks tell, in front of real runs."""

import socket
from datetime import UTC, datetime, timedelta

import dagster as dg
import psycopg2
import pytest

from facefind_pipeline.errors import OutageError
from facefind_pipeline.orchestration.dagster_internals import make_new_run_id
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.processes import executing, process_tags
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import hosts
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.hosts import HostAtWork


def _look_from_within(settings: Settings, database: Database, *, locked: bool) -> list[HostAtWork]:
    """What is seen while a run is at work; without its lock it is one whose process died."""
    seen: list[HostAtWork] = []

    @dg.asset
    def pictures() -> None:
        seen.extend(hosts.at_work(database))

    run_id = make_new_run_id()
    job = dg.Definitions([pictures]).resolve_implicit_global_asset_job_def()
    with (
        open_instance(settings, database) as instance,
        executing(database, run_id if locked else make_new_run_id()),
    ):
        selection = [dg.AssetKey("pictures")]
        job.execute_in_process(instance=instance, run_id=run_id, tags=process_tags(run_id), asset_selection=selection)
    return seen


def test_a_worker_is_seen_while_its_session_lasts(database: Database) -> None:
    before = datetime.now(UTC)
    assert hosts.at_work(database) == []
    with hosts.presence(database, "photo-nas"):
        ((seen),) = hosts.at_work(database)
    assert (seen.host, seen.at) == ("photo-nas", "")
    assert before - timedelta(seconds=1) < seen.since < datetime.now(UTC)
    assert hosts.at_work(database) == []


def test_a_host_of_a_long_name_is_seen_under_its_beginning(database: Database) -> None:
    with hosts.presence(database, "photo-nas" * 10):
        ((seen),) = hosts.at_work(database)
    assert ("photo-nas" * 10).startswith(seen.host)
    assert seen.host.startswith("photo-nas")


def test_a_session_that_was_lost_is_noticed(database: Database) -> None:
    connection = psycopg2.connect(database.url)
    connection.autocommit = True
    with (
        pytest.raises(OutageError),
        hosts.presence(database, "photo-nas") as still_seen,
        connection.cursor() as cursor,
    ):
        still_seen()
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'facefind worker%'"
        )
        still_seen()
    connection.close()


def test_a_run_is_seen_with_what_it_makes_and_no_worker_beside_it(settings: Settings, database: Database) -> None:
    with hosts.presence(database, socket.gethostname()):
        (seen,) = _look_from_within(settings, database, locked=True)
    assert (seen.host, seen.at) == (socket.gethostname(), "pictures")


def test_a_run_whose_process_died_is_not_seen(settings: Settings, database: Database) -> None:
    assert _look_from_within(settings, database, locked=False) == []
