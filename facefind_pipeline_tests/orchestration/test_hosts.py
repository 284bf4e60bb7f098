"""Two hosts work off a backfill; one dies, the broker dies, one is cut off: the tables are those of one machine."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.counted_work import CountedWork
from facefind_pipeline_tests.private_network import (
    BROKER_PASSWORD,
    DATABASE_PASSWORD,
    Network,
    end,
    missing,
    private_network,
)
from facefind_pipeline_tests.stored import ask, hashes

pytestmark = [pytest.mark.proof, pytest.mark.skipif(bool(missing()), reason=missing())]

DAYS, PHOTOS = 12, 60  # photos per day
IN_FLIGHT = 50  # photos that a kill costs at most
COMMAND = [str(Path(sys.executable).with_name("facefind"))]
PATIENCE_S = 180
BROKEN_S, CUT_S = 10, 60


@pytest.fixture(scope="module")
def network(server: object) -> Iterator[Network]:
    with private_network(server, 2) as made:  # type: ignore[arg-type]
        yield made


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, portraits: Portraits) -> Path:
    root = tmp_path_factory.mktemp("shared") / "photos"
    for day, number in itertools.product(range(DAYS), range(PHOTOS)):
        folder = root / f"day {day:02}"
        folder.mkdir(parents=True, exist_ok=True)
        width = 300 + day * PHOTOS + number
        portraits.collins.resize((320, 320), box=(0, 0, 512 - width / 10, 512)).save(
            folder / f"{number:02}.jpg", quality=92
        )
    return root


@dataclass
class Hosts:
    """One test's database, and processes on the hosts that work for it."""

    network: Network
    database: str
    folder: Path
    environment: Mapping[str, str]
    work: CountedWork
    ended: ExitStack
    workers: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.network.socket_url(self.database)

    @property
    def dagster_url(self) -> str:
        return self.network.socket_url(f"{self.database}_dagster")

    def start(self, host: str, *arguments: object, **more: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, **self.environment, "FACEFIND_HOME": str(self.folder / host), **more}
        with (self.folder / f"{host}.log").open("ab") as log:
            process = self.network.start(
                host, [*COMMAND, *arguments], env=environment, cwd=self.folder, stdout=log, stderr=log
            )
        self.ended.callback(end, process)
        return process

    def call(self, host: str, *arguments: object, **more: str) -> None:
        assert self.start(host, *arguments, **more).wait(timeout=PATIENCE_S) == 0, self.log(host)

    def log(self, host: str) -> str:
        return (self.folder / f"{host}.log").read_text()

    def status(self) -> list[tuple[str, str, datetime]]:
        """What `facefind status` shows of hosts."""
        environment = {**os.environ, **self.environment, "FACEFIND_HOME": str(self.folder / "hub")}
        asked = self.network.start("hub", [*COMMAND, "status", "--json"], env=environment, stdout=subprocess.PIPE)
        shown = json.loads(asked.communicate(timeout=PATIENCE_S)[0])["hosts"]
        return [(one["host"], one["at"], datetime.fromisoformat(one["since"])) for one in shown]

    def at(self) -> dict[str, str]:
        return {host: at for host, at, _ in self.status()}

    def started(self) -> list[tuple[str, str, int]]:
        """Host and partition of the runs at faces, and how many photos of it are stored."""
        at_work = ask(
            self.dagster_url,
            "SELECT value, partition FROM runs JOIN run_tags USING (run_id)"
            " WHERE status = 'STARTED' AND key = '.dagster/facefind_host' AND partition LIKE 'day-%'",
        )
        stored = "SELECT count(*) FROM detections JOIN photos USING (sha256) WHERE event_day = '{}'"
        return [
            (str(host), str(partition), int(str(ask(self.url, stored.format(str(partition).split("|")[0]))[0][0])))
            for host, partition in at_work
        ]

    def all_at_work(self) -> bool:
        return {host for host, _, _ in self.started()} == set(self.network.names)

    def in_the_middle(self, host: str) -> bool:
        """Whether the host is at a day of which some photos are stored."""
        return any(name == host and 0 < stored < PHOTOS for name, _, stored in self.started())

    def runs(self) -> Counter[str]:
        """Of faces, by status."""
        return Counter(
            str(status) for (status,) in ask(self.dagster_url, "SELECT status FROM runs WHERE partition LIKE 'day-%|%'")
        )


def wait_until(reached: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + patience_s
    while not reached():
        assert time.monotonic() < until, what
        time.sleep(0.05)


@pytest.fixture
def hosts(
    network: Network, photos: Path, models: Path, derived: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Hosts]:
    """The days are ingested, nothing is detected; a worker on each host waits."""
    database = f"hosts_{abs(hash(request.node.name)) % 10**9}"
    for host in ("hub", *network.names):
        home = tmp_path / host
        home.mkdir(mode=0o700)
        (home / "derived").symlink_to(derived)
    work = CountedWork(tmp_path / "counted")
    environment = {
        "FACEFIND_DATABASE_URL": network.database_url(database),
        "FACEFIND_BROKER_URL": network.broker_url,
        "FACEFIND_MODELS": str(models),
        **work.environment,
    }
    with ExitStack() as ended:
        made = Hosts(network, database, tmp_path, environment, work, ended)
        made.call("hub", "ingest", photos)
        for host in network.names:
            made.workers[host] = made.start(host, "worker")
        yield made


@pytest.fixture(scope="module")
def alone(
    network: Network,
    photos: Path,
    models: Path,
    derived: Path,
    portraits: Portraits,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, object]:
    """What one machine without workers makes of the same photos."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "hub").mkdir(mode=0o700)
    (folder / "hub" / "derived").symlink_to(derived)
    portraits.hopper.crop((60, 40, 470, 520)).save(folder / "Ada.jpg")
    environment = {"FACEFIND_DATABASE_URL": network.database_url("alone"), "FACEFIND_MODELS": str(models)}
    with ExitStack() as ended:
        made = Hosts(network, "alone", folder, environment, CountedWork(folder / "counted"), ended)
        made.call("hub", "run", photos, "--params", SMALL_SET, "--reference", f"Ada={folder / 'Ada.jpg'}")
        return hashes(made.url)


def test_a_host_that_dies_loses_nothing_and_has_little_done_twice(hosts: Hosts, alone: dict[str, object]) -> None:
    first, _ = hosts.network.names
    sweep = hosts.start("hub", "sweep", SMALL_SET)
    wait_until(lambda: hosts.in_the_middle(first), "no commit")
    _kill_all_of(hosts, first)
    assert sweep.wait(timeout=PATIENCE_S) == 0, hosts.log("hub")
    assert hosts.runs()["FAILURE"] == 1
    _check(hosts, alone)
    record = hosts.network.broker_record
    assert b"execute_job" in record
    for secret in (DATABASE_PASSWORD, DATABASE_PASSWORD.replace(" ", "%20"), BROKER_PASSWORD):
        assert secret.encode() not in record  # which has all that went through the broker


def test_the_daemon_has_what_a_dead_host_was_at_made_by_another(hosts: Hosts, alone: dict[str, object]) -> None:
    first, _ = hosts.network.names
    hosts.call("hub", "params", "add", SMALL_SET)
    hosts.start("hub", "dev")
    wait_until(lambda: hosts.in_the_middle(first), "no commit")
    _kill_all_of(hosts, first)
    wait_until(lambda: hosts.runs()["SUCCESS"] == DAYS, f"not all were made: {hosts.runs()}")
    assert hosts.runs()["FAILURE"] == 1
    _check(hosts, alone)


@pytest.mark.parametrize("forgets", [False, True], ids=["keeps what it had", "forgets all"])
def test_a_broker_that_is_killed_and_started_again_loses_nothing(
    hosts: Hosts, alone: dict[str, object], *, forgets: bool
) -> None:
    sweep = hosts.start("hub", "sweep", SMALL_SET)
    wait_until(hosts.all_at_work, "not both at work")
    hosts.network.kill_broker()
    time.sleep(BROKEN_S)
    hosts.network.start_broker(forgets=forgets)
    assert sweep.wait(timeout=PATIENCE_S) == 0, hosts.log("hub")
    assert hosts.runs()["FAILURE"] == 0
    _check(hosts, alone)


def test_a_host_that_is_cut_off_for_a_minute_loses_nothing(hosts: Hosts, alone: dict[str, object]) -> None:
    _, second = hosts.network.names
    sweep = hosts.start("hub", "sweep", SMALL_SET)
    wait_until(lambda: hosts.in_the_middle(second), "no commit")
    hosts.network.cut_off(second)
    time.sleep(CUT_S)
    hosts.network.connect(second)
    assert sweep.wait(timeout=PATIENCE_S) == 0, hosts.log("hub")
    _check(hosts, alone)


def test_a_slow_host_makes_fewer_days_and_nothing_is_lost_or_done_twice(hosts: Hosts, alone: dict[str, object]) -> None:
    first, second = hosts.network.names
    sweep = hosts.start("hub", "sweep", SMALL_SET)
    wait_until(hosts.all_at_work, "not both at work")
    with _slowed(hosts.workers[second].pid):
        assert sweep.wait(timeout=PATIENCE_S) == 0, hosts.log("hub")
    made = (
        "SELECT value FROM runs JOIN run_tags USING (run_id)"
        " WHERE key = '.dagster/facefind_host' AND partition LIKE 'day-%|%'"
    )
    days = Counter(str(host) for (host,) in ask(hosts.dagster_url, made))
    assert 0 < days[second] < days[first]
    assert hosts.runs() == {"SUCCESS": DAYS}
    _check(hosts, alone)


@contextmanager
def _slowed(pid: int) -> Iterator[None]:
    """The process and those that it starts are stopped for three quarters of the time."""
    over = threading.Event()

    def slow_down() -> None:
        first = psutil.Process(pid)
        while not over.is_set():
            processes = (first, *first.children(recursive=True))
            for act, seconds in ((psutil.Process.suspend, 0.3), (psutil.Process.resume, 0.1)):
                for process in processes:
                    with suppress(psutil.NoSuchProcess):
                        act(process)
                time.sleep(seconds)

    slowing = threading.Thread(target=slow_down)
    slowing.start()
    try:
        yield
    finally:
        over.set()
        slowing.join()


CANCEL = """
import dagster as dg
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database
settings = read_settings()
instance = open_instance(settings, open_database(settings))
(run, *_) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
assert instance.run_coordinator.cancel_run(run.run_id)
"""


def test_a_run_is_ended_on_whatever_host_it_is_and_ctrl_c_leaves_none_waiting(hosts: Hosts) -> None:
    sweep = hosts.start("hub", "sweep", SMALL_SET)
    wait_until(hosts.all_at_work, "not both at work")
    environment = {**os.environ, **hosts.environment, "FACEFIND_HOME": str(hosts.folder / "hub")}
    asked = hosts.network.start("hub", [sys.executable, "-c", CANCEL], env=environment, cwd=hosts.folder)
    assert asked.wait(timeout=PATIENCE_S) == 0
    wait_until(lambda: hosts.runs()["CANCELED"] == 1, f"not canceled: {hosts.runs()}")
    wait_until(hosts.all_at_work, "the worker did not go on")
    sweep.send_signal(signal.SIGINT)
    assert sweep.wait(timeout=PATIENCE_S) == 130, hosts.log("hub")
    wait_until(lambda: not hosts.started(), "what was at work was not finished")
    ended = hosts.runs()
    assert ended.keys() == {"SUCCESS", "CANCELED"}
    assert ended["CANCELED"] > 1


def _check(hosts: Hosts, alone: dict[str, object]) -> None:
    """All is made, as one machine makes it, and hardly anything twice."""
    assert hosts.runs()["SUCCESS"] == DAYS
    assert hashes(hosts.url) == alone
    counts = hosts.work.counts()
    ((faces,),) = ask(hosts.url, "SELECT count(*) FROM embeddings")
    print(
        f"decoded {counts['decoded']} times {DAYS * PHOTOS} photos, embedded {counts['embedded']} times {faces} faces"
    )
    assert DAYS * PHOTOS <= counts["decoded"] <= DAYS * PHOTOS + IN_FLIGHT
    assert int(str(faces)) <= counts["embedded"] <= int(str(faces)) + 2 * IN_FLIGHT


def _kill_all_of(hosts: Hosts, host: str) -> None:
    listed = subprocess.run(
        ["ip", "netns", "pids", hosts.network._namespace(host)], capture_output=True, text=True, check=True
    )
    for pid in listed.stdout.split():
        os.kill(int(pid), signal.SIGKILL)


def test_a_host_with_another_library_is_refused_and_told_by_its_name(hosts: Hosts) -> None:
    """Both where it begins while work waits, and where work comes while it waits."""
    first, second = hosts.network.names
    other = hosts.folder / "other" / "dlib_bin-19.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: dlib-bin\nVersion: 19.0\n")
    path = {"PYTHONPATH": os.pathsep.join([str(other.parent), hosts.environment["PYTHONPATH"]])}
    wait_until(lambda: hosts.at().keys() == {first, second}, "the workers are not seen")
    hosts.workers[second].send_signal(signal.SIGTERM)
    assert hosts.workers[second].wait(timeout=PATIENCE_S) == 0, hosts.log(second)
    refused = hosts.start(second, "worker", **path)
    wait_until(lambda: hosts.at().keys() == {first, second}, "the other worker is not seen")
    sweep = hosts.start("hub", "sweep", SMALL_SET)
    assert refused.wait(timeout=PATIENCE_S) == 1
    wait_until(lambda: hosts.in_the_middle(first), "the other host is not at work")
    assert hosts.start(second, "worker", **path).wait(timeout=PATIENCE_S) == 1
    assert sweep.wait(timeout=PATIENCE_S) == 0, hosts.log("hub")
    refusals = [line for line in hosts.log(second).splitlines() if line.startswith("facefind: this host")]
    assert len(refusals) == 2
    for line in refusals:
        assert "dlib 19.0 here, 20." in line
        assert line.endswith("install the same on all hosts")
    assert hosts.runs() == {"SUCCESS": DAYS}


def test_status_shows_what_each_host_is_at_and_since_when(hosts: Hosts) -> None:
    first, second = hosts.network.names
    begun = datetime.now(UTC) - timedelta(minutes=5)
    wait_until(lambda: hosts.at() == {first: "", second: ""}, f"not both wait: {hosts.at()}")
    sweep = hosts.start("hub", "sweep", SMALL_SET)

    def both_are_shown_at_a_day() -> bool:
        shown = {host: at for host, at, since in hosts.status() if begun < since < datetime.now(UTC)}
        days = rf"detected_faces, face_embeddings day-\d\d\|{SMALL_SET}"
        return all(re.fullmatch(days, shown.get(host, "")) for host in (first, second))

    wait_until(both_are_shown_at_a_day, "not both are shown at work")
    _kill_all_of(hosts, first)
    wait_until(lambda: first not in hosts.at(), "the dead host is still shown")
    end(sweep)
