"""Whether a database lacks the roles that `set_up_roles` makes: asked by every command, in one query."""

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.server_settings import ROLES

# Their rights are those to `results`, which `set_up_roles` gives with all others. Who could make them: the user, if not
# an administrator's.
_QUERY = """
SELECT count(*) FILTER (
    WHERE (rolcanlogin OR NOT %(embedded)s) AND has_schema_privilege(oid, to_regnamespace('results')::oid, 'USAGE')
) < cardinality(%(roles)s) AND (
    (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user)
    OR coalesce(bool_and(pg_has_role(oid, 'MEMBER')), false)
)
FROM pg_roles WHERE rolname = ANY (%(roles)s)
"""


def lacks_roles(connection: Connection, *, embedded: bool) -> bool:
    """Whether roles are missing or without their rights, and this user could see to it.

    Args:
        connection: of the account that owns the tables.
        embedded: whether the server is the embedded one, on which they must be able to log in.
    """
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"roles": list(ROLES[1:]), "embedded": embedded})
        return cursor.fetchone() == (True,)
