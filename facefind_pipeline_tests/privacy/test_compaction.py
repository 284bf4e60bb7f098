"""Rewriting waits for whoever may still see what went and says for whom; nothing of it stays, in statistics neither."""

import threading
import time
from contextlib import closing

import psycopg2
import pytest

from facefind_pipeline.privacy import compaction
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import Silence
from facefind_pipeline_tests.store.rows import table

VALUES = "SELECT stavalues1::text FROM pg_statistic WHERE starelid = 'forgotten_folders'::regclass"


def test_an_older_transaction_is_waited_for_and_named(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compaction, "LOCK_PATIENCE_S", 0.0)
    rewriting = threading.Thread(target=compaction.rewrite_tables, args=(database, Silence()))
    with closing(psycopg2.connect(database.url, application_name="somebody's psql")) as other:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id(), pg_backend_pid()")
            _, process = cursor.fetchone() or (None, None)
        rewriting.start()
        until = time.monotonic() + 30
        while not caplog.messages and time.monotonic() < until:
            time.sleep(0.05)
        (told,) = caplog.messages
        assert "waiting for the transaction of somebody's psql, which began" in told
        assert f"SELECT pg_terminate_backend({process})" in told
        assert rewriting.is_alive()
        other.rollback()
        rewriting.join(60)
    assert not rewriting.is_alive()


def test_statistics_of_a_table_that_was_emptied_go(database: Database) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO forgotten_folders (path) VALUES ('/photos/canary'), ('/photos/other')")
    with database.connect_autocommit() as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE forgotten_folders")
        assert any("canary" in str(values) for (values,) in table(connection, VALUES))
        cursor.execute("DELETE FROM forgotten_folders")
    compaction.rewrite_tables(database, Silence())
    with database.connect() as connection:
        assert table(connection, VALUES) == []
