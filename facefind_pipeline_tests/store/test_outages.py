"""Real errors of a server that stopped and of full disks, as libraries wrap them."""

import errno
from pathlib import Path

import numpy as np
import psycopg2
import pytest
import sqlalchemy

from facefind_pipeline.errors import FacefindError, OutageError
from facefind_pipeline.store import outages
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.outages import outage

DISK_FULL = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"


def _end_others(database: Database) -> None:
    """As a server does when it stops, to all connections but this one."""
    connection = psycopg2.connect(database.url)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname LIKE current_database() || '%' AND pid <> pg_backend_pid()"
        )
    connection.close()


def test_a_connection_that_is_lost(database: Database) -> None:
    with (
        pytest.raises(OutageError, match="the database stopped; what was done is kept"),
        database.connect() as connection,
        connection.cursor() as cursor,
    ):
        _end_others(database)
        cursor.execute("SELECT 1")
    with (
        pytest.raises(OutageError, match="the database stopped"),
        database.lock("a"),
        database.connect_autocommit() as connection,
        connection.cursor() as cursor,
    ):
        _end_others(database)
        cursor.execute("SELECT 1")


def test_a_full_disk_is_named(database: Database) -> None:
    with (
        pytest.raises(OutageError, match="the disk of the database server is full: free some space"),
        database.connect() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(DISK_FULL)


def test_a_lost_connection_is_put_down_to_the_disk_where_that_is_full(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = psycopg2.OperationalError("server closed the connection unexpectedly")
    assert "stopped" in str(outage(lost, tmp_path))
    monkeypatch.setattr(outages, "WAL_SEGMENT_BYTES", 2**62)
    assert str(outage(lost, tmp_path)).startswith(f"the disk that holds {tmp_path} is full")


def test_what_dagsters_storage_raises(database: Database) -> None:
    engine = sqlalchemy.create_engine(database.sqlalchemy_dagster_url)
    with pytest.raises(sqlalchemy.exc.DBAPIError) as lost, engine.connect() as connection:
        _end_others(database)
        connection.execute(sqlalchemy.text("SELECT 1"))
    assert "stopped" in str(outage(lost.value))
    with pytest.raises(sqlalchemy.exc.DBAPIError) as full, engine.connect() as connection:
        connection.execute(sqlalchemy.text(DISK_FULL))
    assert "disk of the database server is full" in str(outage(full.value))
    engine.dispose()


def test_a_file_that_a_full_disk_refused_is_named() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "sheet.jpg")
    assert str(outage(error)).startswith("no space left for sheet.jpg: free some")


@pytest.mark.parametrize(
    "error", [ValueError("x"), OSError(errno.EACCES, "denied"), psycopg2.InterfaceError("cursor already closed")]
)
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    assert outage(error) is None


def test_statements_that_fail_stay_errors_of_their_own(database: Database) -> None:
    for statement, kind in (
        ("SELECT 1 / 0", psycopg2.errors.DivisionByZero),
        ("SET statement_timeout = 1; SELECT pg_sleep(1)", psycopg2.errors.QueryCanceled),
    ):
        with pytest.raises(kind), database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement)


def _wrapped() -> RuntimeError:
    try:
        try:
            np.empty(2**60, np.uint8)
        except MemoryError as error:
            raise RuntimeError("a step failed") from error
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        _wrapped(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("cv2.abi3.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        psycopg2.OperationalError("out of memory for query result"),
    ],
)
def test_a_machine_without_memory_is_named_as_that(error: Exception) -> None:
    found = str(outage(error))
    assert found.startswith("out of memory")
    assert "end other programs" in found
    assert "the same command resumes" in found


def test_our_own_errors_keep_their_words() -> None:
    assert outage(FacefindError("detecting failed: out of memory, on 3 photos in a row")) is None
