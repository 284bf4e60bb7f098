"""Indexes: unfinished ones, damaged ones, those that find too little; and how they are rebuilt."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.doctor.findings import Finding, Installation, note, ok, problem
from facefind_pipeline.plurals import counted
from facefind_pipeline.search.recall import LOWEST_RECALL, nearest, recall, sample
from facefind_pipeline.store import indexes, parameter_sets
from facefind_pipeline.store.database import Database

PROBES = 20  # searches by which a vector index is compared with exact search
# So much below what was measured at its building, an index is not what was built: of 200 neighbours ten are chance.
FALLEN = 0.1
REPAIR = "facefind doctor --repair"
# What PostgreSQL and its extension amcheck raise where pages of an index, or its file, are not what they must be.
DAMAGE = (
    psycopg2.errors.IndexCorrupted,
    psycopg2.errors.DataCorrupted,
    psycopg2.errors.UndefinedFile,
    psycopg2.errors.IoError,
)


@dataclass(frozen=True, slots=True)
class Broken:
    """An index that is to be rebuilt; `parameter_set` where it is one of vectors."""

    name: str
    reason: str
    parameter_set: str | None = None


def sound(installation: Installation) -> Iterator[Finding]:
    """Whether the indexes of both databases are whole."""
    looked = 0
    healthy = True
    for database in _both(installation.answering()):
        found, count = broken(database)
        looked += count
        for one in found:
            healthy = False
            yield problem(f"index {one.name} {one.reason}", REPAIR)
    if healthy:
        yield ok(f"{counted(looked, 'index', 'indexes')} whole, searches find what exact ones find")


def broken(database: Database) -> tuple[list[Broken], int]:
    """Indexes of one database that are to be rebuilt, and how many were looked at; changes nothing."""
    with closing(psycopg2.connect(database.url)) as connection:
        names = _named(connection)
        found = [
            *(Broken(name, "was never finished: it is kept up to date and serves nobody") for name in names[False]),
            *_damaged_btrees(connection, names[True]),
        ]
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('parameter_sets') IS NOT NULL")
            (ours,) = cursor.fetchone() or (False,)
    if ours:
        found += _damaged_vector_indexes(database)
    return found, len(names[True]) + len(names[False])


def repair(database: Database) -> list[str]:
    """Rebuilds all that is broken, beside what others do; the names of what was rebuilt.

    Raises:
        psycopg2.Error: what the index is made from is damaged too.
    """
    rebuilt = []
    for one in _both(database):
        for index in broken(one)[0]:
            with one.connect_autocommit() as connection, connection.cursor() as cursor:
                cursor.execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(index.name)))
            rebuilt.append(index.name)
    return rebuilt


def _both(database: Database) -> tuple[Database, Database]:
    return database, replace(database, url=database.dagster_url)


def _named(connection: Connection) -> dict[bool, list[str]]:
    """Names of indexes by whether they are valid, but for those that are being built just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT i.indisvalid AND i.indisready, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace
              AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
            ORDER BY c.relname
            """
        )
        found: dict[bool, list[str]] = {True: [], False: []}
        for valid, name in cursor.fetchall():
            found[valid].append(name)
        return found


def _damaged_btrees(connection: Connection, names: list[str]) -> Iterator[Broken]:
    """B-trees that amcheck finds damaged. The extension is set up in a transaction that is never committed."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
        except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.FeatureNotSupported, *DAMAGE):
            connection.rollback()  # a server of the user's own without it, or not for this role
            return
        cursor.execute("SET LOCAL lock_timeout = '10s'")
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_am a ON a.oid = c.relam"
            " WHERE a.amname = 'btree' AND c.relname = ANY (%s) AND c.relkind = 'i' ORDER BY 1",
            [names],
        )
        for (name,) in cursor.fetchall():
            cursor.execute("SAVEPOINT one")
            try:
                cursor.execute("SELECT bt_index_check(%s::regclass)", [_quoted(name)])
            except DAMAGE as error:
                cursor.execute("ROLLBACK TO one")
                yield Broken(name, f"is damaged: {str(error).splitlines()[0]}")
        connection.rollback()


def _damaged_vector_indexes(database: Database) -> list[Broken]:
    """Indexes of vectors that fail, or find much less of the nearest faces than when they were built."""
    with database.connect() as connection:
        sets = parameter_sets.registered(connection)
    found = []
    for chosen in sets:
        with closing(psycopg2.connect(database.url)) as connection:
            valid = indexes.indexes(connection, chosen, valid_only=True)
            built = indexes.last_build(connection, chosen.key)
        if len(valid) != 1 or built is None or built.recall is None:
            continue
        try:
            with database.connect() as connection:
                probes = sample(connection, chosen, PROBES)
                share = recall(nearest(connection, chosen, probes), nearest(connection, chosen, probes, exactly=True))
        except DAMAGE as error:
            found.append(Broken(valid[0], f"is damaged: {str(error).splitlines()[0]}", chosen.key))
            continue
        if share < built.recall - FALLEN:
            reason = f"finds {share:.0%} of the nearest faces, and {built.recall:.0%} when it was built"
            found.append(Broken(valid[0], reason, chosen.key))
    return found


def fresh(installation: Installation) -> Iterator[Finding]:
    """Whether the indexes, references and results of the active sets are made from what is there now."""
    from facefind_pipeline.plan.due import Scope, due

    with installation.reading() as connection:
        active = [one for one in parameter_sets.registered(connection) if one.active]
        steps = due(
            connection, ("hnsw_index", "reference_embeddings", "search_results"), Scope([s.key for s in active])
        )
        poor = [one.key for one in active if (b := indexes.last_build(connection, one.key)) and _is_poor(b)]
    for step in steps:
        yield note(f"{step.asset} of {step.partition} is due: {step.why.value}", "facefind run PHOTOS, or facefind dev")
    for key in poor:
        yield note(f"the index of {key} finds too little", f"facefind index {key} compares others")
    if not steps and not poor:
        yield ok("indexes and results are of what is there now")


def _is_poor(build: indexes.Build) -> bool:
    return build.recall is not None and build.recall < LOWEST_RECALL


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
