"""Nothing stays in dead rows, indexes, statistics or the write-ahead log: tables are rewritten, the log begins anew."""

import logging
import math
import time
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.progress import Progress
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import LOCK_PATIENCE_S, Database
from facefind_pipeline.store.server import EmbeddedServer

POLL_S = 0.1

_log = logging.getLogger(__name__)


def rewrite_tables(database: Database, progress: Progress) -> None:
    """Rewrites every table and index of both databases without dead rows, then the statistics that were kept of them.

    Waits for transactions that began before: rows that they may still see would be copied.
    """
    for url in (database.url, database.dagster_url):
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                _wait_for_others(cursor)
                cursor.execute(
                    "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
                    " AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0 ORDER BY 1"
                )
                tables = [name for (name,) in cursor.fetchall()]
                by_superuser = _drop_statistics(cursor)
                progress.begin("rewriting tables", len(tables) + 1, "table")
                for name in tables:
                    cursor.execute(f"VACUUM (FULL, ANALYZE) {name}")
                    progress.advance()
                if by_superuser:
                    cursor.execute("VACUUM FULL pg_catalog.pg_statistic")
                progress.advance()
                progress.end()


def begin_log_anew(database: Database, settings: Settings) -> None:
    """Leaves in the write-ahead log nothing from before: its files are removed, not used again.

    A server of the user's own is left alone: its log, archives and replicas are out of our reach.
    """
    if database.data is None:
        return
    server = EmbeddedServer(settings.home, settings.server_user)
    with closing(psycopg2.connect(database.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SHOW wal_recycle")
            if cursor.fetchone() == ("on",):  # it was started by an earlier version
                server.write_settings()
                cursor.execute("SELECT pg_reload_conf()")
                time.sleep(POLL_S)
            # Files ahead of the log's end may be old ones under new names.
            last = max(_segments(database.data))
            while _segment(cursor) <= last:
                cursor.execute("SELECT pg_logical_emit_message(false, 'facefind', ''), pg_switch_wal()")
            cursor.execute("CHECKPOINT")
            cursor.execute("SELECT pg_switch_wal()")
            cursor.execute("CHECKPOINT")


def _wait_for_others(cursor: Cursor) -> None:
    """Waits for older transactions, and after a while logs whose it is and how it is ended."""
    cursor.execute("SELECT pg_current_xact_id()::xid")
    (now,) = cursor.fetchone() or (None,)
    patient_until = time.monotonic() + LOCK_PATIENCE_S
    while (older := _older_transaction(cursor, now)) is not None:
        if time.monotonic() > patient_until:
            pid, name, seconds = older
            _log.warning(
                "waiting for the transaction of %s, which began %d s ago and may still see what is forgotten; "
                "if it is left over: SELECT pg_terminate_backend(%d)",
                name,
                seconds,
                pid,
            )
            patient_until = math.inf
        time.sleep(POLL_S)


def _older_transaction(cursor: Cursor, now: str | None) -> tuple[int, str, int] | None:
    """Process of the server, name of its session and age in seconds of the oldest that began before `now`."""
    cursor.execute(
        """
        SELECT pid, coalesce(nullif(application_name, ''), backend_type),
               extract(epoch FROM clock_timestamp() - xact_start)::integer
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND backend_type IN ('client backend', 'autovacuum worker')
          AND age(coalesce(backend_xid, backend_xmin)) > age(%s::xid)
        ORDER BY xact_start LIMIT 1
        """,
        [now],
    )
    return cursor.fetchone()


def _drop_statistics(cursor: Cursor) -> bool:
    """Drops what is kept of columns, their commonest values; whether we may: only a superuser does.

    Tables get theirs again when they are rewritten, but of one that is empty by then ANALYZE would leave the old.
    Without the right to it they go with the server's next look at a table that has rows.
    """
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if cursor.fetchone() != (True,):
        return False
    cursor.execute(
        "DELETE FROM pg_catalog.pg_statistic USING pg_class c"
        " WHERE c.oid = starelid AND c.relnamespace = 'public'::regnamespace"
    )
    return True


def _segments(data: Path) -> list[str]:
    """Names of the log's files, which are in its order."""
    return [file.name for file in (data / "pg_wal").iterdir() if len(file.name) == 24]


def _segment(cursor: Cursor) -> str:
    """The file that is written now."""
    cursor.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    (name,) = cursor.fetchone() or ("",)
    return str(name)
