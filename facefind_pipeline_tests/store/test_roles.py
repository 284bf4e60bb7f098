"""Roles: a matrix of who may do what, by the real statements; and the whole way of a reader."""

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import parse_dsn

from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.probes import reference_probes
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store import address, parameter_sets
from facefind_pipeline.store.database import Database, open_database, set_up_roles
from facefind_pipeline.store.guest_links import MOST_WRONG_PINS
from facefind_pipeline.store.missing_roles import lacks_roles
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.roles import Role, as_role, missing
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.conftest import SMALL_SET, administer
from facefind_pipeline_tests.store.rows import table

ADA = Person("ada", "Ada")
YES, NO = True, False
VECTOR = "'[" + ",".join(["0.1"] * 128) + "]'"
NEAREST = f"SELECT count(*) FROM results.nearest_faces('{SMALL_SET}', NULL, ARRAY[{VECTOR}], ARRAY['e'], {{n}}, false)"
# Statement -> whether readers may, and whether the pipeline may. The account that owns the tables may do all.
MATRIX = {
    # results
    "SELECT * FROM people": (YES, YES),
    "SELECT * FROM photos": (YES, YES),
    "SELECT * FROM event_days JOIN photo_roots USING (root_id)": (YES, YES),
    "SELECT * FROM search_results": (YES, YES),
    "SELECT * FROM calibrations": (YES, YES),
    "SELECT * FROM consents": (YES, YES),
    "SELECT x, y, w, h, score FROM detected_faces": (YES, YES),
    "SELECT face_key, parameter_set FROM embeddings": (YES, YES),
    # vectors
    "SELECT embedding FROM embeddings": (NO, YES),
    "SELECT embedding FROM public.embeddings": (NO, YES),
    "SELECT face_key FROM public.embeddings": (NO, YES),
    "SELECT embedding FROM {table}": (NO, YES),
    "SELECT embedding FROM faces": (NO, YES),
    "SELECT embedding FROM pictures": (NO, YES),
    "SELECT embedding FROM reference_embeddings": (NO, YES),
    "SELECT embedding FROM public.reference_embeddings": (NO, YES),
    "SELECT embedding FROM by_hand_embeddings": (NO, YES),
    "COPY (SELECT * FROM public.embeddings) TO STDOUT": (NO, YES),
    # crops, clothes
    "SELECT thumbnail FROM public.detected_faces": (NO, YES),
    "SELECT thumbnail FROM public.reference_embeddings": (NO, YES),
    "SELECT thumbnail FROM public.feedback": (NO, YES),
    "SELECT * FROM clothes": (NO, YES),
    # references
    "SELECT content FROM reference_photos": (NO, YES),
    "SELECT filename FROM public.reference_photos": (NO, YES),
    # links: what recognises a PIN
    "SELECT pin_hash FROM guest_links": (NO, YES),
    "SELECT pin_hash FROM public.guest_links": (NO, YES),
    "SELECT results.is_right_pin(1, '')": (YES, YES),
    # searches through functions, and their bounds
    NEAREST.format(n=10): (YES, YES),
    NEAREST.format(n=20_001): (NO, NO),
    NEAREST.format(n=0): (NO, NO),
    "SELECT * FROM results.nearest_photos('Ada')": (YES, YES),
    "SELECT * FROM results.nearest_photos('Ada', NULL, 1001)": (NO, NO),
    "SELECT * FROM public.nearest_photos('Ada')": (NO, YES),
    # writing
    "INSERT INTO people (person, display_name) VALUES ('eve', 'Eve')": (NO, YES),
    "UPDATE people SET display_name = 'Eve'": (NO, YES),
    "DELETE FROM public.photos": (NO, YES),
    "UPDATE guest_links SET wrong_pins = 0": (NO, YES),
    "INSERT INTO {table} SELECT * FROM {table} LIMIT 0": (NO, YES),
    # the schema is its owner's
    "CREATE TABLE mine (x integer)": (NO, NO),
    "CREATE TABLE results.mine (x integer)": (NO, NO),
    "DROP TABLE public.people CASCADE": (NO, NO),
    "ALTER TABLE public.people ADD COLUMN x integer": (NO, NO),
    "TRUNCATE public.people CASCADE": (NO, NO),
    "SELECT set_up_roles()": (NO, NO),
    "CREATE ROLE mine": (NO, NO),
    "SELECT pg_read_file('/etc/passwd')": (NO, NO),
    "COPY (SELECT 1) TO PROGRAM 'true'": (NO, NO),
    "SET ROLE facefind_owner": (NO, NO),
}
READERS_TABLES = [
    *("photo_roots", "event_days", "photos", "parameter_sets", "calibrations", "made", "set_days", "clothes_days"),
    *("people", "consents", "searches", "search_results", "detections", "fingerprints"),
]
REFUSED = (
    psycopg2.errors.InsufficientPrivilege,
    psycopg2.errors.UndefinedColumn,  # a view of `results` does not have it
    psycopg2.errors.RaiseException,  # a bound
    psycopg2.errors.FeatureNotSupported,
)


@contextmanager
def _as(database: Database, role: Role) -> Iterator[Connection]:
    """A session that is that role from its beginning, as the embedded server's; nothing that it writes stays."""
    connection = psycopg2.connect(database.url)
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION AUTHORIZATION {role.value}")
        cursor.execute(f"SET search_path = {'results, public' if role is Role.READER else 'public'}")
    connection.commit()
    yield connection
    connection.close()


def _may(connection: Connection, statement: str) -> bool:
    with connection.cursor() as cursor:
        try:
            if statement.startswith("COPY (SELECT *"):
                with Path("/dev/null").open("wb") as nowhere:
                    cursor.copy_expert(statement, nowhere)
            else:
                cursor.execute(statement)
        except REFUSED:
            return False
        finally:
            connection.rollback()
    return True


@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_the_matrix_says(filled: Path, database: Database, role: Role) -> None:
    with database.connect() as connection:
        chosen = parameter_sets.find(connection, SMALL_SET)
    with _as(database, role) as connection:
        found = {statement: _may(connection, statement.format(table=chosen.table)) for statement in MATRIX}
    assert found == {statement: may[list(Role).index(role) ^ 1] for statement, may in MATRIX.items()}


def test_a_reader_has_rights_to_no_table_but_these(filled: Path, database: Database) -> None:
    """Also not to those that a later migration makes."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE later (embedding vector)")
        rights = table(
            connection,
            "SELECT relname::text, has_table_privilege('facefind_reader', oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"
            " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
            " AND has_any_column_privilege('facefind_reader', oid, 'SELECT, UPDATE')",
        )
        assert dict(rights) == dict.fromkeys(READERS_TABLES, False)
        assert table(connection, "SELECT has_table_privilege('facefind_pipeline', 'later', 'SELECT')") == [(True,)]


def test_nothing_that_a_reader_sees_has_a_vector_or_bytes_of_a_picture(filled: Path, database: Database) -> None:
    with database.connect() as connection, _as(database, Role.READER) as reader:
        columns = table(
            connection,
            "SELECT format('%I.%I', table_schema, table_name), column_name::text FROM information_schema.columns"
            f" WHERE (table_schema = 'results' OR table_schema = 'public' AND table_name = ANY (ARRAY{READERS_TABLES}))"
            "   AND (udt_name IN ('vector', 'halfvec', '_float4') OR data_type = 'bytea')",
        )
        with_bytes = []
        for view, column in columns:
            if column not in {"sha256", "token_hash", "pin_salt"}:
                rows = table(reader, f"SELECT FROM {view} WHERE {column} IS NOT NULL")
                with_bytes += [(view, column)] if rows else []
    assert with_bytes == []


def test_rights_that_a_killed_process_did_not_give_are_given_by_the_next_one(
    settings: Settings, database: Database
) -> None:
    """As after a kill between migrating, or restoring, and making the roles."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("REVOKE ALL ON SCHEMA results FROM facefind_reader, facefind_pipeline")
        assert lacks_roles(connection, embedded=False)
    open_database.__wrapped__(settings)
    with database.connect() as connection, _as(database, Role.READER) as reader:
        assert not lacks_roles(connection, embedded=False)
        assert lacks_roles(connection, embedded=True)  # where they have to log in, and can't
        assert table(reader, "SELECT count(*) FROM embeddings") == [(0,)]


def test_a_link_has_ten_tries_whoever_asks_and_none_once_it_ended(database: Database) -> None:
    def tries(link: int, pin_hash: str, times: int = 1) -> list[bool]:
        with _as(database, Role.READER) as reader:
            asked = f"SELECT results.is_right_pin({link}, '{pin_hash}')"
            rights = [table(reader, asked) == [(True,)] for _ in range(times)]
            reader.commit()
        return rights

    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO people (person, display_name) VALUES ('ada', 'Ada');
            INSERT INTO guest_links (person, token_hash, pin_salt, pin_hash, made_by, expires_at, closed_at)
            SELECT 'ada', sha256(n::text::bytea), 'salt', 'right', 'me', now() + expires, closed
            FROM (VALUES (1, interval '1 day', NULL::timestamptz), (2, '-1 day', NULL), (3, '1 day', now()))
                AS made (n, expires, closed) ORDER BY n
            """
        )
    assert tries(1, "wrong", MOST_WRONG_PINS - 1) == [False] * (MOST_WRONG_PINS - 1)
    assert tries(1, "right") == [True]
    assert tries(1, "wrong", MOST_WRONG_PINS) == [False] * MOST_WRONG_PINS
    assert tries(1, "right") + tries(2, "right") + tries(3, "right") == [False] * 3


def test_nobody_connects_who_has_no_role_and_nothing_is_printed(
    settings: Settings, server: EmbeddedServer, capfd: pytest.CaptureFixture[str]
) -> None:
    made = open_database.__wrapped__(settings)
    assert capfd.readouterr().out == ""  # a script reads JSON there
    with made.connect() as connection:
        may = table(
            connection,
            "SELECT rolname::text, has_database_privilege(oid, current_database(), 'CONNECT') FROM pg_roles"
            " WHERE rolname IN ('facefind_owner', 'facefind_pipeline', 'facefind_reader', 'pg_monitor', 'postgres')"
            " ORDER BY 1",
        )
    assert [name for name, connects in may if not connects] == ["pg_monitor"]
    assert len(may) == 5


def test_functions_for_readers_run_with_a_fixed_search_path_and_no_superusers_rights(
    filled: Path, database: Database
) -> None:
    with database.connect() as connection:
        functions = table(
            connection,
            "SELECT proname::text, prosecdef, rolname::text, rolsuper, 'search_path=public, pg_temp' = ANY (proconfig),"
            " has_function_privilege('public', p.oid, 'EXECUTE')"
            " FROM pg_proc p JOIN pg_roles r ON r.oid = proowner"
            " WHERE pronamespace = 'results'::regnamespace ORDER BY 1",
        )
    assert functions == [
        (name, True, "facefind_owner", False, True, False)
        for name in ("is_right_pin", "nearest_faces", "nearest_photos")
    ]


def test_a_reader_finds_what_everybody_finds(filled: Path, database: Database) -> None:
    reader = as_role(database, Role.READER)
    with database.connect() as connection, reader.connect(vectors=False) as limited:
        chosen = parameter_sets.find(limited, SMALL_SET)
        stored = find_person(connection, chosen, ADA)
        as_reader = find_person(limited, chosen, ADA, reader=True)
        assert not as_reader.stale
        assert not any(match.thumbnail for match in as_reader.matches)
        assert [match.photo for match in as_reader.matches] == [match.photo for match in stored.matches]
        probes = reference_probes(connection, SMALL_SET, ADA)
        live = find_nearest(connection, chosen, probes, person=ADA)
        for asked in (probes, None):
            bounded = find_nearest(limited, chosen, asked, person=ADA, reader=True)
            assert [(m.photo, m.band) for m in bounded.matches] == [(m.photo, m.band) for m in live.matches]
            assert all(
                math.isclose(a.score, b.score) for a, b in zip(bounded.matches, live.matches, strict=True) if a.score
            )
        assert table(limited, "SELECT current_user::text") == [("facefind_reader",)]


def test_a_session_of_a_reader_stays_one(filled: Path, database: Database) -> None:
    with as_role(database, Role.READER).connect(vectors=False) as connection, connection.cursor() as cursor:
        cursor.execute("RESET ROLE; RESET ALL")
        assert table(connection, "SELECT current_user::text") == [("facefind_reader",)]


@pytest.mark.slow
def test_the_embedded_server_knows_each_role_and_no_other(tmp_path: Path, settings: Settings) -> None:
    server = EmbeddedServer(tmp_path / "own")
    own = replace(settings, home=tmp_path / "own", database_url=None)
    try:
        database = open_database.__wrapped__(own)
        for role in Role:
            with as_role(database, role).connect(vectors=False) as connection:
                assert table(connection, "SELECT session_user::text, current_user::text") == [(role.value,) * 2]
        for user in ("facefind_owner", "somebody"):
            with pytest.raises(psycopg2.OperationalError, match=r"pg_hba\.conf|does not exist"):
                psycopg2.connect(address.uri({**parse_dsn(database.url), "user": user}))
    finally:
        server.stop()


def test_a_user_who_may_not_be_a_reader_goes_on_and_is_told_what_to_run(
    filled: Path, database: Database, server: EmbeddedServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a server of an administrator's, where facefind's user owns a database and nothing else."""
    name = f"hosted_{abs(hash(settings.home)) % 10**9}"
    administer(server, f"CREATE ROLE {name}")
    hosted = replace(database, url=address.uri({**parse_dsn(database.url), "options": f"-c role={name}"}))
    try:
        set_up_roles(settings, hosted)
        assert as_role(hosted, Role.READER) == hosted
        assert missing("postgres") in caplog.text
        administer(server, f"GRANT facefind_owner, facefind_pipeline, facefind_reader TO {name}")
        with as_role(hosted, Role.READER).connect(vectors=False) as connection:
            assert table(connection, "SELECT current_user::text, (SELECT count(*) FROM people)") == [
                ("facefind_reader", 1)
            ]
    finally:
        administer(server, f"DROP ROLE {name}")


def test_whoever_owns_a_database_whose_extension_an_administrator_made_sets_it_up(
    settings: Settings, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = f"owner_{abs(hash(settings.home)) % 10**9}"
    databases = (user, f"{user}_dagster")
    administer(server, f"CREATE ROLE {user}", *(f"CREATE DATABASE {name} OWNER {user}" for name in databases))
    url = server.url(user)
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION vector")
    monkeypatch.setenv("FACEFIND_DATABASE_URL", address.uri({**parse_dsn(url), "options": f"-c role={user}"}))
    try:
        with open_database(read_settings()).connect() as connection:
            assert table(connection, "SELECT current_user::text, count(*) FROM photos") == [(user, 0)]
    finally:
        administer(server, *(f"DROP DATABASE {name} WITH (FORCE)" for name in databases), f"DROP ROLE {user}")
