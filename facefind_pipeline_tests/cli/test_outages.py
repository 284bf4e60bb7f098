"""Commands whose database stops or whose disk is full: one line with the reason, and the same command resumes."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest

from facefind_pipeline.faces import Face
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline.vision import detectors
from facefind_pipeline.vision.decode import DecodedPhoto
from facefind_pipeline_tests.cli.conftest import FACEFIND, postmaster
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table

pytestmark = pytest.mark.usefixtures("somebody")
needs_mount = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount")


@pytest.mark.usefixtures("in_this_process")
def test_connections_that_are_lost_in_a_run_are_one_line(
    facefind: Facefind, event: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    detect = detectors.HogDetector.detect

    def ending(self: detectors.HogDetector, photo: DecodedPhoto) -> list[Face]:
        connection = psycopg2.connect(database.url)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        connection.close()
        return detect(self, photo)

    with monkeypatch.context() as stopping:
        stopping.setattr(detectors.HogDetector, "detect", ending)
        result = facefind("run", event, "--params", SMALL_SET)
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert "left out" not in result.stderr
    assert result.stderr.splitlines()[-1] == (
        "facefind: the database stopped; what was done is kept, and the same command resumes"
    )
    assert facefind("run", event, "--params", SMALL_SET).exit_code == 0


@pytest.fixture
def many(tmp_path: Path, portraits: Portraits) -> Path:
    """Sixty photos: enough to be in the middle of."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        portraits.hopper.crop((number, 0, 512, 560)).resize((480, 570)).save(folder / f"{number:03d}.jpg", quality=85)
    return folder


def _run_and(harm: Callable[[], object], server: EmbeddedServer, folder: Path) -> list[str]:
    """Runs the command on the folder, does the harm once something was committed; returns the lines on stderr."""
    connection = psycopg2.connect(server.url("facefind"))
    command = [*FACEFIND, "run", str(folder), "--params", SMALL_SET]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        deadline = time.monotonic() + 120
        while table(connection, "SELECT count(*) FROM detections") == [(0,)] and time.monotonic() < deadline:
            assert process.poll() is None
            connection.rollback()
            time.sleep(0.02)
        connection.close()
        harm()
        _, told = process.communicate(timeout=180)
    assert process.returncode == 1, told
    return told.strip().splitlines()


def _errors(told: list[str]) -> list[str]:
    """All but how much there is to do, how long that takes, and bars."""
    return [line for line in told if not re.search(r"photos in 1 event day|^about |^faces of many:|^\s*$", line)]


def _resume(server: EmbeddedServer, folder: Path) -> None:
    done = subprocess.run(
        [*FACEFIND, "run", str(folder), "--params", SMALL_SET], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "60 photos in" in done.stderr
    assert "60 to do" not in done.stderr
    connection = psycopg2.connect(server.url("facefind"))
    assert table(connection, "SELECT count(*), count(problem) FROM detections") == [(60, 0)]
    connection.close()


HARMS: dict[str, Callable[[EmbeddedServer], object]] = {
    "down": lambda server: subprocess.run([*FACEFIND, "down"], check=True, capture_output=True),
    "quit": lambda server: os.kill(postmaster(server), signal.SIGQUIT),
    "killed": lambda server: os.kill(postmaster(server), signal.SIGKILL),
}


@pytest.mark.proof
@pytest.mark.parametrize("harm", HARMS)
def test_a_server_that_stops_under_a_run(
    make_home: Callable[[Path], EmbeddedServer], tmp_path: Path, many: Path, harm: str
) -> None:
    server = make_home(tmp_path / "home")
    told = _run_and(lambda: HARMS[harm](server), server, many)
    assert _errors(told) == ["facefind: the database stopped; what was done is kept, and the same command resumes"]
    _resume(server, many)


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(file: Path) -> None:
    """Nearly all at once, so that it is full before the command is done; then what that left."""
    with file.open("wb", buffering=0) as ballast:
        disk = os.fstatvfs(ballast.fileno())
        with suppress(OSError):
            os.posix_fallocate(ballast.fileno(), 0, disk.f_bavail * disk.f_frsize * 9 // 10)
        ballast.seek(0, os.SEEK_END)
        with suppress(OSError):
            while True:
                ballast.write(bytes(4096))


@pytest.mark.proof
@needs_mount
def test_a_disk_that_is_full_under_the_database(
    make_home: Callable[[Path], EmbeddedServer], many: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home of its own"
    disk = EmbeddedServer(home).data.parent  # root's lies outside the home
    with _small_disk(disk, "500m"):
        server = make_home(home)
        told = _run_and(lambda: _fill(disk / "ballast"), server, many)
        assert len(_errors(told)) == 1, told
        assert _errors(told)[0].startswith(f"facefind: the disk that holds {server.data} is full: free some space;")
        (disk / "ballast").unlink()
        _resume(server, many)
        server.stop()


@pytest.mark.proof
@needs_mount
def test_a_disk_that_is_full_under_the_sheets(facefind: Facefind, event: Path, tmp_path: Path) -> None:
    sheets = tmp_path / "home" / "sheets"
    with _small_disk(sheets, "8k"):
        result = facefind("run", event, "--params", SMALL_SET)
        assert result.exit_code == 1
        assert f"facefind: no space left for {sheets}" in result.stderr.splitlines()[-1]
        assert "went away" not in result.stderr
    assert facefind("run", event, "--params", SMALL_SET).exit_code == 0
