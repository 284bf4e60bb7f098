"""Opens the database: starts the embedded server where none is named, makes both databases, applies migrations."""

import logging
import math
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - psycopg2 names its class in lower case
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extensions import parse_dsn

from facefind_pipeline import home as homes
from facefind_pipeline.errors import FacefindError, OutageError
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import address, restore_lock
from facefind_pipeline.store.missing_roles import lacks_roles
from facefind_pipeline.store.outages import outage
from facefind_pipeline.store.queries import sql_folder
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline.store.server_settings import ROLES

LOWEST_PGVECTOR = (0, 8, 4)  # repairs of HNSW indexes before it lose rows
LOCK_POLL_S = 0.05
LOCK_PATIENCE_S = 5  # until it is said for whom a process waits
# A host that is cut off for a minute keeps its locks; one that lost its power loses them after two. The server's own
# default is two hours. On a socket of this machine they do nothing: there a dead process is noticed at once.
KEEPALIVES = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 9"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a database has: migrations that were applied; whether it lacks roles that can be made."""

    applied: list[str]
    lacks_roles: bool


@dataclass(frozen=True, slots=True)
class Database:
    """Where the tables are, and beside them Dagster's own storage.

    Attributes:
        url: libpq URI without a password.
        dagster_url: likewise.
        data: the embedded server's folder, whose disk may be full; None where the server is another's.
    """

    url: str
    dagster_url: str
    data: Path | None = None

    @contextmanager
    def connect(self, *, vectors: bool = True) -> Iterator[Connection]:
        """A connection; commits at the end, rolls back on an error, closes either way.

        Args:
            vectors: whether vectors are read and written through it, for which numpy is loaded.

        Raises:
            OutageError: the server stopped or its disk is full.
        """
        with self._closing() as connection:
            if vectors:
                from pgvector.psycopg2 import register_vector

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
        """Holds the advisory lock of that name; waits for whoever holds it, and after a while logs who that is.

        A dead holder's lock is gone at once. Asks again and again instead of waiting in the server: a waiting statement
        holds a snapshot, and CREATE INDEX CONCURRENTLY, which the holder may be at, waits for all snapshots to end.
        """
        with self.locks([name]):
            yield

    @contextmanager
    def locks(self, names: Iterable[Sequence[str]]) -> Iterator[None]:
        """Holds several, taken one after the other as `lock` does, through one connection however many they are."""
        with self._locking() as cursor:
            for name in names:
                wanted = "|".join(name)
                patient_until = time.monotonic() + LOCK_PATIENCE_S
                while not _try_lock(cursor, wanted):
                    if time.monotonic() > patient_until:
                        _log.warning("waiting for %s, which is at work: %s", _holder(cursor, wanted), " ".join(name))
                        patient_until = math.inf
                    time.sleep(LOCK_POLL_S)
            yield

    @contextmanager
    def lock_if_free(self, *name: str) -> Iterator[bool]:
        """Holds the advisory lock of that name, unless another session does: False then."""
        with self._locking() as cursor:
            yield _try_lock(cursor, "|".join(name))

    @contextmanager
    def _locking(self) -> Iterator[Cursor]:
        with self.connect_autocommit() as connection, connection.cursor() as cursor:
            cursor.execute(KEEPALIVES)
            yield cursor

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
        return address.driver_url(parse_dsn(self.dagster_url), "postgresql+psycopg2")


@cache
def open_database(settings: Settings) -> Database:
    """The database of these settings, ready for use.

    Raises:
        FacefindError: it can't be reached, lacks pgvector, or is being restored.
    """
    restore_lock.require_free(settings.home)
    if not settings.database_url:
        EmbeddedServer(settings.home, settings.server_user).start()
    database, found = _present(settings)
    if found.applied != _migrations():
        _create(database.url)
        _create(database.dagster_url)
        _migrate(database)
        set_up_roles(settings, database)
    elif found.lacks_roles:  # who was to make them was killed, or it was restored from a backup, which has none
        set_up_roles(settings, database)
    return database


def set_up_roles(settings: Settings, database: Database) -> None:
    """Makes the roles and gives them their rights on what there is now.

    On a server of the user's own that does not let them make roles nothing changes: `store.roles` says what to run.
    """
    # At once two processes could not change one role.
    with database.lock("roles"), database.connect_autocommit() as connection, connection.cursor() as cursor:
        try:
            cursor.execute("SELECT set_up_roles()")
        except psycopg2.errors.InsufficientPrivilege:
            return
        if database.data is not None:
            EmbeddedServer(settings.home, settings.server_user).reload()
            for role in ROLES[1:]:  # last: by this `lacks_roles` sees that all was done
                cursor.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role)))


def present_database(settings: Settings) -> Database:
    """The database as it is, for those who start, make and migrate nothing; it need not answer.

    Raises:
        FacefindError: the embedded server is not running.
    """
    return _present(settings)[0]


def schema_difference(connection: Connection) -> tuple[list[str], list[str]]:
    """Migrations that the database lacks, and those that it has and this version does not know."""
    applied, known = _read_applied(connection), _migrations()
    return [name for name in known if name not in applied], [name for name in applied if name not in known]


def _present(settings: Settings) -> tuple[Database, _Found]:
    """The database that these settings mean, and what it has; nothing where it is still to be made."""
    if settings.database_url:
        return _named(settings, address.parse(settings.database_url))
    server = EmbeddedServer(settings.home, settings.server_user)
    database = Database(server.url("facefind"), server.url("dagster"), server.data)
    with _connection_if_any(database.url) as connection:
        return database, _find(connection, embedded=True)


def _named(settings: Settings, parameters: dict[str, str]) -> tuple[Database, _Found]:
    """The database that FACEFIND_DATABASE_URL names, and Dagster's own beside it; and what it has.

    A password is kept in a file that only this user reads, from where libpq takes it: URLs are printed, and given to
    other programs as arguments and in their environment.
    """
    homes.make(settings.home)
    if password := parameters.pop("password", None):
        parameters["passfile"] = os.fspath(_write_passfile(settings.home, password))
        os.environ.pop("PGPASSWORD", None)  # libpq would prefer it
    name = parameters["dbname"]
    dagster = f"{name}_dagster"
    with _connection_if_any(address.uri(parameters)) as connection:
        if connection is not None:
            if address.is_unverified(connection.info.dsn_parameters):
                _warn_once(settings.home, connection.info.dsn_parameters)
            if name == "facefind" and not _exists(connection, dagster) and _holds_our_runs(connection, parameters):
                dagster = "dagster"
        found = _find(connection, embedded=False)
    return Database(address.uri(parameters), address.uri({**parameters, "dbname": dagster})), found


def _write_passfile(home: Path, password: str) -> Path:
    file = home / "passfile"
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    homes.write_private(file, f"*:*:*:*:{escaped}\n")
    return file


def _warn_once(home: Path, effective: address.Parameters) -> None:
    warned = home / "warned-sslmode"
    if not warned.exists():
        _log.warning(
            "FACEFIND_DATABASE_URL: sslmode=%s does not prove that %s is your server; sslmode=verify-full does",
            effective.get("sslmode"),
            effective.get("host"),
        )
        homes.write_private(warned, "")


def _exists(connection: Connection, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [name])
        return cursor.rowcount > 0


def _holds_our_runs(connection: Connection, parameters: address.Parameters) -> bool:
    """Whether the database `dagster` there is the one that facefind used before its own had another name."""
    if not _exists(connection, "dagster"):
        return False
    try:
        other = psycopg2.connect(address.uri({**parameters, "dbname": "dagster"}), connect_timeout=10)
    except psycopg2.OperationalError:
        return False  # somebody else's, closed to us
    try:
        with other, other.cursor() as cursor:
            cursor.execute(
                "SELECT to_regclass('asset_keys') IS NOT NULL AND to_regclass('dynamic_partitions') IS NOT NULL"
            )
            if cursor.fetchone() == (False,):
                return False
            cursor.execute(
                "SELECT EXISTS (SELECT FROM asset_keys WHERE asset_key = '[\"raw_photos\"]')"
                " OR EXISTS (SELECT FROM dynamic_partitions WHERE partitions_def_name = 'parameter_set')"
            )
            return cursor.fetchone() == (True,)
    except psycopg2.errors.InsufficientPrivilege:
        return False
    finally:
        other.close()


def _try_lock(cursor: Cursor, lock: str) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [lock])
    return cursor.fetchone() == (True,)


def _holder(cursor: Cursor, lock: str) -> str:
    """Who holds the advisory lock, by the name under which it is connected."""
    cursor.execute(
        """
        SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND datname = current_database()
          AND (classid::bigint << 32) | objid::bigint = hashtextextended(%s, 0)
        """,
        [lock],
    )
    (name,) = cursor.fetchone() or (None,)
    return name or "another process"  # which ended just now, or connects as somebody else


def _connect(url: str) -> Connection:
    application = f"facefind, process {os.getpid()} on {platform.node()}"[:63]  # longer ones PostgreSQL cuts
    try:
        return psycopg2.connect(url, application_name=application, connect_timeout=10)
    except psycopg2.OperationalError as error:
        raise OutageError(f"database unreachable: {' '.join(str(error).split())}; see `facefind status`") from None


def _migrations() -> list[str]:
    return sorted(file.stem for file in (sql_folder() / "migrations").glob("*.sql"))


def _applied(url: str) -> list[str]:
    with _connection_if_any(url) as connection:
        return [] if connection is None else _read_applied(connection)


def _find(connection: Connection | None, *, embedded: bool) -> _Found:
    if connection is None:
        return _Found([], lacks_roles=True)
    return _Found(_read_applied(connection), lacks_roles(connection, embedded=embedded))


def _read_applied(connection: Connection) -> list[str]:
    """Names of the migrations that were applied: one query instead of the library's start, since every command asks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('_yoyo_migration') IS NOT NULL")
        if cursor.fetchone() == (False,):
            return []
        cursor.execute("SELECT migration_id FROM _yoyo_migration ORDER BY migration_id")
        return [name for (name,) in cursor.fetchall()]


@contextmanager
def _connection_if_any(url: str) -> Iterator[Connection | None]:
    """None where there is no such database yet, or no server: the next step tells which."""
    try:
        connection = psycopg2.connect(url, connect_timeout=10)
    except psycopg2.OperationalError:
        yield None
        return
    try:
        yield connection
    finally:
        connection.close()


def _create(url: str) -> None:
    """Makes the database of that URL if it is missing."""
    parameters = parse_dsn(url)
    name = parameters["dbname"]
    connection = _connect(address.uri({**parameters, "dbname": "postgres"}))
    try:
        connection.autocommit = True
        if not _exists(connection, name):
            with connection.cursor() as cursor:
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
        backend = get_backend(address.driver_url(parse_dsn(database.url), "postgresql"))
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
