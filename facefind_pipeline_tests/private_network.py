"""Several hosts on one machine, for proofs and benchmarks: namespaces around a hub, each with a name of its own.

The hub has the database and the broker, both with a password. Needs root, `ip`, `unshare`, `setpriv`, `redis-server`.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg2

from facefind_pipeline.store.server import EmbeddedServer

PROGRAMS = ("ip", "unshare", "setpriv", "redis-server")
HUB_ADDRESS = "10.77.0.1"
DATABASE_PASSWORD, BROKER_PASSWORD = "pass of the database", "pass-of-the-broker"
PATIENCE_S = 60


def missing() -> str:
    """Why there can be no such network here; empty where there can."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (apt install iproute2 redis-server)"
    made = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode == 0
    return "" if made else "no network namespace can be made here"


@dataclass
class Network:
    """A hub and hosts named `host1` and so on, each in a namespace.

    Attributes:
        folder: of the database's and the broker's data; the database's socket, too, for whoever is in no namespace.
        names: of the hosts.
    """

    folder: Path
    names: Sequence[str]
    _binaries: Path
    _ended: ExitStack = field(default_factory=ExitStack)
    _broker: "subprocess.Popen[bytes] | None" = None

    @property
    def broker_url(self) -> str:
        return f"redis://:{BROKER_PASSWORD}@{HUB_ADDRESS}:6379/0"

    @property
    def broker_record(self) -> bytes:
        """All that ever went through the broker since it began anew."""
        return b"".join(file.read_bytes() for file in (self.folder / "redis").rglob("*.aof"))

    def database_url(self, name: str) -> str:
        """As the hosts reach it."""
        return f"postgresql://facefind:{DATABASE_PASSWORD.replace(' ', '%20')}@{HUB_ADDRESS}/{name}?sslmode=disable"

    def socket_url(self, name: str) -> str:
        """As this process reaches it."""
        return f"postgresql://facefind@/{name}?host={self.folder}&passfile={self.folder / 'passfile'}"

    def start(self, host: str, command: Sequence[object], **options: object) -> "subprocess.Popen[bytes]":
        """A process on the host; `hub` is one too."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host, *map(str, command)]
        return subprocess.Popen(["ip", "netns", "exec", self._namespace(host), *named], **options)  # type: ignore[call-overload,no-any-return]

    def cut_off(self, host: str) -> None:
        """As if its cable were pulled."""
        self._ip("-n", self._namespace("hub"), "link", "set", self._port(host), "down")

    def connect(self, host: str) -> None:
        """As if its cable were plugged in."""
        self._ip("-n", self._namespace("hub"), "link", "set", self._port(host), "up")

    def start_broker(self, *, forgets: bool = False) -> None:
        """Starts Redis on the hub, with what it had when it last ran, or with nothing."""
        folder = self.folder / "redis"
        if forgets:
            shutil.rmtree(folder)
        folder.mkdir(exist_ok=True)
        configuration = folder / "redis.conf"
        configuration.write_text(f"bind {HUB_ADDRESS}\nrequirepass {BROKER_PASSWORD}\nappendonly yes\ndir {folder}\n")
        self._broker = self.start("hub", ["redis-server", configuration], stdout=subprocess.DEVNULL)
        self._ended.callback(end, self._broker)

    def kill_broker(self) -> None:
        assert self._broker is not None
        self._broker.kill()
        self._broker.wait()

    def _build(self) -> None:
        hub = self._namespace("hub")
        for name in ("hub", *self.names):
            self._ip("netns", "add", self._namespace(name))
            self._ended.callback(self._ip, "netns", "delete", self._namespace(name))
            self._ip("-n", self._namespace(name), "link", "set", "lo", "up")
        self._ip("-n", hub, "link", "add", "bridge", "type", "bridge")
        self._ip("-n", hub, "address", "add", f"{HUB_ADDRESS}/24", "dev", "bridge")
        self._ip("-n", hub, "link", "set", "bridge", "up")
        for number, name in enumerate(self.names, 2):
            port, there = self._port(name), self._namespace(name)
            self._ip("-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", there)
            self._ip("-n", hub, "link", "set", port, "master", "bridge", "up")
            self._ip("-n", there, "address", "add", f"10.77.0.{number}/24", "dev", "eth0")
            self._ip("-n", there, "link", "set", "eth0", "up")

    def _start_database(self) -> None:
        data, password = self.folder / "postgres", self.folder / "password"
        data.mkdir(mode=0o700)
        password.write_text(f"{DATABASE_PASSWORD}\n")
        passfile = self.folder / "passfile"
        passfile.write_text(f"*:*:*:*:{DATABASE_PASSWORD}\n")
        passfile.chmod(0o600)
        for path in (self.folder, data, password):
            shutil.chown(path, "nobody")
        as_nobody = ["setpriv", "--reuid=nobody", "--clear-groups"]
        made = ["-U", "facefind", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "-N", "-D", data]
        command = [*as_nobody, self._binaries / "initdb", "--no-instructions", *made]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)
        with (data / "pg_hba.conf").open("a") as who:
            who.write("host all all 10.77.0.0/24 scram-sha-256\n")
        settings = {
            "listen_addresses": HUB_ADDRESS,
            "unix_socket_directories": self.folder,
            "max_connections": 200,
            "fsync": "off",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (self.folder / "postgres.log").open("wb") as log:
            command = [*as_nobody, self._binaries / "postgres", "-D", data, *options]
            self._ended.callback(end, self.start("hub", command, cwd="/", stdout=log, stderr=log))
        until = time.monotonic() + PATIENCE_S
        while True:
            with suppress(psycopg2.OperationalError):
                psycopg2.connect(self.socket_url("postgres")).close()
                return
            assert time.monotonic() < until, (self.folder / "postgres.log").read_text()
            time.sleep(0.1)

    def _namespace(self, name: str) -> str:
        return f"facefind-{os.getpid()}-{name}"

    def _port(self, name: str) -> str:
        return f"to-{name}"

    def _ip(self, *arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)


@contextmanager
def private_network(server: EmbeddedServer, hosts: int) -> Iterator[Network]:
    """A network of so many hosts, with a database and a broker at work.

    Args:
        server: whose programs the database runs.
        hosts: how many.
    """
    folder = Path(tempfile.mkdtemp(prefix="facefind_network_"))
    binaries = server._server_binaries()  # that `nobody` can run
    network = Network(folder, [f"host{number}" for number in range(1, hosts + 1)], binaries)
    with network._ended as ended:
        ended.callback(shutil.rmtree, folder)
        network._build()
        network._start_database()
        network.start_broker()
        yield network


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kills a process with all that it started."""
    if process.poll() is not None:
        return
    first = psutil.Process(process.pid)
    for one in (first, *first.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()
