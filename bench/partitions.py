"""An automation tick and loading the definitions with 200 event days and 40 parameter sets registered.

    python -m bench.partitions

The first tick sees the registry, the second one day whose photos changed under all sets, the third nothing.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg

from bench.results import record
from bench.setting import Bench, prepared
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.parameters import expand
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store import parameter_sets, photos
from facefind_pipeline.store.database import open_database
from facefind_pipeline.store.photos import EventDay

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
    record(dict(zip(("tick_first_s", "tick_changed_day_s", "tick_idle_s"), ticks, strict=True)))


def _ticks(bench: Bench) -> list[float]:
    os.environ.update(bench.home("partitions"))
    settings = read_settings()
    database = open_database(settings)
    days = [EventDay(f"day-{number:03d}", Path("/photos"), f"day-{number:03d}") for number in range(DAYS)]
    sets = expand(PATTERN)
    with database.connect() as connection:
        photos.register_days(connection, Path("/photos"), days)
        for one in sets:
            parameter_sets.register(connection, one, 128, "l2")
    instance = open_instance(settings, database)
    instance.add_dynamic_partitions("event_day", [day.key for day in days])
    instance.add_dynamic_partitions("parameter_set", [one.key for one in sets])
    definitions, cursor, seconds = build_defs(), None, []
    for version in ("first", "changed", None):
        if version:
            instance.report_runless_asset_event(
                dg.AssetMaterialization("raw_photos", partition=days[0].key, tags={"dagster/data_version": version})
            )
        started = time.perf_counter()
        result = dg.evaluate_automation_conditions(definitions, instance, cursor=cursor)
        seconds.append(time.perf_counter() - started)
        cursor = result.cursor
        print(f"{len(days)} days x {len(sets)} sets: {result.total_requested} requested in {seconds[-1]:.1f} s")
    instance.dispose()
    return seconds


if __name__ == "__main__":
    main()
