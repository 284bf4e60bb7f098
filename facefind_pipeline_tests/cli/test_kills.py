"""An ingest is killed at random points, command, worker and PostgreSQL in turn: nothing is lost and nothing doubled."""

import itertools
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.cli.conftest import FACEFIND, postmaster
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.stored import ask, hashes

POINTS = 50
PHOTOS = 12  # of an event day, one for each point
TRIES = 3  # for a point: an ingest that ended before its kill does not count
PATIENCE_S = 180
UNFINISHED = "SELECT count(*) FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
DETECTED = "SELECT count(*), count(problem) FROM detections"

pytestmark = pytest.mark.usefixtures("somebody")
MakeHome = Callable[[Path], EmbeddedServer]


def test_an_ingest_that_is_killed_resumes(make_home: MakeHome, portraits: Portraits, tmp_path: Path) -> None:
    _kill(2, make_home, portraits, tmp_path)


@pytest.mark.proof
def test_kills_at_fifty_random_points_of_an_ingest(make_home: MakeHome, portraits: Portraits, tmp_path: Path) -> None:
    _kill(POINTS, make_home, portraits, tmp_path)


def _kill(points: int, make_home: MakeHome, portraits: Portraits, folder: Path) -> None:
    """At each point a new event day is ingested, killed, and ingested again; in the end all is as if nobody had."""
    photos = folder / "photos"
    days = _days(photos, portraits)
    server = make_home(folder / "killed")
    next(days)
    seconds = _seconds_undisturbed(photos)
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    harms = itertools.cycle((_kill_command, _kill_worker, _kill_server))
    for point in range(points):
        harm = next(harms)
        for _ in range(TRIES):
            made = next(days)
            took = _ingest_and(harm, chance.uniform(0, seconds), server, photos)
            done = subprocess.run([*FACEFIND, "run", photos, "--params", SMALL_SET], capture_output=True, check=False)
            assert done.returncode == 0, f"point {point}, seed {seed}: {done.stderr.decode()}"
            assert ask(server.url("facefind"), DETECTED) == [(made * PHOTOS, 0)], f"point {point}, seed {seed}"
            if took is None:
                break
            seconds = min(seconds, took)  # the machine is less busy than it was
        else:
            raise AssertionError(f"point {point}: each ingest had ended before it was killed")
    assert ask(server.url("dagster"), UNFINISHED) == [(0,)]
    assert _left_over(folder / "killed") == []
    after = hashes(server.url("facefind"))
    undisturbed = make_home(folder / "undisturbed")
    _seconds_undisturbed(photos)
    assert after == hashes(undisturbed.url("facefind")), f"seed {seed}"
    print(f"{points} of {points}")


def _days(root: Path, portraits: Portraits) -> Iterator[int]:
    """Writes an event day of photos that no other has, at each step; how many there are."""
    for day in itertools.count(1):
        folder = root / f"day {day:03}"
        folder.mkdir(parents=True)
        for number in range(PHOTOS):
            left = (day * PHOTOS + number) / 10
            portraits.hopper.resize((480, 570), box=(left / 2, left, 512, 600)).save(folder / f"{number:02}.jpg")
        yield day


def _seconds_undisturbed(photos: Path) -> float:
    started = time.monotonic()
    subprocess.run([*FACEFIND, "run", photos, "--params", SMALL_SET], check=True, capture_output=True)
    return time.monotonic() - started


def _ingest_and(
    harm: Callable[[psutil.Process, EmbeddedServer], None], after_s: float, server: EmbeddedServer, photos: Path
) -> float | None:
    """None if the ingest was still at work when it was harmed, else how many seconds it took."""
    started = time.monotonic()
    command = [*FACEFIND, "run", photos, "--params", SMALL_SET]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(after_s)
        at_work = process.poll() is None
        if at_work:
            harm(psutil.Process(process.pid), server)
        process.wait(PATIENCE_S)
    return None if at_work else time.monotonic() - started


def _kill_command(command: psutil.Process, _server: EmbeddedServer) -> None:
    command.kill()


def _kill_worker(command: psutil.Process, _server: EmbeddedServer) -> None:
    """Kills the newest process that the command started, once there is one."""
    with suppress(psutil.NoSuchProcess):
        while command.status() != psutil.STATUS_ZOMBIE:
            if workers := [child for child in command.children(recursive=True) if child.name() != "postgres"]:
                workers[-1].kill()
                return
            time.sleep(0.01)


def _kill_server(_command: psutil.Process, server: EmbeddedServer) -> None:
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(postmaster(server), 9)


def _left_over(home: Path) -> list[str]:
    """Command lines of the home's processes that have not ended after some time, but for the server's."""
    until = time.monotonic() + 20
    while left := [" ".join(process.cmdline()) for process in _processes_of(home)]:
        if time.monotonic() > until:
            return left
        time.sleep(0.2)
    return []


def _processes_of(home: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("FACEFIND_HOME") == str(home) and process.name() != "postgres":
                yield process
