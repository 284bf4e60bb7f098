"""Opening the database: made when missing, migrated once, clear errors."""

import os
import platform
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.orchestration.instance import environment, open_instance
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store import database as database_module
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.queries import sql_folder
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.conftest import administer
from facefind_pipeline_tests.store.rows import table


def _open(settings: Settings) -> Database:
    return open_database.__wrapped__(settings)  # without the cache, as another process


def test_tables_are_made_once_by_processes_that_start_together(settings: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        databases = list(pool.map(_open, [settings] * 4))
    assert len(set(databases)) == 1
    with databases[0].connect() as connection:
        files = len(list((sql_folder() / "migrations").glob("*.sql")))
        applied = table(connection, "SELECT count(*), count(DISTINCT migration_id) FROM _yoyo_migration")
        assert applied == [(files, files)]
        assert table(connection, "SELECT count(*) FROM photos") == [(0,)]


def test_a_lock_row_that_a_killed_migration_left_does_not_matter(settings: Settings, monkeypatch) -> None:
    with _open(settings).connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
        cursor.execute("DELETE FROM _yoyo_migration")
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with _open(settings).connect() as connection:
        assert table(connection, "SELECT count(*) FROM photos") == [(0,)]


def test_photos_of_before_are_read_again_where_more_can_be_told(settings: Settings) -> None:
    migrations = sorted((sql_folder() / "migrations").glob("*.sql"))
    connection = psycopg2.connect(_open(settings).url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for file in (file for file in migrations if file.stem < "0010"):
            cursor.execute(file.read_text())
        cursor.execute(
            """
            INSERT INTO photo_roots (path) VALUES ('/party');
            INSERT INTO event_days (event_day, root_id, folder) VALUES ('party', 1, ''), ('other', 1, 'other');
            INSERT INTO photos (event_day, path, sha256, bytes, mtime_ns, inode, problem, width, height, taken_at)
            VALUES ('party', 'dated.jpg', sha256('1'), 1, 2, 3, NULL, 4, 5, '2024-06-15 12:30'),
                   ('party', 'undated.jpg', sha256('2'), 1, 2, 3, NULL, 4, 5, NULL),
                   ('party', 'odd.png', sha256('3'), 1, 2, 3, 'damaged', NULL, NULL, NULL),
                   ('other', 'fine.jpg', sha256('4'), 1, 2, 3, NULL, 4, 5, '2024-06-15 12:30');
            INSERT INTO fingerprints (fingerprint, kind, meaning) VALUES ('hog', 'detector', '{}');
            INSERT INTO detections (sha256, detector_fingerprint, seconds, problem)
            VALUES (sha256('1'), 'hog', 0, NULL), (sha256('2'), 'hog', 0, 'truncated'), (sha256('4'), 'hog', 0, NULL);
            INSERT INTO parameter_sets (parameter_set, table_name, settings, dimension, metric)
            VALUES ('hog-up0-px640@dlib', 't', '{}', 128, 'l2');
            INSERT INTO set_days (parameter_set, event_day, photos_version, faces_version, embeddings_version,
                                  detector_fingerprint, embedder_fingerprint)
            SELECT 'hog-up0-px640@dlib', event_day, 'v', 'v', 'v', 'hog', 'hog' FROM event_days;
            """
        )
        (file,) = (file for file in migrations if file.stem.startswith("0010"))
        cursor.execute(file.read_text())
        photos = table(connection, "SELECT path, mtime_ns, camera_time = taken_at, taken_source FROM photos ORDER BY 1")
        assert photos == [
            ("dated.jpg", 2, True, "EXIF"),
            ("fine.jpg", 2, True, "EXIF"),
            ("odd.png", 0, None, None),
            ("undated.jpg", 0, None, None),
        ]
        assert table(connection, "SELECT count(*) FROM detections") == [(3,)]
        assert table(connection, "SELECT DISTINCT photos_version FROM set_days") == [("v",)]
    connection.close()


def test_dagster_has_a_database_of_its_own_beside(settings: Settings) -> None:
    database = _open(settings)
    psycopg2.connect(database.dagster_url).close()
    assert database.sqlalchemy_dagster_url.startswith("postgresql+psycopg2://")
    assert parse_dsn(database.dagster_url)["dbname"] == parse_dsn(database.url)["dbname"] + "_dagster"


@pytest.mark.parametrize(
    "form",
    [
        "postgresql:///{dbname}?host={host}&port={port}&user=postgres",
        "postgres://postgres@{quoted}:{port}/{dbname}",
        "host={host} port={port} user=postgres dbname={dbname}",
        "postgresql://postgres@127.0.0.1:9,{quoted}:{port}/{dbname}?connect_timeout=2",
        "postgresql://postgres@{quoted},{quoted}/{dbname}?port={port}",
    ],
)
def test_whatever_libpq_takes_reaches_both_databases(settings: Settings, database: Database, form: str) -> None:
    from sqlalchemy import create_engine, text

    parts = parse_dsn(settings.database_url or "")
    address = form.format(quoted=quote(parts["host"], safe=""), **parts)
    again = _open(replace(settings, database_url=address))
    with again.connect() as connection:
        assert table(connection, "SELECT current_database()::text") == [(parts["dbname"],)]
    engine = create_engine(again.sqlalchemy_dagster_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar() == f"{parts['dbname']}_dagster"
    engine.dispose()


def test_tables_are_made_through_an_address_without_a_host(settings: Settings) -> None:
    parts = parse_dsn(settings.database_url or "")
    address = "host={host} port={port} user=postgres dbname={dbname}".format(**parts)
    with _open(replace(settings, database_url=address)).connect() as connection:
        assert table(connection, "SELECT count(*) FROM photos") == [(0,)]


def test_a_password_leaves_the_address(settings: Settings, database: Database, monkeypatch) -> None:
    """It goes to a file of this user's, where libpq finds it, and nowhere else."""
    monkeypatch.setenv("PGPASSWORD", "another")
    again = _open(replace(settings, database_url=f"{settings.database_url}&password=se:cr%5Cet"))
    instance = open_instance(settings, again)
    shown = environment(replace(settings, database_url="password=se:cr"), again)
    instance.dispose()
    for text in (again.url, again.dagster_url, *shown.values(), *os.environ.values()):
        assert "se:cr" not in text
        assert "se%3Acr" not in text
    passfile = Path(parse_dsn(again.url)["passfile"])
    assert stat.S_IMODE(passfile.stat().st_mode) == 0o600
    assert passfile.read_text() == "*:*:*:*:se\\:cr\\\\et\n"
    assert "PGPASSWORD" not in os.environ


def test_the_database_that_dagster_had_is_kept_if_it_is_ours(server: EmbeddedServer, settings: Settings) -> None:
    named = replace(settings, database_url=server.url("facefind"))
    try:
        administer(server, "CREATE DATABASE dagster")  # somebody else's
        database = _open(named)
        assert parse_dsn(database.dagster_url)["dbname"] == "facefind_dagster"
        administer(server, "DROP DATABASE dagster", "ALTER DATABASE facefind_dagster RENAME TO dagster")
        old = replace(database, dagster_url=server.url("dagster"))
        assert parse_dsn(_open(named).dagster_url)["dbname"] == "facefind_dagster", (
            "as long as nothing of ours is in it"
        )
        instance = open_instance(named, old)
        instance.add_dynamic_partitions("parameter_set", ["hog-up0-px640@dlib"])
        instance.dispose()
        assert parse_dsn(_open(named).dagster_url)["dbname"] == "dagster"
        with psycopg2.connect(server.url("dagster")) as connection:
            assert table(connection, "SELECT partition FROM dynamic_partitions") == [("hog-up0-px640@dlib",)]
        connection.close()
    finally:
        administer(
            server,
            *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in ("facefind", "facefind_dagster", "dagster")),
        )


def test_a_server_that_proves_nothing_is_reported_once(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server of tests listens on the network, so what libpq would say of one is put in its place."""
    monkeypatch.setattr("facefind_pipeline.store.address.is_unverified", lambda effective: bool(effective["host"]))
    for _ in range(2):
        _open(settings)
    (record,) = caplog.records
    assert "sslmode=verify-full" in record.getMessage()


def test_a_database_of_a_newer_version_is_left_alone(settings: Settings) -> None:
    with _open(settings).connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc) VALUES ('x', '9999_new', now())"
        )
    with pytest.raises(FacefindError, match=r"newer facefind \(9999_new\)"):
        _open(settings)


def test_an_unreachable_or_wrong_address_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("FACEFIND_HOME", str(tmp_path))
    monkeypatch.setenv("FACEFIND_DATABASE_URL", "postgresql://127.0.0.1:9/facefind")
    with pytest.raises(FacefindError, match="database unreachable"):
        _open(read_settings())
    monkeypatch.setenv("FACEFIND_DATABASE_URL", "mysql://127.0.0.1/facefind")
    with pytest.raises(FacefindError, match="must begin with postgresql://"):
        _open(read_settings())


def test_a_lock_keeps_others_waiting_and_ends_with_its_holder(database: Database) -> None:
    def try_lock() -> bool:
        with database.connect() as connection:
            ((got,),) = table(connection, "SELECT pg_try_advisory_xact_lock(hashtextextended('a|b', 0))")
            return bool(got)

    with database.lock("a", "b"):
        assert not try_lock()
        with database.lock("a", "c"):
            pass
    assert try_lock()


def test_who_waits_for_a_lock_says_for_whom(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database_module, "LOCK_PATIENCE_S", 0)

    def wait() -> None:
        with database.lock("index", "hog"):
            pass

    with ThreadPoolExecutor(1) as pool:
        with database.lock("index", "hog"):
            waiting = pool.submit(wait)
            while not caplog.messages and not waiting.done():
                time.sleep(0.01)
        waiting.result(timeout=10)
    assert caplog.messages == [
        f"waiting for facefind, process {os.getpid()} on {platform.node()}, which is at work: index hog"
    ]


def test_an_error_rolls_the_transaction_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO people (person, display_name) VALUES ('ada', 'Ada')")
        raise ZeroDivisionError
    with database.connect() as connection:
        assert table(connection, "SELECT * FROM people") == []


@pytest.mark.parametrize("url", ["postgresql://user@[::1/x", "postgresql://user:p%ZZ@host/x", "mysql://host/x"])
def test_a_malformed_address_is_one_clear_line(settings: Settings, url: str) -> None:
    with pytest.raises(FacefindError, match="FACEFIND_DATABASE_URL") as error:
        open_database(replace(settings, database_url=url))
    assert "ZZ" not in str(error.value), "it may be part of a password"


def test_people_of_long_names_that_an_earlier_version_stored_keep_what_was_said_of_them(settings: Settings) -> None:
    name = "Ada " * 40
    long = "-".join(["ada"] * 40)
    with _open(settings).connect() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0007_short_keys'")
        cursor.execute("INSERT INTO people (person, display_name) VALUES (%s, %s), ('bob', 'Bob')", [long, name])
        cursor.execute(
            "INSERT INTO reference_photos (person, sha256, filename, source, content)"
            " SELECT person, sha256('x'), 'a.jpg', 'command', 'x' FROM people"
        )
        cursor.execute("INSERT INTO feedback (person, sha256, shown) VALUES (%s, sha256('y'), false)", [long])
    with _open(settings).connect() as connection:
        for table_name in ("people", "reference_photos"):
            assert table(connection, f"SELECT person FROM {table_name} ORDER BY 1") == [(key_of(name),), ("bob",)]
        assert table(connection, "SELECT person FROM feedback") == [(key_of(name),)]
