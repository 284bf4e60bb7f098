"""A run beside an index build, a migration and a forgetting: it waits, says for whom, and nothing is lost or doubled.

Each is held up by a session of the test's own until the other was seen to wait.
"""

import platform
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.cli.conftest import FACEFIND
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.stored import ask

pytestmark = [pytest.mark.proof, pytest.mark.usefixtures("somebody")]
MakeHome = Callable[[Path], EmbeddedServer]

PATIENCE_S = 240
LOST_OR_DOUBLED = """
SELECT (SELECT count(*) FROM photos), (SELECT count(*) FROM detections), (SELECT count(problem) FROM detections),
       (SELECT count(*) FROM detected_faces) = (SELECT count(*) FROM embeddings)
"""
UNFINISHED = "SELECT count(*) FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"


@dataclass
class Command:
    """One at work, and what it prints."""

    process: "subprocess.Popen[bytes]"
    output: Path

    def wait_until_it_says(self, pattern: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.output.read_text()):
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)

    def waits_for(self, other: "Command") -> None:
        """Until it says so, by the other's process."""
        self.wait_until_it_says(f"waiting for facefind, process {other.process.pid} on {platform.node()}")

    def ends_well(self) -> None:
        assert self.process.wait(PATIENCE_S) == 0, self.output.read_text()
        assert "Traceback" not in self.output.read_text()


@dataclass
class Home:
    """Photos and the home's database."""

    photos: Path
    portraits: Portraits
    url: str
    dagster_url: str

    def add_day(self, name: str) -> None:
        """Two photos of her, which no other day has, and one that the first day has, too."""
        folder = self.photos / name
        folder.mkdir(parents=True)
        for number in range(2):
            cut = self.portraits.hopper.crop((10 * len(name) + number, 0, 512, 590))
            cut.resize((480, 570)).save(folder / f"{number}.jpg")
        self.portraits.hopper.save(folder / "everywhere.jpg")

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        return ask(self.url, statement)

    def wait_until(self, statement: str) -> None:
        """Until the statement says true."""
        deadline = time.monotonic() + PATIENCE_S
        while self.ask(statement) != [(True,)]:
            assert time.monotonic() < deadline, statement
            time.sleep(0.1)

    @contextmanager
    def holding(self, *statements: str) -> Iterator[None]:
        """A transaction of somebody else's, open until the end, that began with these."""
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            yield
            connection.rollback()


Start = Callable[..., Command]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command, as `start("run", folder)`."""
    commands: list[Command] = []

    def start(*arguments: object) -> Command:
        output = tmp_path / f"command {len(commands)}.txt"
        with output.open("wb") as printing:
            command = [*FACEFIND, *map(str, arguments)]
            commands.append(Command(subprocess.Popen(command, stdout=printing, stderr=printing), output))
        return commands[-1]

    yield start
    for command in commands:
        command.process.kill()
        command.process.wait()


@pytest.fixture
def home(make_home: MakeHome, portraits: Portraits, tmp_path: Path, start: Start) -> Home:
    """With one day, searched for Ada."""
    server = make_home(tmp_path / "home of its own")
    home = Home(tmp_path / "photos", portraits, server.url("facefind"), server.url("dagster"))
    home.add_day("day 1")
    start("run", home.photos, "--params", SMALL_SET).ends_well()
    return home


def test_a_run_beside_an_index_build(home: Home, start: Start) -> None:
    start("params", "add", SMALL_SET, "--index", "hnsw").ends_well()
    home.add_day("a second day")
    with home.holding("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM photos"):
        first = start("run", home.photos, "--params", SMALL_SET)  # an index is built once older snapshots have ended
        home.wait_until(
            "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for old %')"
        )
        home.add_day("and a third day")
        second = start("run", home.photos, "--params", SMALL_SET)
        second.waits_for(first)
    first.ends_well()
    second.ends_well()
    assert home.ask(LOST_OR_DOUBLED) == [(9, 7, 0, True)]
    assert home.ask("SELECT count(*), bool_and(indisvalid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid"
                    " JOIN pg_am am ON am.oid = c.relam WHERE amname = 'hnsw'") == [(1, True)]  # fmt: skip
    assert ask(home.dagster_url, UNFINISHED) == [(0,)]


@pytest.mark.parametrize("killed", [False, True], ids=["ends", "killed"])
def test_a_run_beside_a_migration(home: Home, start: Start, killed: bool) -> None:
    ((last,),) = home.ask("SELECT max(migration_id) FROM _yoyo_migration WHERE migration_id LIKE '0033%'")
    with closing(psycopg2.connect(home.url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM _yoyo_migration WHERE migration_id = %s", [last])
    home.add_day("a second day")
    with home.holding("LOCK TABLE _yoyo_migration IN EXCLUSIVE MODE"):
        first = start("status")
        home.wait_until(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = '_yoyo_migration'::regclass AND NOT granted)"
        )
        second = start("run", home.photos, "--params", SMALL_SET)
        second.waits_for(first)
        if killed:
            first.process.kill()
    if not killed:
        first.ends_well()
    second.ends_well()
    assert home.ask(f"SELECT count(*) FROM _yoyo_migration WHERE migration_id = '{last}'") == [(1,)]
    assert home.ask(LOST_OR_DOUBLED) == [(6, 5, 0, True)]


def test_a_run_beside_a_forgetting(home: Home, start: Start, tmp_path: Path) -> None:
    home.portraits.collins.save(tmp_path / "eileen.png")
    start("person", "add", "Eileen", tmp_path / "eileen.png").ends_well()
    ((faces,),) = home.ask("SELECT count(*) FROM detected_faces")
    assert faces == 3
    with home.holding("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM photos"):
        forgetting = start("forget", "Ada", "--yes")  # tables are rewritten once older snapshots have ended
        home.wait_until("SELECT EXISTS (SELECT FROM forgettings)")
        folder = home.photos / "a second day"
        folder.mkdir()
        home.portraits.hopper.save(folder / "renamed.jpg")  # she is forgotten in it
        home.portraits.collins.save(folder / "collins.png")
        run = start("run", home.photos, "--params", SMALL_SET)
        run.waits_for(forgetting)
        assert home.ask("SELECT count(*) FROM photos") == [(3,)]
    forgetting.ends_well()
    run.ends_well()
    assert "nothing of it is left within reach" in forgetting.output.read_text()
    assert home.ask("SELECT person FROM people") == [("eileen",)]
    assert home.ask("SELECT path FROM detected_faces JOIN photos USING (sha256)") == [("a second day/collins.png",)]
    assert home.ask(LOST_OR_DOUBLED) == [(5, 4, 0, True)]


def test_a_forgetting_beside_a_run(home: Home, start: Start) -> None:
    home.add_day("a second day")
    lock = f"SELECT pg_advisory_lock(hashtextextended('results|{SMALL_SET}', 0))"
    with home.holding(lock):
        run = start("run", home.photos, "--params", SMALL_SET)
        home.wait_until("SELECT count(*) = 5 FROM detections")
        forgetting = start("forget", "Ada", "--yes")
        forgetting.wait_until_it_says("waiting for 1 run at work, the first is ")
    run.ends_well()
    forgetting.ends_well()
    assert "nothing of it is left within reach" in forgetting.output.read_text()
    assert home.ask("SELECT count(*) FROM people") == [(0,)]
    assert home.ask("SELECT count(*) FROM detected_faces") == [(0,)]  # those of the day that the run read, too
    assert ask(home.dagster_url, UNFINISHED) == [(0,)]
