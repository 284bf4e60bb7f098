"""The hosts that work for a database: whose worker is there, and what each is at, as sessions and locks tell."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.database import KEEPALIVES, Database

WORKER = "facefind worker on "
RUN_LOCK = "run"  # with a run's id: held by whoever executes it
NAME_BYTES = 63  # longer names of sessions PostgreSQL cuts


@dataclass(frozen=True, slots=True)
class HostAtWork:
    """A host, and one thing that it is at.

    Attributes:
        host: its name.
        at: what it makes; empty while its worker waits.
        since: when that began; of a worker that waits, when it came.
    """

    host: str
    at: str
    since: datetime


@contextmanager
def presence(database: Database, host: str) -> Iterator[Callable[[], None]]:
    """A session by which others see that the host's worker is there, until it ends or the host is cut off.

    Yields:
        What looks whether the session still is.

    Raises:
        OutageError: it was lost when that looked.
    """
    with database.connect_autocommit() as connection, connection.cursor() as cursor:
        cursor.execute(KEEPALIVES)
        cursor.execute("SELECT set_config('application_name', %s, false)", [WORKER + _cut(host)])
        yield lambda: cursor.execute("SELECT")


def at_work(database: Database) -> list[HostAtWork]:
    """What each host is at; a worker that is at nothing too. Runs whose process died are left out."""
    with database.connect(vectors=False) as connection:
        workers = _workers(connection)
        runs = _runs(database)
        alive = _alive(connection, list(runs))
    busy = [one for run_id, one in runs.items() if run_id in alive]
    busy_hosts = {_cut(one.host) for one in busy}
    waiting = [HostAtWork(host, "", since) for host, since in workers if host not in busy_hosts]
    return sorted([*busy, *waiting], key=lambda one: (one.host, one.since))


def _cut(host: str) -> str:
    return host[: NAME_BYTES - len(WORKER)]


def _workers(connection: Connection) -> list[tuple[str, datetime]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT substr(application_name, length(%(worker)s) + 1), min(backend_start) FROM pg_stat_activity
            WHERE datname = current_database() AND starts_with(application_name, %(worker)s) GROUP BY 1
            """,
            {"worker": WORKER},
        )
        return cursor.fetchall()


def _runs(database: Database) -> dict[str, HostAtWork]:
    """What runs that have begun and not ended make, by run id, as Dagster has recorded it."""
    dagster = Database(database.dagster_url, database.dagster_url)
    with dagster.connect(vectors=False) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('runs') IS NOT NULL AND to_regclass('run_tags') IS NOT NULL")
        if cursor.fetchone() == (False,):
            return {}
        cursor.execute(
            """
            SELECT run_id, t.value, coalesce(partition, ''), to_timestamp(start_time), pipeline_name,
                   array(SELECT asset -> 'path' ->> -1
                         FROM jsonb_array_elements(run_body::jsonb #> '{asset_selection,__frozenset__}') asset)
            FROM runs JOIN run_tags t USING (run_id) WHERE status = 'STARTED' AND t.key = '.dagster/facefind_host'
            """
        )
        return {
            run_id: HostAtWork(host, " ".join([", ".join(sorted(assets)) or job, partition]).strip(), since)
            for run_id, host, partition, since, job, assets in cursor.fetchall()
        }


def _alive(connection: Connection, run_ids: list[str]) -> set[str]:
    """Of these runs those whose lock is held."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM unnest(%s::text[]) id JOIN pg_locks
            ON (classid::bigint << 32) | objid::bigint = hashtextextended(%s || '|' || id, 0)
            WHERE locktype = 'advisory' AND granted AND objsubid = 1
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """,
            [run_ids, RUN_LOCK],
        )
        return {run_id for (run_id,) in cursor.fetchall()}
