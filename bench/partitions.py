"""An automation tick and loading the definitions with 200 event days and 40 parameter sets registered.

    python -m bench.partitions

The photos are real and tiny; each day's are read by a real run, so that checks and data versions are there.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg
from PIL import Image

from bench.results import publish, record
from bench.setting import Bench, prepared
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.ingest.register import register_folder
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.partitions import sync_with_tables
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.parameters import expand
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import open_database

DAYS = 200
CHANGED = "one day's photos changed"
SINCE = {  # -> days whose photos are read before the tick
    "days and sets were registered": 0,
    "all photos were read": DAYS,
    "nothing happened": 0,
    CHANGED: 1,
}
PATTERN = "haar-sf{1.05,1.10,1.15,1.20}-mn{2,3,5,8,12}-ms{60,100}@dlib"
LOAD = "import time; t = time.perf_counter(); import facefind_pipeline.definitions; print(time.perf_counter() - t)"


def main() -> None:
    """Measures, prints and records."""
    loads = [
        float(subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    record({"definitions_load_s": sorted(loads)[1]})
    with prepared() as bench:
        ticks = _ticks(bench)
    record({f"tick_{number}_s": float(str(tick["s"])) for number, tick in enumerate(ticks, start=1)})
    publish("partitions", ticks)


def _ticks(bench: Bench) -> list[dict[str, object]]:
    os.environ.update(bench.home("partitions"))
    settings = read_settings()
    database = open_database(settings)
    sets = expand(PATTERN)
    with tempfile.TemporaryDirectory() as folder, database.connect() as connection:
        root = Path(folder)
        for number in range(DAYS):
            _take_photo(root / f"day-{number:03d}" / "0.png", number)
        for one in sets:
            parameter_sets.register(connection, one, 128, "l2")
        connection.commit()
        days = [day.key for day in register_folder(database, settings, root).days]
        instance = open_instance(settings, database)
        sync_with_tables(instance, database)
        workspace = Workspace(settings)
        graph = Graph(instance, workspace, build_defs({"workspace": workspace}))
        cursor, ticks = None, []
        for event, read in SINCE.items():
            for day in days[:read]:
                if event == CHANGED:
                    _take_photo(root / day / "1.png", DAYS)
                graph.materialize(["raw_photos"], day)
            started = time.perf_counter()
            result = dg.evaluate_automation_conditions(graph.definitions, instance, cursor=cursor)
            seconds = time.perf_counter() - started
            cursor = result.cursor
            ticks.append({"since the last tick": event, "partitions requested": result.total_requested, "s": seconds})
        instance.dispose()
    return ticks


def _take_photo(path: Path, number: int) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (64, 64), (number, number, number)).save(path)


if __name__ == "__main__":
    main()
