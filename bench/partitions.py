"""An automation tick and loading the definitions with 200 event days and 40 parameter sets registered.

    python -m bench.partitions

The first tick sees the registry, the second photos of all days, the third nothing new, the fourth one changed day.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dagster as dg
from PIL import Image

from bench.results import record
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
    record(ticks)


def _ticks(bench: Bench) -> dict[str, float]:
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
        days = [day.key for day in register_folder(database, root).days]
        instance = open_instance(settings, database)
        sync_with_tables(instance, database)
        workspace = Workspace(settings)
        graph = Graph(instance, workspace, build_defs({"workspace": workspace}))
        cursor, seconds = None, {}
        for tick, read in {"registered": [], "all_days": days, "idle": [], "changed_day": days[:1]}.items():
            for day in read:
                if tick == "changed_day":
                    _take_photo(root / day / "1.png", DAYS)
                graph.materialize(["raw_photos"], day)
            started = time.perf_counter()
            result = dg.evaluate_automation_conditions(graph.definitions, instance, cursor=cursor)
            seconds[f"tick_{tick}_s"] = time.perf_counter() - started
            cursor = result.cursor
            print(f"{tick}: {result.total_requested} partitions requested in {seconds[f'tick_{tick}_s']:.1f} s")
        instance.dispose()
    return seconds


def _take_photo(path: Path, number: int) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (64, 64), (number, number, number)).save(path)


if __name__ == "__main__":
    main()
