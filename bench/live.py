"""How soon a photo that comes during an event is seen on an open page: photos dripped into a day, and a new day.

    python -m bench.live [--day 2000] [--photos 60] [--every 5] [--silent]

`facefind dev` is at work, and a person's page of `facefind serve` is open, which asks every two seconds as a browser's
does. Prints the seconds from the moment a file was closed until its photo is on the page, and the work per photo. Last,
10 photos are copied into a new folder. With `--silent` the system tells nothing of the folder, as of a network disk.
"""

import argparse
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import requests

from bench.measure import percentile, run
from bench.results import markdown, publish, record
from bench.setting import FULL_SIZE, KEPT, prepared, small_event
from facefind_pipeline.demo_event import take_group_photo
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database
from facefind_pipeline.vision.pipeline import cores
from facefind_pipeline.web.guard import TOKEN
from facefind_pipeline_tests.dev_server import serve as serve_dev

FACEFIND = Path(sys.executable).with_name("facefind")
PERSON, KEY = "Grace Hopper", "grace-hopper"
OTHERS = range(1, 12, 2)  # seeds of photos that do not show her
IDLE_S = 25  # in which each sensor looked at least once
NEW_DAY = 10  # photos of the folder that is copied
ASK_S = 2.0  # as the page does
PATIENCE_S = 300
COUNTED = {"files_read": "read and hashed", "photos_decoded": "decoded", "photos_detected": "searched for faces"}
# A module for PYTHONPATH by which no disk tells anything.
SILENT = """
from facefind_pipeline.ingest import mounts
mounts.why_silent = lambda folder: "it is measured as if it were a network disk"
"""


@dataclass(slots=True)
class Page:
    """A person's page that is open.

    Attributes:
        seen: when each photo's file name was first seen there, by the clock of `time.time`.
    """

    session: requests.Session
    address: str
    seen: dict[str, float] = field(default_factory=dict)
    _version: str = ""

    def ask(self) -> None:
        """Asks as the open page does."""
        answer = self.session.get(
            f"{self.address}/people/{KEY}/photos",
            params={"seen": self._version},
            headers={"Accept": "application/json"},
            timeout=60,
        )
        answer.raise_for_status()
        if answer.status_code == requests.codes.ok:
            found = answer.json()
            self._version = found["version"]
            for photo in found["photos"]:
                self.seen.setdefault(Path(photo["photo"]).name, time.time())

    def wait_for(self, names: Sequence[str]) -> None:
        """Asks until all of these were seen.

        Raises:
            RuntimeError: they never were.
        """
        until = time.monotonic() + PATIENCE_S
        while missing := [name for name in names if name not in self.seen]:
            if time.monotonic() > until:
                raise RuntimeError(f"never seen on the page: {', '.join(missing)}")
            self.ask()
            time.sleep(ASK_S)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured.

    Attributes:
        waited: seconds from the moment a file was closed until its photo was seen.
        work: done per photo, by names of `COUNTED`.
        new_day: seconds from the first byte of a new folder until all its photos were seen.
    """

    waited: Sequence[float]
    work: Mapping[str, float]
    new_day: float


def main() -> None:
    """Measures, prints and records."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__.splitlines()[0])
    parser.add_argument("--day", type=int, default=2_000, help="photos that the day has")
    parser.add_argument("--photos", type=int, default=60, help="photos that come")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two, on average")
    parser.add_argument("--silent", action="store_true", help="as on a network disk")
    chosen = parser.parse_args()
    with prepared() as bench, tempfile.TemporaryDirectory() as scratch:
        os.environ.update(bench.home("live"))
        if chosen.silent:
            (Path(scratch) / "sitecustomize.py").write_text(SILENT)
            os.environ["PYTHONPATH"] = scratch
        measured = measure(Path(scratch), chosen.day, chosen.photos, chosen.every)
    kind = "silent" if chosen.silent else "live"
    p50, p95 = percentile(measured.waited, 50), percentile(measured.waited, 95)
    new_day = "silent_new_day_to_results_s" if chosen.silent else "new_day_to_results_s"
    record({f"{kind}_p50_s": p50, f"{kind}_p95_s": p95, new_day: measured.new_day})
    rows = {
        "closed until seen, median, s": p50,
        "closed until seen, 95th percentile, s": p95,
        **{f"photos {COUNTED[name]}, for each that came": count for name, count in measured.work.items()},
        f"{NEW_DAY} photos copied as a new day until all are seen, s": measured.new_day,
    }
    event = f"{chosen.photos} photos, one every {chosen.every:g} s, into a day of {chosen.day:,}"
    if chosen.silent:
        print(markdown([{event: what, "measured": value} for what, value in rows.items()]))
    else:
        publish("live", [{event: what, "measured": value} for what, value in rows.items()])


def measure(scratch: Path, day: int, photos: int, every: float) -> Measured:
    """Drips photos into a day and copies a new one, on the home that the environment names."""
    coming = _photos(photos + NEW_DAY)
    folder = small_event(scratch / "photos", day, seeds=OTHERS)
    reference = scratch / "reference.jpg"
    reference.write_bytes(take_group_photo(1, (900, 600), seed=0))
    run([FACEFIND, "run", folder, "--params", "recommended", "--reference", f"{PERSON}={reference}"])
    with serve_dev(scratch / "dev.txt"), _open_page(scratch) as page:
        _wait_until_idle()
        before = _work()
        waited = _drip(coming[:photos], folder / "event", page, every)
        work = {name: (done - before[name]) / photos for name, done in _work().items()}
        new_day = _copy(coming[photos:], folder / "new", page)
    return Measured(waited, work, new_day)


def _photos(count: int) -> list[Path]:
    """Full-size photos of two people, made once and kept."""
    files = [KEPT / "live" / f"coming-{number:03d}.jpg" for number in range(count)]
    missing = [number for number, file in enumerate(files) if not file.is_file()]
    (KEPT / "live").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(cores()) as pool:
        for number, photo in zip(missing, pool.map(_take, missing), strict=True):
            files[number].write_bytes(photo)
    return files


def _take(number: int) -> bytes:
    return take_group_photo(2, FULL_SIZE, seed=50_000 + number)


def _drip(photos: Sequence[Path], day: Path, page: Page, every: float) -> list[float]:
    """Copies one photo after another; how many seconds after it was closed each was seen."""
    closed: dict[str, float] = {}
    spread = random.Random(0)

    def copy() -> None:
        for photo in photos:
            shutil.copyfile(photo, day / photo.name)
            closed[photo.name] = time.time()
            time.sleep(spread.uniform(0.5, 1.5) * every)

    copying = threading.Thread(target=copy)
    copying.start()
    while copying.is_alive():
        page.ask()
        time.sleep(ASK_S)
    page.wait_for([photo.name for photo in photos])
    return [page.seen[name] - at for name, at in closed.items()]


def _copy(photos: Sequence[Path], folder: Path, page: Page) -> float:
    """Seconds from the first byte of a new folder until all its photos were seen."""
    started = time.time()
    folder.mkdir()
    for photo in photos:
        shutil.copyfile(photo, folder / photo.name)
    page.wait_for([photo.name for photo in photos])
    return max(page.seen[photo.name] for photo in photos) - started


def _work() -> dict[str, int]:
    """What all runs so far say they did."""
    sums = dict.fromkeys(COUNTED, 0)
    with _instance() as instance:
        for run_ in instance.get_runs():
            for entry in instance.all_logs(run_.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
                metadata = entry.asset_materialization.metadata if entry.asset_materialization else {}
                for name in sums:
                    # Faces and vectors of one run: the first alone says what was decoded.
                    sums[name] += int(metadata[name].value) if name in metadata else 0  # type: ignore[arg-type]
    return sums


def _wait_until_idle() -> None:
    """Until nothing that `facefind dev` began with is at work."""
    waiting = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    with _instance() as instance:
        idle_since = time.monotonic()
        while time.monotonic() - idle_since < IDLE_S:
            if instance.get_runs(dg.RunsFilter(statuses=waiting)):
                idle_since = time.monotonic()
            time.sleep(1)


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    settings = read_settings()
    with open_instance(settings, open_database(settings)) as instance:
        yield instance


@contextmanager
def _open_page(scratch: Path) -> Iterator[Page]:
    """The person's page of a `facefind serve`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    printed = scratch / "serve.txt"
    with (
        printed.open("wb") as output,
        subprocess.Popen([FACEFIND, "serve", "--port", str(port)], stdout=output, stderr=output) as server,
    ):
        try:
            until = time.monotonic() + PATIENCE_S
            while (found := re.search(rf"http://\S+{TOKEN}=\S+", printed.read_text())) is None:
                if server.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(printed.read_text())
                time.sleep(0.2)
            with requests.Session() as session:
                session.trust_env = False
                session.get(found[0], timeout=60).raise_for_status()
                yield Page(session, f"http://127.0.0.1:{port}")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
