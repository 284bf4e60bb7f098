"""The share of a core that `facefind dev` takes while nothing happens: 200 days of 500 photos each under 40 sets.

    python -m bench.idle [--seconds 300]

All is made, on rows written directly; the photos are empty files that lie where the rows say, as they say. Beside it
runs Dagster's own `dagster dev` with one asset that nothing makes and no sensor: what Dagster takes by itself.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from psycopg2.extras import execute_values

from bench.plan import DAYS, PHOTOS, make_made, make_rows
from bench.results import markdown, record
from bench.setting import prepared
from facefind_pipeline.ingest.looks import SETTLED_S
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.partitions import sync_with_tables
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline_tests.dev_server import serve

WARM_UP_S = 120  # after which each sensor has looked at all once
ONE_ASSET = """
import dagster as dg


@dg.asset
def nothing() -> None: ...


defs = dg.Definitions([nothing])
"""


def main() -> None:
    """Measures, prints and records."""
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300)
    chosen = parser.parse_args()
    with prepared() as bench, tempfile.TemporaryDirectory() as scratch:
        os.environ.update(bench.home("idle"))
        settings = read_settings()
        database = open_database(settings)
        with open_instance(settings, database) as instance:
            make_rows(database)
            _make_files(database, Path(scratch) / "photos")
            make_made(instance, database)
            sync_with_tables(instance, database)
        with _bare_dagster(Path(scratch)) as bare, serve(Path(scratch) / "dev.txt") as dev:
            time.sleep(WARM_UP_S)
            families = {"facefind dev": dev.process.pid, "dagster dev": bare.pid}
            before = {name: _busy(root) for name, root in families.items()}
            time.sleep(chosen.seconds)
            after = {name: _busy(root) for name, root in families.items()}
    shares = {
        (name, process): (seconds - before[name].get(process, 0.0)) / chosen.seconds
        for name, busy in after.items()
        for process, seconds in busy.items()
    }
    ours, bare_share = (sum(share for (name, _), share in shares.items() if name == one) for one in families)
    record({"daemon_idle_cpu": ours, "daemon_idle_over_bare_dagster": ours / bare_share})
    rows = [{"of": name, "process": process, "share of a core": share} for (name, process), share in shares.items()]
    print(markdown(rows))


@contextmanager
def _bare_dagster(folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """`dagster dev` in a home of its own."""
    home = folder / "bare"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (home / "one_asset.py").write_text(ONE_ASSET)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (home / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "-f", "one_asset.py", "-p", str(port), "--log-level", "warning"],
            cwd=home,
            env=os.environ | {"DAGSTER_HOME": str(home)},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        for member in [*psutil.Process(process.pid).children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()


def _make_files(database: Database, root: Path) -> None:
    """Empty photos, and rows that say so."""
    rows = []
    for day in range(DAYS):
        folder = root / str(day)
        folder.mkdir(parents=True)
        for photo in range(1, PHOTOS + 1):
            file = folder / f"{photo}.jpg"
            file.touch()
            status = file.stat()
            rows.append((f"day-{day:03d}", f"{day}/{photo}.jpg", 0, status.st_mtime_ns, status.st_ino))
        then = time.time() - SETTLED_S - 1
        os.utime(folder, (then, then))
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE photo_roots SET path = %s", [str(root)])
        cursor.execute(
            "CREATE TEMPORARY TABLE files (event_day text, path text, bytes int8, mtime_ns int8, inode int8)"
        )
        execute_values(cursor, "INSERT INTO files VALUES %s", rows, page_size=10_000)
        cursor.execute(
            """
            UPDATE photos SET path = files.path, bytes = files.bytes, mtime_ns = files.mtime_ns, inode = files.inode
            FROM files WHERE photos.event_day = files.event_day
                AND split_part(photos.path, '/', 2) = split_part(files.path, '/', 2)
            """
        )


def _busy(root: int) -> dict[str, float]:
    """Seconds of CPU time so far of a process and all below it, by process."""
    busy: dict[str, float] = {}
    command = psutil.Process(root)
    for process in [command, *command.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            words = [word for word in process.cmdline()[1:] if "/" not in word and not word.startswith("-")]
            times = process.cpu_times()
            busy[f"{' '.join(words)[:40]} ({process.pid})"] = times.user + times.system
    return busy


if __name__ == "__main__":
    main()
