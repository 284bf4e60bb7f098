"""The search for what should be gone: in every table and column, in the database's files and its log, in the home."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.privacy.byte_search import ByteSearch
from facefind_pipeline.privacy.dagster_record import snapshots
from facefind_pipeline.privacy.data_map import files_of
from facefind_pipeline.privacy.name_search import NameSearch
from facefind_pipeline.privacy.needles import Needles
from facefind_pipeline.progress import Progress
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database

STATE_FILE = "forgetting.json"  # has the needles, and goes at the end
# Models, what is made of them, lists of fonts: nothing there was ever of a person.
_WITHOUT_PEOPLE = ("models", "derived", "cache")
_HOME = "home: "
_TEXTS = ("text", "character varying", "json", "jsonb", "ARRAY")


def search(database: Database, settings: Settings, needles: Needles, progress: Progress) -> dict[str, int]:
    """How often something is found, by place; places where nothing is are left out.

    In tables each row counts that has a deleted picture or vector whole, or a name; in files each slice and each name.
    Files of a server of the user's own can't be read: there its tables alone are searched.
    """
    found: Counter[str] = Counter()
    for name, url in (("", database.url), ("dagster: ", database.dagster_url)):
        with closing(psycopg2.connect(url)) as connection, connection:
            found.update({f"{name}{place}": count for place, count in _search_tables(connection, needles)})
            if url == database.dagster_url and needles.names:
                found["dagster: snapshots of jobs"] = _count_snapshots(connection, NameSearch(needles))
    files = [*_database_files(database), *_home_files(settings.home, database.data)]
    slices = map(bytes.fromhex, needles.pictures + needles.vectors)
    looker = ByteSearch(slices, needles.spellings, needles.other_spellings)
    progress.begin("searching files", len(files), "file")
    names = NameSearch(needles) if needles.names else None
    for place, file in files:
        found[place] += sum(looker.count(file).values())
        if names and file.is_relative_to(settings.home):
            found[place] += names.count(str(file.relative_to(settings.home)))
        progress.advance()
    progress.end()
    return dict(sorted((+found).items()))


def _search_tables(connection: Connection, needles: Needles) -> Iterator[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT table_name, column_name, CASE data_type WHEN 'USER-DEFINED' THEN udt_name ELSE data_type END
            FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
              AND table_name NOT IN (SELECT inhrelid::regclass::text FROM pg_inherits)
            ORDER BY 1, ordinal_position
            """
        )
        columns = cursor.fetchall()
        names = NameSearch(needles) if needles.names else None
        for table, column, kind in columns:
            if kind in _TEXTS and names:
                count = _count_texts(cursor, table, column, names)
            else:
                count = _count_values(cursor, table, column, kind, needles)
            if count:
                yield f"table {table}, {column}", count


def _count_snapshots(connection: Connection, names: NameSearch) -> int:
    with connection.cursor() as cursor:
        return sum(names.count(text) > 0 for text in snapshots(cursor).values())


def _count_texts(cursor: Cursor, table: str, column: str, names: NameSearch) -> int:
    statement = sql.SQL("SELECT {column}::text FROM {table} WHERE {column}::text ~ %s").format(
        column=sql.Identifier(column), table=sql.Identifier(table)
    )
    cursor.execute(statement, [names.anywhere])
    return sum(names.count(text) > 0 for (text,) in cursor)


def _count_values(cursor: Cursor, table: str, column: str, kind: str, needles: Needles) -> int:
    condition = _condition(column, kind, needles)
    if condition is None:
        return 0
    cursor.execute(sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.Identifier(table), condition))
    (count,) = cursor.fetchone() or (0,)
    return int(count)


def _condition(column: str, kind: str, needles: Needles) -> sql.Composable | None:
    name = sql.Identifier(column)
    digests = sql.Literal([bytes.fromhex(digest) for digest in needles.digests])
    if kind == "bytea" and needles.digests:
        return sql.SQL("sha256({}) = ANY({}::bytea[])").format(name, digests)
    if kind == "vector" and needles.digests:
        return sql.SQL("sha256(vector_send({})) = ANY({}::bytea[])").format(name, digests)
    return None


def _database_files(database: Database) -> Iterator[tuple[str, Path]]:
    """The embedded server's files by what they are of; a checkpoint has brought them up to date."""
    if database.data is None:
        return
    of_tables: dict[str, str] = {}
    for url in (database.url, database.dagster_url):
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
            cursor.execute(
                """
                SELECT pg_relation_filepath(c.oid), coalesce(main.relname, c.relname)
                FROM pg_class c
                LEFT JOIN pg_index i ON i.indexrelid = c.oid
                LEFT JOIN pg_class toast ON toast.oid = coalesce(i.indrelid, c.oid) AND toast.relkind = 't'
                LEFT JOIN pg_class main
                    ON main.reltoastrelid = toast.oid OR (toast.oid IS NULL AND main.oid = i.indrelid)
                WHERE pg_relation_filepath(c.oid) IS NOT NULL
                """
            )
            of_tables.update(cursor.fetchall())
    for file in sorted(path for path in database.data.rglob("*") if path.is_file() and not path.is_symlink()):
        relative = file.relative_to(database.data)
        relation = re.sub(r"(_fsm|_vm|\.\d+)+$", "", str(relative))
        if relative.parts[0] == "pg_wal":
            yield "write-ahead log", file
        elif relation in of_tables:
            yield f"files of {of_tables[relation]}", file
        elif relative.parts[0] in {"base", "global"} and file.name.isdecimal():
            yield "files of no table any more", file
        else:
            yield f"server: {relative.parts[0]}", file


def server_log(data: Path) -> Path:
    """What the embedded server says, beside its data, which root may have outside the home."""
    return data.with_name("server.log")


def _home_files(home: Path, data: Path | None) -> Iterator[tuple[str, Path]]:
    if data is not None and not data.is_relative_to(home):
        yield _HOME + "postgres/server.log", server_log(data)
    for entry in sorted(home.iterdir()):
        if entry.name in {*_WITHOUT_PEOPLE, STATE_FILE}:
            continue
        for file in sorted(entry.rglob("*")) if entry.is_dir() else [entry]:
            if file.is_file() and not (data and file.is_relative_to(data)):
                entry_of_map = files_of(str(file.relative_to(home)))
                yield _HOME + (entry_of_map.pattern if entry_of_map else "a file that the data map lacks"), file
