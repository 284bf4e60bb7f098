"""A second user of the machine gets nothing of what facefind keeps: no file, no socket, no row, no password."""

import contextlib
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from facefind_pipeline.environment import close_new_files
from facefind_pipeline.home import check
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.conftest import SMALL_SET

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("useradd"), reason="only root can make users"),
]
COMMAND = [sys.executable, "-P", "-c", "from facefind_pipeline.cli import main; main()"]


@contextlib.contextmanager
def _user(name: str) -> Iterator[str]:
    subprocess.run(["useradd", "--no-create-home", "--user-group", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["userdel", name], check=True)


@pytest.fixture(scope="module")
def first() -> Iterator[str]:
    with _user(f"ff-first-{os.getpid()}") as name:
        yield name


@pytest.fixture(scope="module")
def second() -> Iterator[str]:
    with _user(f"ff-second-{os.getpid()}") as name:
        yield name


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder that every account can reach and write to, as `/srv/photos` may be."""
    path = Path(tempfile.mkdtemp(prefix="ff-", dir="/tmp"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def _as(user: str, work: Callable[[], list[str]]) -> list[str]:
    """What `work` returns in a process of that user."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            account = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            os.write(writing, json.dumps(work()).encode())
        except Exception as error:  # noqa: BLE001 - the parent's assertion shows it
            os.write(writing, json.dumps([f"{type(error).__name__}: {error}"]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said: list[str] = json.loads(answer.read())
    os.wait()
    return said


def _loot(places: list[Path], url: str) -> list[str]:
    """What this process can get at: files below the places, sockets, the database."""
    got = []
    for place in places:
        for folder, _, files in os.walk(place):
            for path in (Path(folder, file) for file in files):
                with contextlib.suppress(OSError):
                    path.open("rb").close()
                    got.append(str(path))
    parts = psycopg2.extensions.parse_dsn(url)
    with socket.socket(socket.AF_UNIX) as door, contextlib.suppress(OSError):
        door.connect(f"{parts['host']}/.s.PGSQL.{parts['port']}")
        got.append("socket")
    with contextlib.suppress(psycopg2.Error):
        psycopg2.connect(url)
        got.append("database")
    return got


def test_nothing_of_roots_home_is_open(
    event: Path, reference: Path, work: Path, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("FACEFIND_HOME", "FACEFIND_DATABASE_URL", "FACEFIND_MODELS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(work / "state"))
    arguments = ["run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}"]
    done = subprocess.run([*COMMAND, *arguments], cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    server = EmbeddedServer(work / ".facefind")
    try:
        places = [work / ".facefind", work / "state", server.data]
        assert any((work / ".facefind").rglob("*.jpg"))
        url = server.url("facefind")
        assert _as(second, lambda: _loot(places, url)) == []
    finally:
        server.stop()
        shutil.rmtree(server.data.parent)


@pytest.mark.skipif(
    not all(folder.stat().st_mode & stat.S_IXOTH for folder in Path(sys.prefix).resolve().parents),
    reason="another user can't run what lies in a folder closed to them",
)
def test_nothing_of_a_users_home_is_open(work: Path, first: str, second: str) -> None:
    server = EmbeddedServer(work / ".facefind")

    def begin() -> list[str]:
        os.umask(0)
        close_new_files()
        server.start()
        (server.home / "report.html").write_text("faces")
        return [server.url("postgres")]

    try:
        (url,) = _as(first, begin)
        assert _as(second, lambda: _loot([server.home], url)) == []
        assert "database" in _as(first, lambda: _loot([server.home], url))

        def open_it() -> list[str]:
            check(server.home, named=True)
            return []

        assert "set FACEFIND_HOME to a folder of your own" in _as(second, open_it)[0]
    finally:
        _as(first, lambda: [str(server.stop())])


def test_a_password_is_in_no_process_list(settings, database, second: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFIND_DATABASE_URL", f"{settings.database_url}&password=topsecret")
    with subprocess.Popen([*COMMAND, "psql", "-c", "SELECT pg_sleep(60)"], stdout=subprocess.DEVNULL) as psql:
        try:
            deadline = time.monotonic() + 60
            while psutil.Process(psql.pid).cmdline()[:2] == COMMAND[:2]:  # until it has become psql
                assert time.monotonic() < deadline
                time.sleep(0.1)

            def look() -> list[str]:
                lists = [Path(f"/proc/{pid}/cmdline") for pid in psutil.pids()]
                seen = [str(file) for file in lists if file.exists() and b"topsecret" in file.read_bytes()]
                with contextlib.suppress(PermissionError):
                    seen.append(Path(f"/proc/{psql.pid}/environ").read_text())
                return seen

            assert _as(second, look) == []
        finally:
            psql.kill()
