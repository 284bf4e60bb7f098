"""Registered parameter sets: what each key means, whether it is active, and its partition of `embeddings`."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.set_names import ALIASES, DEFAULT, NAME
from facefind_pipeline.store import versions
from facefind_pipeline.store.index_kinds import IndexKind

if TYPE_CHECKING:
    from facefind_pipeline.parameters import ParameterSet


@dataclass(frozen=True, slots=True)
class RegisteredSet:
    """A row of `parameter_sets`; `name` is one of the home's own, of the table too, or None.

    `index` is what was chosen, `floats` pgvector's type by which the index that is there orders faces, or
    None where there is none.
    """

    key: str
    table: str
    dimension: int
    metric: str
    active: bool
    is_default: bool
    detector_fingerprint: str | None
    embedder_fingerprint: str | None
    vectors_version: int
    vectors_changed: int
    name: str | None
    floats: str | None
    index: IndexKind


# From the catalog: while an index of other floats takes the place of one, searches go by what is there.
_FLOATS = (
    "(SELECT min(typname) FROM pg_index JOIN pg_attribute ON attrelid = indexrelid JOIN pg_type t ON t.oid = atttypid"
    " WHERE indrelid = to_regclass(quote_ident(table_name)) AND indisvalid AND typname IN ('vector', 'halfvec'))"
)
COLUMNS = (
    "parameter_set, table_name, dimension, metric, active, is_default, "
    "detector_fingerprint, embedder_fingerprint, vectors_version, vectors_changed, name, "
    f"{_FLOATS}, "
    "index_method, index_halfvec, index_m, index_ef_construction, index_lists"
)


def register(connection: Connection, parameters: "ParameterSet", dimension: int, metric: str) -> None:
    """Makes the set, its partition and the rows behind it where they are missing, and activates it.

    The first set ever registered becomes the default.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO parameter_sets (parameter_set, table_name, settings, dimension, metric)
            VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (parameter_set) DO UPDATE SET active = true WHERE NOT parameter_sets.active
            """,
            [parameters.key, parameters.table, Json(parameters.model_dump()), dimension, metric],
        )
        cursor.execute(
            "SELECT table_name FROM parameter_sets WHERE parameter_set = %s AND to_regclass(table_name) IS NULL",
            [parameters.key],
        )
        for (table,) in cursor.fetchall():
            _create_partition(connection, parameters.key, table, dimension)
        cursor.execute("SELECT FROM parameter_sets WHERE is_default")
        if cursor.rowcount == 0:
            set_default(connection, parameters.key)


def registered(connection: Connection) -> list[RegisteredSet]:
    """All sets, in the order they were added."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {COLUMNS} FROM parameter_sets ORDER BY added_at, parameter_set")  # noqa: S608
        return [_read(row) for row in cursor.fetchall()]


def find(connection: Connection, text: str) -> RegisteredSet:
    """The registered set of a key, an alias or a name of this home; `default` is the one that `facefind find` asks.

    Raises:
        FacefindError: it is not registered, or nothing could be of that key or name.
    """
    text = ALIASES.get(text, text)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM parameter_sets WHERE %(text)s IN (parameter_set, name)"  # noqa: S608
            " OR is_default AND %(text)s = %(default)s",
            {"text": text, "default": DEFAULT},
        )
        row = cursor.fetchone()
    if row is not None:
        return _read(row)
    if text == DEFAULT:
        raise FacefindError("no parameter set is registered yet: run `facefind run PHOTOS --reference NAME=FILE`")
    from facefind_pipeline.parameters import ParameterSet

    key = ParameterSet.parse(text).key
    raise FacefindError(f"parameter set {key!r} is not registered: run `facefind params add {key}`")


def resolve(connection: Connection, text: str) -> "ParameterSet":
    """The set that a name of this home, a canonical key, an alias or `default` names; it need not be registered.

    Raises:
        FacefindError: nothing of these; or `default` where no set is registered yet.
    """
    from facefind_pipeline.parameters import ParameterSet

    if NAME.fullmatch(text) and text not in ALIASES:
        text = find(connection, text).key
    return ParameterSet.parse(text)


def set_default(connection: Connection, key: str) -> None:
    """Makes the set the default and points the view `pictures` at it."""
    chosen = find(connection, key)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE parameter_sets SET is_default = false WHERE is_default AND parameter_set <> %s", [key])
        cursor.execute("UPDATE parameter_sets SET is_default = true WHERE parameter_set = %s", [key])
        # Dropped first: the type vector(d) of a view's column can't be replaced.
        cursor.execute("DROP VIEW IF EXISTS pictures")
        cursor.execute(
            sql.SQL(
                """
                CREATE VIEW pictures AS
                SELECT e.face_key::text AS face, p.path AS filename, e.embedding::vector({dimension}) AS embedding
                FROM embeddings e JOIN photos p USING (sha256)
                WHERE e.parameter_set = {key}
                """
            ).format(dimension=sql.Literal(chosen.dimension), key=sql.Literal(key))
        )


def set_active(connection: Connection, key: str, *, active: bool) -> None:
    """Says whether automation keeps the set filled.

    Raises:
        FacefindError: it is not registered.
    """
    find(connection, key)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE parameter_sets SET active = %(active)s WHERE parameter_set = %(key)s AND active <> %(active)s",
            {"key": key, "active": active},
        )


def set_index(connection: Connection, key: str, kind: IndexKind) -> None:
    """Chooses the set's index; built when the set's index is next made."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE parameter_sets SET index_method = %s, index_halfvec = %s, index_m = %s, index_ef_construction = %s,
                index_lists = %s
            WHERE parameter_set = %s
            """,
            [*astuple(kind), key],
        )


def record_fingerprint(connection: Connection, kind: str, meaning: Mapping[str, object]) -> str:
    """Remembers what a detector or embedder really was; returns the fingerprint."""
    fingerprint = versions.fingerprint(meaning)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO fingerprints (fingerprint, kind, meaning) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [fingerprint, kind, Json(dict(meaning))],
        )
    return fingerprint


def meanings(connection: Connection, key: str) -> dict[str, Mapping[str, object]]:
    """What the set's detector and embedder were when it was last filled, by kind; empty before that."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, meaning FROM fingerprints JOIN parameter_sets
            ON fingerprint IN (detector_fingerprint, embedder_fingerprint) WHERE parameter_set = %s
            """,
            [key],
        )
        return dict(cursor.fetchall())


def fingerprint_meanings(connection: Connection, fingerprints: Sequence[str]) -> dict[str, Mapping[str, object]]:
    """What these fingerprints mean, of those that are known."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fingerprint, meaning FROM fingerprints WHERE fingerprint = ANY(%s)", [list(fingerprints)]
        )
        return dict(cursor.fetchall())


def set_name(connection: Connection, key: str, name: str) -> None:
    """Gives the set a name of this home's own, and its table that name behind `embeddings_`.

    Raises:
        FacefindError: not registered; or not a name, an alias, or another set's name.
    """
    chosen, taken = find(connection, key), [one for one in registered(connection) if one.name == name]
    if chosen.name == name:
        return
    if not NAME.fullmatch(name) or name in (DEFAULT, *ALIASES):
        raise FacefindError(
            f"--name {name!r}: letters a-z, digits and _, a letter first, at most 51, and none of "
            f"{', '.join((DEFAULT, *ALIASES))}"
        )
    if taken:
        raise FacefindError(f"--name {name!r} is the name of {taken[0].key}: give this set another")
    table = f"embeddings_{name}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        if cursor.fetchone() == (True,):
            raise FacefindError(f"--name {name!r}: there is a table {table} already, give this set another name")
        cursor.execute(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(chosen.table), sql.Identifier(table))
        )
        cursor.execute(
            "UPDATE parameter_sets SET name = %s, table_name = %s WHERE parameter_set = %s", [name, table, key]
        )


def _read(row: Sequence[Any]) -> RegisteredSet:
    return RegisteredSet(*[*row[:-5], IndexKind(*row[-5:])])


def _create_partition(connection: Connection, key: str, table: str, dimension: int) -> None:
    """Makes the set's table apart, then attaches it: `PARTITION OF` would wait for all who read any set's vectors."""
    parts = {"table": sql.Identifier(table), "dimension": sql.Literal(dimension), "key": sql.Literal(key)}
    with connection.cursor() as cursor:
        for statement in (
            "CREATE TABLE {table} (LIKE embeddings INCLUDING ALL, CHECK (vector_dims(embedding) = {dimension}))",
            "ALTER TABLE embeddings ATTACH PARTITION {table} FOR VALUES IN ({key})",
        ):
            cursor.execute(sql.SQL(statement).format(**parts))
