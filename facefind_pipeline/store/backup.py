"""Backups: both databases as `pg_dump` writes them and the home's own files in one zip, with what checks it.

Rows are counted and hashed in the snapshot that is dumped, so that a restored copy can be compared with what there was.
"""

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import parse_dsn

from facefind_pipeline import __version__
from facefind_pipeline import home as homes
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.progress import SILENT, Progress
from facefind_pipeline.store import address, restore_lock
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.server import EmbeddedServer

FORMAT = 1
MANIFEST = "facefind-backup.json"
FACEFIND, DAGSTER = "facefind", "dagster"
# Not in a backup: dumped, of this machine alone, or made again when needed.
LEFT_OUT = (
    "postgres",
    "cache",
    "derived",
    "small-photos",
    homes.MARK,
    "passfile",
    "warned-sslmode",
    "broker",
    "forgetting.json",
)
LEFT_OUT_SUFFIXES = (".lock", ".log")
UNFINISHED = "_unfinished"  # behind the name of a database that is being restored


@dataclass(frozen=True, slots=True)
class Rows:
    """A table's rows: how many, and the sum of their hashes, which no order changes."""

    count: int
    hash: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes:
        format: of the backup.
        facefind: version that wrote it.
        made_at: ISO 8601.
        tables: database -> table -> its rows.
        files: path in the home -> SHA-256 in hex.
    """

    format: int
    facefind: str
    made_at: str
    tables: Mapping[str, Mapping[str, Rows]]
    files: Mapping[str, str]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(rows.count for tables in self.tables.values() for rows in tables.values())


def write(
    database: Database, home: Path, target: Path, server: EmbeddedServer, progress: Progress = SILENT
) -> Manifest:
    """Writes a backup, closed to other users, whole or not at all.

    Raises:
        FacefindError: the target is there already, or `pg_dump` refuses; the message has what it said.
    """
    if target.exists():
        raise FacefindError(f"{target} is there already: name a new file, or move that one away")
    if not target.parent.is_dir():
        raise FacefindError(f"no folder {target.parent}")
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            manifest = _write(database, home, file, server, progress)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def read_manifest(source: Path) -> Manifest:
    """What a backup says that it holds.

    Raises:
        FacefindError: it is no backup, or of a later format.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            found = json.loads(archive.read(MANIFEST))
    except FileNotFoundError:
        raise FacefindError(f"no file {source}") from None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise FacefindError(f"{source} is no backup of `facefind backup`, or is damaged: {error}") from None
    if found["format"] != FORMAT:
        raise FacefindError(f"{source} is a backup of facefind {found['facefind']}: update this one, then restore it")
    tables = {name: {table: Rows(**rows) for table, rows in of.items()} for name, of in found.pop("tables").items()}
    return Manifest(tables=tables, **found)


def restore(
    source: Path, database: Database, home: Path, server: EmbeddedServer, progress: Progress = SILENT
) -> Manifest:
    """Restores a backup into databases and a home that have nothing yet, and compares them with what was backed up.

    The databases get their names only once all of both is there and was compared: what a killed restore left has
    another name, and the next one removes it.

    Args:
        source: the backup.
        database: where it goes; neither of its databases may have tables.
        home: likewise; files that are there already stay, if they are the same.
        server: whose programs are used.
        progress: reports each table that was compared.

    Raises:
        FacefindError: there is data already, the backup is damaged, or what was restored differs from it.
    """
    manifest = read_manifest(source)
    urls = {FACEFIND: database.url, DAGSTER: database.dagster_url}
    homes.make(home)
    with restore_lock.hold(home):
        for url in urls.values():
            _require_empty(url)
        _require_free(home, manifest.files)
        with zipfile.ZipFile(source) as archive:
            for name, url in urls.items():
                unfinished = _renamed(url, UNFINISHED)
                _recreate(unfinished)
                with archive.open(f"{name}.dump") as dump:
                    _pipe_in([server.binary("pg_restore"), "--exit-on-error", "--no-owner", "-d", unfinished], dump)
                _compare(name, manifest.tables[name], unfinished, progress)
            _extract(archive, home, manifest.files)
        for url in urls.values():  # again: from another home somebody may have filled them meanwhile
            _require_empty(url)
        for url in reversed(urls.values()):  # that of Dagster first: with the other the home is there
            _give_name(_renamed(url, UNFINISHED), url)
    return manifest


def read_tables(connection: Connection, progress: Progress = SILENT) -> dict[str, Rows]:
    """Rows of each table of a database, as the connection's transaction sees them."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'UTC'")  # rows are hashed as text
        cursor.execute(
            "SELECT relname FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
        )
        names = [name for (name,) in cursor.fetchall()]
        progress.begin("rows", len(names), "table")
        found = {}
        for name in names:
            cursor.execute(
                sql.SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM {} t").format(
                    sql.Identifier(name)
                )
            )
            found[name] = Rows(*(cursor.fetchone() or (0, "0")))
            progress.advance()
        progress.end()
    return found


def _write(database: Database, home: Path, file: IO[bytes], server: EmbeddedServer, progress: Progress) -> Manifest:
    tables: dict[str, Mapping[str, Rows]] = {}
    files: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, url in ((FACEFIND, database.url), (DAGSTER, database.dagster_url)):
            with _snapshot(url) as (connection, snapshot):
                tables[name] = read_tables(connection, progress)
                with archive.open(f"{name}.dump", "w", force_zip64=True) as dump:
                    _pipe_out(
                        [server.binary("pg_dump"), "-Fc", "--no-privileges", f"--snapshot={snapshot}", "-d", url], dump
                    )
        for path in _files(home):
            try:
                sha256 = _copy(path, archive, _entry(len(files)))
            except (FileNotFoundError, NotADirectoryError):
                continue  # removed meanwhile
            files[path.relative_to(home).as_posix()] = sha256
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        manifest = Manifest(FORMAT, __version__, made_at, tables, files)
        archive.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
    return manifest


@contextmanager
def _snapshot(url: str) -> Iterator[tuple[Connection, str]]:
    """A transaction that sees one state of the database, and the name by which `pg_dump` sees the same."""
    with closing(psycopg2.connect(url)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_export_snapshot()")
            (name,) = cursor.fetchone() or ("",)
        yield connection, name


def _pipe_out(command: Sequence[str | Path], target: IO[bytes]) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        shutil.copyfileobj(process.stdout, target, 1 << 20)
        _require_success(process)


def _pipe_in(command: Sequence[str | Path], source: IO[bytes]) -> None:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            shutil.copyfileobj(source, process.stdin, 1 << 20)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it says why it ended
        except zipfile.BadZipFile as error:
            process.kill()
            raise FacefindError(f"the backup is damaged: {error}") from None
        _require_success(process)


def _require_success(process: "subprocess.Popen[bytes]") -> None:
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace").strip()
    if process.wait():
        raise FacefindError(said.splitlines()[0] if said else f"it ended with exit code {process.returncode}")


def _files(home: Path) -> Iterator[Path]:
    """The home's own files; links lead to what is not of the home."""
    for folder, folders, names in os.walk(home):
        if Path(folder) == home:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            path = Path(folder, name)
            ours = path.parent != home or name not in LEFT_OUT
            if ours and path.is_file() and not path.is_symlink() and path.suffix not in LEFT_OUT_SUFFIXES:
                yield path


def _copy(path: Path, archive: zipfile.ZipFile, entry: str) -> str:
    """Copies a file that others may replace meanwhile; the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
        while block := source.read(1 << 20):
            digest.update(block)
            target.write(block)
    return digest.hexdigest()


def _extract(archive: zipfile.ZipFile, home: Path, files: Mapping[str, str]) -> None:
    for number, (name, sha256) in enumerate(files.items()):
        target = home / name
        if not target.resolve().is_relative_to(home.resolve()):
            raise FacefindError(f"the backup names a file outside the home: {name}")
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = archive.read(_entry(number))
        if hashlib.sha256(content).hexdigest() != sha256:
            raise FacefindError(f"the backup is damaged: {name} is not what was backed up")
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)


def _entry(number: int) -> str:
    """Name in the zip of a file of the home, whose own name may be no text."""
    return f"home/{number}"


def _require_free(home: Path, files: Mapping[str, str]) -> None:
    for name, sha256 in files.items():
        if (there := home / name).is_file() and _sha256(there) != sha256:
            raise FacefindError(f"{there} is there already and differs: restore into a home that does not exist yet")


def _require_empty(url: str) -> None:
    """Refuses a database that has tables, or does not let itself be looked into."""
    with _administering(url) as cursor:
        # A refused connection has no error code that would tell which of its reasons it was.
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [parse_dsn(url)["dbname"]])
        if not cursor.rowcount:
            return
    with closing(_connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LIMIT 1")
        if cursor.rowcount:
            name = parse_dsn(url)["dbname"]
            raise FacefindError(
                f"the database {name} has data already: set FACEFIND_HOME to a folder that does not exist yet, or "
                "FACEFIND_DATABASE_URL to a new database"
            )


def _compare(database: str, backed_up: Mapping[str, Rows], url: str, progress: Progress) -> None:
    with closing(psycopg2.connect(url)) as connection:
        restored = read_tables(connection, progress)
    for table in sorted({*backed_up, *restored}):
        if backed_up.get(table) != restored.get(table):
            raise FacefindError(
                f"table {table} of {database} was restored as {restored.get(table)}, and was {backed_up.get(table)}: "
                "the backup is damaged, nothing was kept"
            )


def _renamed(url: str, suffix: str) -> str:
    parameters = parse_dsn(url)
    return address.uri({**parameters, "dbname": parameters["dbname"] + suffix})


def _recreate(url: str) -> None:
    name = sql.Identifier(parse_dsn(url)["dbname"])
    with _administering(url) as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))


def _give_name(unfinished: str, url: str) -> None:
    """Renames a restored database, in place of an empty one that may be there."""
    name = sql.Identifier(parse_dsn(url)["dbname"])
    with _administering(url) as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        cursor.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(parse_dsn(unfinished)["dbname"]), name)
        )


@contextmanager
def _administering(url: str) -> Iterator[Any]:
    """A cursor in the server's own database, each statement by itself."""
    with closing(_connect(address.uri({**parse_dsn(url), "dbname": "postgres"}))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                yield cursor
            except psycopg2.errors.InsufficientPrivilege as error:
                raise FacefindError(f"no right to make the database: {str(error).splitlines()[0]}") from None
            except psycopg2.errors.ObjectInUse as error:
                raise FacefindError(f"somebody uses the database: {str(error).splitlines()[0]}") from None


def _connect(url: str) -> Connection:
    try:
        return psycopg2.connect(url, connect_timeout=10)
    except psycopg2.OperationalError as error:
        raise FacefindError(f"database unreachable: {' '.join(str(error).split())}") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
