"""The building of an index, which takes minutes: how far it is, and its end when whoever asked for it stops."""

from concurrent.futures import Future, ThreadPoolExecutor, wait

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.progress import Progress
from facefind_pipeline.store.database import Database

POLL_S = 0.5


def execute_watched(database: Database, connection: Connection, statement: sql.Composed, progress: Progress) -> None:
    """Executes a CREATE INDEX and reports each hundredth of it.

    libpq lets no signal through while a statement runs: it runs in a thread, so that Ctrl-C is noticed here and
    cancels it. The server ends it within seconds where this process dies.

    Args:
        database: which `connection` is to.
        connection: in autocommit mode; used by the thread until this returns.
        statement: a CREATE INDEX.
        progress: reports each hundredth, between `begin` and `end`.
    """
    backend = connection.info.backend_pid
    with database.connect_autocommit() as watching, watching.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        building = pool.submit(_execute, connection, statement)
        try:
            _report_until(building, cursor, backend, progress)
        except BaseException:
            connection.cancel()
            raise
        building.result()


def _execute(connection: Connection, statement: sql.Composed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(name, '2s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'"
        )
        cursor.execute(statement)


def _report_until(building: Future[None], cursor: Cursor, backend: int, progress: Progress) -> None:
    reported = 0
    while not wait([building], timeout=POLL_S).done:
        # Of rows where they are counted, which IVFFlat does for most of its time, else of the table's pages.
        cursor.execute(
            """
            SELECT coalesce(100 * tuples_done / nullif(tuples_total, 0), 100 * blocks_done / nullif(blocks_total, 0), 0)
            FROM pg_stat_progress_create_index WHERE pid = %s
            """,
            [backend],
        )
        (done,) = cursor.fetchone() or (reported,)
        if done > reported:
            progress.advance(done - reported)
            reported = done
