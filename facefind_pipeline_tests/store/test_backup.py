"""Backup and restore: what comes back is what there was, by rows and hashes; nothing is restored over data."""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import backup
from facefind_pipeline.store.database import Database, open_database, present_database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.conftest import Facefind, administer
from facefind_pipeline_tests.store.rows import table


@pytest.fixture
def file(filled: Path, facefind: Facefind, tmp_path: Path) -> Path:
    """A backup of what a run left."""
    file = tmp_path / "faces.zip"
    made = facefind("backup", file)
    assert made.exit_code == 0, made.stderr
    assert f"written to {file}" in made.stdout
    return file


@pytest.fixture
def elsewhere(server: EmbeddedServer, settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A home and a database that do not exist yet."""
    name = f"restored_{os.getpid()}"
    yield replace(settings, home=tmp_path / "new-home", database_url=server.url(name))
    suffixes = ("", "_dagster", f"{backup.UNFINISHED}", f"_dagster{backup.UNFINISHED}")
    administer(server, *(f"DROP DATABASE IF EXISTS {name}{suffix} WITH (FORCE)" for suffix in suffixes))


def _restore(file: Path, settings: Settings) -> backup.Manifest:
    server = EmbeddedServer(settings.home)
    return backup.restore(file, present_database(settings), settings.home, server)


def _tables(database: Database) -> dict[str, list[dict[str, backup.Rows]]]:
    found = []
    for url in (database.url, database.dagster_url):
        with replace(database, url=url).connect(vectors=False) as connection:
            found.append(backup.read_tables(connection))
    return {"tables": found}


def test_what_was_backed_up_comes_back(file: Path, elsewhere: Settings, database: Database, settings: Settings) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    manifest = _restore(file, elsewhere)
    restored = present_database(elsewhere)
    assert _tables(restored) == _tables(database)
    assert manifest.tables["facefind"]["people"].count == 1
    assert manifest.rows > 100
    sheets = [path for path in settings.home.rglob("*.jpg") if "sheets" in path.parts]
    assert sheets
    for path in sheets:
        assert (elsewhere.home / path.relative_to(settings.home)).read_bytes() == path.read_bytes()


def test_a_restored_home_answers(
    file: Path, filled: Path, facefind: Facefind, elsewhere: Settings, monkeypatch
) -> None:
    before = facefind("find", "Ada", "--json").stdout
    monkeypatch.setenv("FACEFIND_HOME", str(elsewhere.home))
    monkeypatch.setenv("FACEFIND_DATABASE_URL", str(elsewhere.database_url))
    told = facefind("restore", file, "--json")
    assert told.exit_code == 0, told.stderr
    assert json.loads(told.stdout)["tables"]["facefind"]["people"]["rows"] == 1
    assert facefind("find", "Ada", "--json").stdout == before
    again = facefind("restore", file)
    assert again.exit_code == 1
    assert "has data already" in again.stderr


def test_hashes_tell_one_changed_row(database: Database, filled: Path) -> None:
    def people() -> backup.Rows:
        with database.connect(vectors=False) as connection:
            return backup.read_tables(connection)["people"]

    before = people()
    assert people() == before
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE people SET display_name = 'Eve'")
    assert people().count == before.count
    assert people().hash != before.hash


def test_a_changed_copy_is_refused_and_nothing_is_kept(
    file: Path, elsewhere: Settings, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = backup.read_manifest(file)
    changed = {**manifest.tables["facefind"], "people": backup.Rows(1, "0")}
    wrong = replace(manifest, tables={**manifest.tables, "facefind": changed})
    monkeypatch.setattr(backup, "read_manifest", lambda _: wrong)
    with pytest.raises(FacefindError, match="table people of facefind was restored as"):
        _restore(file, elsewhere)
    monkeypatch.undo()
    _restore(file, elsewhere)  # what the first try left is no obstacle
    name = urlsplit(str(elsewhere.database_url)).path.strip("/")
    with present_database(elsewhere).connect(vectors=False) as connection:
        left = table(connection, f"SELECT datname::text FROM pg_database WHERE datname LIKE '{name}%' ORDER BY 1")
    assert left == [(name,), (f"{name}_dagster",)]


def test_a_damaged_file_is_refused(file: Path, elsewhere: Settings, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.zip"
    content = bytearray(file.read_bytes())
    content[1000] ^= 0xFF  # inside the first dump
    damaged.write_bytes(content)
    with pytest.raises(FacefindError, match=r"damaged|error"):
        _restore(damaged, elsewhere)
    damaged.write_bytes(content[:-100])
    with pytest.raises(FacefindError, match=r"damaged.zip is no backup"):
        backup.read_manifest(damaged)
    with pytest.raises(FacefindError, match="no file"):
        backup.read_manifest(tmp_path / "none.zip")


def test_a_backup_of_later_is_refused(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        later = json.loads(archive.read(backup.MANIFEST)) | {"format": 2, "facefind": "9.9"}
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(backup.MANIFEST, json.dumps(later))
    with pytest.raises(FacefindError, match=r"backup of facefind 9\.9"):
        backup.read_manifest(file)


def test_secrets_and_what_is_made_again_stay_out(
    file: Path, facefind: Facefind, settings: Settings, tmp_path: Path
) -> None:
    (settings.home / "passfile").write_text("secret")
    (settings.home / "key").write_bytes(b"of tombstones")
    second = tmp_path / "second.zip"
    assert facefind("backup", second).exit_code == 0
    names = set(backup.read_manifest(second).files)
    assert "key" in names
    assert not any(name.split("/")[0] in backup.LEFT_OUT for name in names)
    assert facefind("backup", second).exit_code == 1  # it is there already
    assert "is there already" in facefind("backup", second).stderr


@pytest.mark.slow
def test_a_check_restores_into_a_home_of_its_own_and_removes_it(file: Path, facefind: Facefind, tmp_path: Path) -> None:
    told = facefind("restore", file, "--check")
    assert told.exit_code == 0, told.stderr
    assert "can be restored" in told.stdout
    assert not list(Path("/tmp").glob("facefind-check-*"))
    shutil.rmtree(tmp_path / "photos")


def test_files_of_before_1980_are_backed_up_and_files_removed_meanwhile_are_not(
    database: Database, server: EmbeddedServer, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    old, removed = settings.home / "old", settings.home / "removed"
    for path in (old, removed):
        path.write_text("before")
    os.utime(old, (0, 0))

    def meanwhile(home: Path) -> Iterator[Path]:
        yield old
        removed.unlink()
        yield removed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup, "_files", meanwhile)
        manifest = backup.write(database, settings.home, tmp_path / "faces.zip", server)
    assert set(manifest.files) == {"old"}
    _restore(tmp_path / "faces.zip", elsewhere)
    assert (elsewhere.home / "old").read_text() == "before"


def test_a_database_that_is_filled_during_a_restore_is_not_dropped(
    database: Database,
    server: EmbeddedServer,
    settings: Settings,
    elsewhere: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backup.write(database, settings.home, tmp_path / "faces.zip", server)
    name = urlsplit(str(elsewhere.database_url)).path.strip("/")
    extract = backup._extract

    def meanwhile(*arguments) -> None:
        with pytest.raises(FacefindError, match="a backup is being restored into"):
            open_database.__wrapped__(elsewhere)
        administer(server, f"CREATE DATABASE {name}")  # as from another home
        with present_database(elsewhere).connect(vectors=False) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE theirs (x integer)")
        extract(*arguments)

    monkeypatch.setattr(backup, "_extract", meanwhile)
    with pytest.raises(FacefindError, match="has data already"):
        _restore(tmp_path / "faces.zip", elsewhere)
    with present_database(elsewhere).connect(vectors=False) as connection:
        assert table(connection, "SELECT count(*) FROM theirs") == [(0,)]


def test_a_database_that_cannot_be_looked_into_is_not_taken_for_none(
    server: EmbeddedServer, elsewhere: Settings
) -> None:
    name = urlsplit(str(elsewhere.database_url)).path.strip("/")
    backup._require_empty(str(elsewhere.database_url))
    administer(server, f"CREATE DATABASE {name} ALLOW_CONNECTIONS false")
    with pytest.raises(FacefindError, match="database unreachable"):
        backup._require_empty(str(elsewhere.database_url))
