"""Opens the database: starts the embedded server where none is named, makes both databases, applies migrations."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 names its class in lower case
from psycopg2.extensions import parse_dsn

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.outages import outage
from facefind_pipeline.store.queries import sql_folder
from facefind_pipeline.store.server import EmbeddedServer

LOWEST_PGVECTOR = (0, 8, 4)  # repairs of HNSW indexes before it lose rows
LOCK_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Database:
    """Where the tables are, and beside them Dagster's own storage.

    Attributes:
        url: libpq URI.
        dagster_url: likewise.
        data: the embedded server's folder, whose disk may be full; None where the server is another's.
    """

    url: str
    dagster_url: str
    data: Path | None = None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection that knows vectors; commits at the end, rolls back on an error, closes either way.

        Raises:
            OutageError: the server stopped or its disk is full.
        """
        from pgvector.psycopg2 import register_vector

        with self._closing() as connection:
            register_vector(connection)
            connection.commit()  # register_vector leaves a transaction open
            with connection:
                yield connection

    @contextmanager
    def connect_autocommit(self) -> Iterator[Connection]:
        """A connection without transactions, for statements that refuse to run in one, such as CONCURRENTLY.

        Raises:
            OutageError: as `connect`.
        """
        with self._closing() as connection:
            connection.autocommit = True
            yield connection

    @contextmanager
    def lock(self, *name: str) -> Iterator[None]:
        """Holds the advisory lock of that name; waits for whoever holds it. A dead holder's lock is gone at once.

        Asks again and again instead of waiting in the server: a waiting statement holds a snapshot, and CREATE INDEX
        CONCURRENTLY, which the holder may be at, waits for all snapshots to end.
        """
        with self.connect_autocommit() as connection, connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", ["|".join(name)])
                if cursor.fetchone() == (True,):
                    break
                time.sleep(LOCK_POLL_S)
            yield

    @contextmanager
    def _closing(self) -> Iterator[Connection]:
        connection = _connect(self.url)
        try:
            yield connection
        except psycopg2.Error as error:
            if (found := outage(error, self.data)) is not None:
                raise found from error
            raise
        finally:
            connection.close()

    @property
    def sqlalchemy_dagster_url(self) -> str:
        """For dagster-postgres: SQLAlchemy 2.1 takes a bare `postgresql://` to mean psycopg 3."""
        return "postgresql+psycopg2://" + self.dagster_url.partition("://")[2]


@cache
def open_database(settings: Settings) -> Database:
    """The database of these settings, ready for use.

    Raises:
        FacefindError: it can't be reached, or lacks pgvector.
    """
    if settings.database_url:
        database = _beside(settings.database_url)
    else:
        server = EmbeddedServer(settings.home)
        server.start()
        database = Database(server.url("facefind"), server.url("dagster"), server.data)
    if _applied(database.url) != _migrations():
        _create(database.url)
        _create(database.dagster_url)
        _migrate(database)
    return database


def _beside(url: str) -> Database:
    """Dagster's database is `dagster` beside `facefind`, and `x_dagster` beside any other `x`."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise FacefindError(
            "FACEFIND_DATABASE_URL must begin with postgresql://, as in postgresql://user@host/facefind"
        )
    try:
        parts = urlsplit(url)
        parse_dsn(url)
    except (ValueError, psycopg2.ProgrammingError) as error:
        raise FacefindError(f"FACEFIND_DATABASE_URL: {str(error).strip()}") from None
    name = parts.path.strip("/") or "facefind"
    dagster = "dagster" if name == "facefind" else f"{name}_dagster"
    ours, dagsters = (urlunsplit(parts._replace(scheme="postgresql", path=f"/{one}")) for one in (name, dagster))
    return Database(ours, dagsters)


def _connect(url: str) -> Connection:
    try:
        return psycopg2.connect(url, application_name="facefind", connect_timeout=10)
    except psycopg2.OperationalError as error:
        raise FacefindError(f"database unreachable: {' '.join(str(error).split())}; see `facefind status`") from None


def _migrations() -> list[str]:
    return sorted(file.stem for file in (sql_folder() / "migrations").glob("*.sql"))


def _applied(url: str) -> list[str]:
    """Names of the migrations that were applied: one query instead of the library's start, since every command asks."""
    try:
        connection = psycopg2.connect(url, connect_timeout=10)
    except psycopg2.OperationalError:
        return []  # no such database yet, or no server: the next step tells which
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('_yoyo_migration') IS NOT NULL")
            if cursor.fetchone() == (False,):
                return []
            cursor.execute("SELECT migration_id FROM _yoyo_migration ORDER BY migration_id")
            return [name for (name,) in cursor.fetchall()]
    finally:
        connection.close()


def _create(url: str) -> None:
    """Makes the database of that URL if it is missing."""
    parts = urlsplit(url)
    name = parts.path.strip("/")
    connection = _connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            if cursor.rowcount == 0:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except (psycopg2.errors.DuplicateDatabase, psycopg2.errors.UniqueViolation):
        pass  # another process was faster
    except psycopg2.errors.InsufficientPrivilege:
        raise FacefindError(f"no right to create the database {name!r}: have it created, then try again") from None
    finally:
        connection.close()


def _migrate(database: Database) -> None:
    """Applies each file of sql/migrations once, in order.

    The advisory lock is what keeps processes apart; the library's own lock row outlives a killed process, so whatever
    row is there once we hold ours is a dead one's.
    """
    from yoyo import get_backend, read_migrations

    with database.lock("migrations"):
        backend = get_backend(database.url)
        # Its own asks the name server for this machine's full name, and keeps that with the user's.
        backend.log_migration = lambda *_: None
        backend.break_lock()
        migrations = read_migrations(str(sql_folder() / "migrations"))
        unknown = set(_applied(database.url)) - set(_migrations())
        if unknown:
            raise FacefindError(f"the database was made by a newer facefind ({max(unknown)}): update this one")
        try:
            with backend.lock():
                backend.apply_migrations(backend.to_apply(migrations))
        except psycopg2.errors.UndefinedFile:
            raise FacefindError("this PostgreSQL has no pgvector: install it on the server, 0.8.4 or later") from None
        except psycopg2.errors.InsufficientPrivilege as error:
            raise FacefindError(f"no right to set up the database: {str(error).splitlines()[0]}") from None
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        (version,) = cursor.fetchone() or ("0",)
        if tuple(int(n) for n in version.split(".")[:3]) < LOWEST_PGVECTOR:
            lowest = ".".join(map(str, LOWEST_PGVECTOR))
            raise FacefindError(f"pgvector {version} is too old: {lowest} or later, then ALTER EXTENSION vector UPDATE")
