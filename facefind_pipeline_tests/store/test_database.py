"""Opening the database: made when missing, migrated once, clear errors."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg2
import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store import database as module
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.queries import sql_folder
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
        for file in (file for file in migrations if file.stem < "0012"):
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
        (file,) = (file for file in migrations if file.stem.startswith("0012"))
        cursor.execute(file.read_text())
        photos = table(connection, "SELECT path, mtime_ns, camera_time = taken_at, taken_source FROM photos ORDER BY 1")
        assert photos == [
            ("dated.jpg", 2, True, "EXIF"),
            ("fine.jpg", 2, True, "EXIF"),
            ("odd.png", 0, None, None),
            ("undated.jpg", 0, None, None),
        ]
        assert table(connection, "SELECT count(*) FROM detections") == [(2,)]
        days = table(connection, "SELECT event_day, photos_version FROM set_days ORDER BY 1")
        assert days == [("other", "v"), ("party", "incomplete")]
    connection.close()


def test_dagster_has_a_database_of_its_own_beside(settings: Settings) -> None:
    database = _open(settings)
    assert database.dagster_url != database.url
    psycopg2.connect(database.dagster_url).close()
    assert database.sqlalchemy_dagster_url.startswith("postgresql+psycopg2://")
    assert module._beside("postgresql://ada:secret@db.example.org:5433/facefind?sslmode=require") == Database(
        "postgresql://ada:secret@db.example.org:5433/facefind?sslmode=require",
        "postgresql://ada:secret@db.example.org:5433/dagster?sslmode=require",
    )
    assert module._beside("postgres://db/party").dagster_url == "postgresql://db/party_dagster"


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


def test_an_error_rolls_the_transaction_back(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO people (person, display_name) VALUES ('ada', 'Ada')")
        raise ZeroDivisionError
    with database.connect() as connection:
        assert table(connection, "SELECT * FROM people") == []


@pytest.mark.parametrize("url", ["postgresql://user@[::1/x", "postgresql://user:p%ZZ@host/x", "mysql://host/x"])
def test_a_malformed_address_is_one_clear_line(settings: Settings, url: str) -> None:
    with pytest.raises(FacefindError, match="FACEFIND_DATABASE_URL"):
        open_database(replace(settings, database_url=url))
