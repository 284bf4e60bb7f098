"""Four commands, a sweep and a page's readers at the same time: no error, and no row that is missing or there twice."""

import itertools
import re
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.cli.conftest import FACEFIND
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.stored import ask

pytestmark = pytest.mark.usefixtures("somebody")
MakeHome = Callable[[Path], EmbeddedServer]

PHOTOS = 12  # of an event day; each ingest finds a new one
PAGES = ("/", "/groups", "/people/ada", "/people/ada/photos", "/work")
PATIENCE_S = 120
PHOTOS_STORED = "SELECT count(*) FROM photos"
DETECTED = "SELECT count(*), count(problem) FROM detections GROUP BY detector_fingerprint"
EMBEDDED = "SELECT (SELECT count(*) FROM detected_faces), (SELECT count(*) FROM embeddings)"
UNFINISHED = "SELECT count(*) FROM runs WHERE status NOT IN ('SUCCESS', 'CANCELED')"


def test_commands_a_sweep_and_readers_at_once(make_home: MakeHome, portraits: Portraits, tmp_path: Path) -> None:
    _all_at_once(1, make_home, portraits, tmp_path)


@pytest.mark.proof
def test_commands_a_sweep_and_readers_for_five_minutes(
    make_home: MakeHome, portraits: Portraits, tmp_path: Path
) -> None:
    _all_at_once(300, make_home, portraits, tmp_path)


def _all_at_once(seconds: float, make_home: MakeHome, portraits: Portraits, folder: Path) -> None:
    """Each goes on until the time is over, and at least once."""
    photos = folder / "photos"
    days = _days(photos, portraits)
    server = make_home(folder / "home")
    next(days)
    _call("run", photos, "--params", SMALL_SET)
    sizes = itertools.count(240, 8)
    done: Counter[str] = Counter()
    wrong: list[str] = []

    def ingest() -> None:
        next(days)
        _call("run", photos, "--params", SMALL_SET)

    def sweep() -> None:
        _call("sweep", f"hog-up0-px{next(sizes)}@dlib")

    with _served(folder / "serve.log") as (address, reader):
        acts: dict[str, Callable[[], None]] = {
            "ingests": ingest,
            "finds": lambda: _call("find", "Ada", "--json"),
            "statuses": lambda: _call("status", "--json"),
            "galleries": lambda: _call("gallery", "Ada", "--out", folder / "gallery"),
            "sweeps": sweep,
            "pages read": lambda: _read(reader, address),
        }
        until = time.monotonic() + seconds

        def repeat(name: str, act: Callable[[], None]) -> None:
            while not wrong and (not done[name] or time.monotonic() < until):
                try:
                    act()
                except Exception as error:  # noqa: BLE001  # told below, with what the others did
                    wrong.append(f"{name}: {error}")
                else:
                    done[name] += 1

        threads = [threading.Thread(target=repeat, args=item) for item in acts.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(f"in {seconds:.0f} s: " + ", ".join(f"{count} {name}" for name, count in done.items()))
    assert wrong == []
    swept = [f"hog-up0-px{size}@dlib" for size in range(240, next(sizes), 8)]
    _call("run", photos, "--params", SMALL_SET)  # the last sweep may have begun before the last ingest
    for key in swept:
        _call("sweep", key)
    expected = (done["ingests"] + 1) * PHOTOS
    url = server.url("facefind")
    assert ask(url, PHOTOS_STORED) == [(expected,)]
    assert ask(url, DETECTED) == [(expected, 0)] * (1 + len(swept))
    ((faces, vectors),) = ask(url, EMBEDDED)
    assert faces == vectors
    assert ask(server.url("dagster"), UNFINISHED) == [(0,)]


def _days(root: Path, portraits: Portraits) -> Iterator[None]:
    """Writes an event day of photos that no other has, at each step."""
    for day in itertools.count():
        folder = root / f"day {day:03}"
        folder.mkdir(parents=True)
        for number in range(PHOTOS):
            left = (day * PHOTOS + number) / 10
            portraits.hopper.resize((480, 570), box=(left / 2, left, 512, 600)).save(folder / f"{number:02}.jpg")
        yield


def _call(*arguments: object) -> None:
    done = subprocess.run([*FACEFIND, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"facefind {arguments[0]}: exit code {done.returncode}: {done.stderr}")


@contextmanager
def _served(log: Path) -> Iterator[tuple[str, requests.Session]]:
    """The host's address, and a session that is let in."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("w") as output:
        command = [*FACEFIND, "serve", "--port", str(port)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + PATIENCE_S
            while not (printed := re.search(r"http://127\S+token=\S+", log.read_text())):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            with requests.Session() as reader:
                reader.trust_env = False
                reader.get(printed[0], timeout=PATIENCE_S).raise_for_status()
                yield printed[0].partition("?")[0].rstrip("/"), reader
        finally:
            process.terminate()
            process.wait()


def _read(reader: requests.Session, address: str) -> None:
    for page in PAGES:
        reader.get(f"{address}{page}", timeout=PATIENCE_S).raise_for_status()
