"""Roles of the database: who may see and change what (`sql/migrations/0033_rights.sql`), and connecting as one of them.

Commands work as the account that owns the tables. Host's pages are the pipeline, guests' pages and `find` are readers.
"""

import logging
from dataclasses import replace
from enum import Enum

from psycopg2.extensions import parse_dsn

from facefind_pipeline.store import address
from facefind_pipeline.store.database import Database

_log = logging.getLogger(__name__)


class Role(Enum):
    """A role that a connection can have, by its name in the database."""

    PIPELINE = "facefind_pipeline"
    READER = "facefind_reader"


SEARCH_PATHS = {Role.PIPELINE: "public", Role.READER: "results,public"}


def as_role(database: Database, role: Role) -> Database:
    """The same database with the rights of that role alone.

    The embedded server knows each role by the account that connects; another server lets its user be the role, if they
    are its member. Where they are not, the rights stay what they were, and it is said what to run.
    """
    options = f"-c search_path={SEARCH_PATHS[role]}"
    parameters = parse_dsn(database.url)
    if database.data is not None:
        return replace(database, url=address.uri({**parameters, "user": role.value, "options": options}))
    if not _may_be(database, role):
        _log.warning("%s", missing(parameters.get("user", "USER")))
        return database
    options = " ".join(filter(None, (parameters.get("options"), options, f"-c role={role.value}")))
    return replace(database, url=address.uri({**parameters, "options": options}))


def missing(user: str) -> str:
    """What is said where a server has no roles of facefind's, or its user may not have them."""
    return (
        "this database server lacks facefind's roles, so pages and searches have all rights of its user: have an "
        "administrator run CREATE ROLE facefind_owner; CREATE ROLE facefind_pipeline; CREATE ROLE facefind_reader; "
        f"GRANT facefind_owner, facefind_pipeline, facefind_reader TO {user}; "
        'then run facefind psql -c "SELECT set_up_roles()"'
    )


def _may_be(database: Database, role: Role) -> bool:
    with database.connect(vectors=False) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_roles WHERE rolname = %s AND pg_has_role(oid, 'MEMBER')"
            " AND has_schema_privilege(oid, 'results', 'USAGE')",
            [role.value],
        )
        return cursor.rowcount > 0
