"""A backfill by two workers on two hosts with one core each, against one worker with one core.

    python -m bench.hosts

The hosts are network namespaces of this machine, which needs root, `ip` and `redis-server`; database, broker and the
command that asks for the work share its cores with the workers. Each worker first makes a small set, so that models are
loaded; then it is timed from the first run's start to the last one's end.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2

from bench.results import DOCUMENT, publish, record
from bench.setting import full_size_event, prepared
from facefind_pipeline_tests.private_network import Network, end, missing, private_network

DAYS, PHOTOS = 12, 10  # photos per day
KEY = "hog-up1-px2000@dlib"
WARM_UP = "hog-up0-px320@dlib"
FACEFIND = [sys.executable, "-c", "from facefind_pipeline.cli import main; main()"]
PATIENCE_S = 120
ROUNDS = 2
SECONDS = "SELECT max(end_time) - min(start_time), count(*) FROM runs WHERE partition LIKE %s AND status = 'SUCCESS'"
SEEN = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'facefind worker on %'"


def main() -> None:
    """Measures, prints and records.

    Raises:
        SystemExit: there can be no such hosts here.
    """
    if reason := missing():
        raise SystemExit(f"bench.hosts: {reason}")
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with prepared() as bench, tempfile.TemporaryDirectory(prefix="facefind-hosts") as folder:
        photos = _days(Path(folder) / "photos")
        with private_network(bench.server, 2) as network:
            for number in range(ROUNDS):
                for workers, measured in seconds.items():
                    home = Path(folder) / f"{workers}-{number}"
                    measured.append(_measure(network, workers, photos, home, bench.environment))
                    print(f"  round {number + 1}: {workers} at work, {measured[-1]:.1f} s", file=sys.stderr, flush=True)
    best = {workers: min(measured) for workers, measured in seconds.items()}
    record({"hosts_speedup": best[1] / best[2]})
    rows = [
        {"hosts, one core each": workers, "s": best[workers], "photos per s": DAYS * PHOTOS / best[workers]}
        | {"times one host": best[1] / best[workers]}
        for workers in best
    ]
    publish("hosts", rows, DOCUMENT.with_name("scaling.md"))


def _days(root: Path) -> Path:
    event = full_size_event(DAYS * PHOTOS) / "event"
    for number, photo in enumerate(sorted(event.iterdir())):
        day = root / f"day {number // PHOTOS:02}"
        day.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, day)
    return root


def _measure(network: Network, workers: int, photos: Path, folder: Path, common: Mapping[str, str]) -> float:
    """Seconds from the first run's start to the last one's end."""
    name = f"bench_{folder.name.replace('-', '_')}"
    hosts = network.names[:workers]
    environment = {
        **os.environ,
        **common,
        "FACEFIND_DATABASE_URL": network.database_url(name),
        "FACEFIND_BROKER_URL": network.broker_url,
    }
    with ExitStack() as ended:

        def start(host: str, *command: object) -> "subprocess.Popen[bytes]":
            home = folder / host
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            log = ended.enter_context((folder / f"{host}.log").open("ab"))
            own = {**environment, "FACEFIND_HOME": str(home)}
            process = network.start(host, command, env=own, cwd=folder, stdout=log, stderr=log)
            ended.callback(end, process)
            return process

        _require(start("hub", *FACEFIND, "ingest", photos), folder)
        for core, host in enumerate(hosts):
            start(host, "taskset", "--cpu-list", core, *FACEFIND, "worker")
        until = time.monotonic() + PATIENCE_S
        while _ask(network.socket_url(name), SEEN) != (workers,) and time.monotonic() < until:
            time.sleep(0.2)
        for key in (WARM_UP, KEY):
            _require(start("hub", *FACEFIND, "sweep", key), folder)
        seconds, runs = _ask(network.socket_url(f"{name}_dagster"), SECONDS, f"day-%|{KEY}")
    if runs != DAYS:
        raise RuntimeError(f"{runs} of {DAYS} event days were made")
    return float(str(seconds))


def _require(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    if process.wait():
        raise RuntimeError((folder / "hub.log").read_text())


def _ask(url: str, statement: str, *values: str) -> tuple[object, ...]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        found: tuple[object, ...] = cursor.fetchone() or ()
        return found


if __name__ == "__main__":
    main()
