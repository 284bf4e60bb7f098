"""Our side of a comparison: an event into the tables, without Dagster.

    python -m bench.ours KEY FOLDER [--without-clothes] [--in-threads]

Takes home, database and models from the environment, as the command does. Without clothes none are described or stored,
and in threads photos are decoded by this process: what the product always does, so only this measures what that costs.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

from bench.setting import WARM_UP
from bench.variants import in_threads, without_clothes


class Silence:
    """Progress that nobody watches."""

    def begin(self, stage: str, total: int, unit: str) -> None:
        """A stage begins."""

    def advance(self, units: int = 1, detection_seconds: float = 0.0) -> None:
        """So many more are done."""

    def end(self) -> None:
        """A stage is over."""


def ingest(key: str, folder: str, *options: str) -> dict[str, float]:
    """Reads, detects, embeds and stores a folder's day `event`; its day `warm-up`, if any, before that.

    Args:
        key: of a parameter set.
        folder: with the days.
        options: `--without-clothes`, `--in-threads`, or none.

    Returns:
        `seconds` and `busy` of it all, `fill_seconds` from the first decoding to the last commit, `faces`.
    """
    from facefind_pipeline.ingest.faces import fill, set_models
    from facefind_pipeline.ingest.photos import ingest_day
    from facefind_pipeline.ingest.register import register_folder, register_set
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.settings import read_settings
    from facefind_pipeline.store.database import open_database
    from facefind_pipeline.store.tombstones import Tombstones
    from facefind_pipeline.vision import apart
    from facefind_pipeline.vision.exif import read_facts
    from facefind_pipeline.vision.pipeline import PhotoTask, cores, find_faces

    if "--without-clothes" in options:
        without_clothes()
    if "--in-threads" in options:
        in_threads()
    settings = read_settings()
    database = open_database(settings)
    key = register_set(database, settings, ParameterSet.parse(key).key).key
    days = {day.key: day for day in register_folder(database, settings, Path(folder)).days}
    for name in [name for name in (WARM_UP, "event") if name in days]:
        started, busy = time.perf_counter(), time.process_time() + apart.cpu_seconds()
        with database.connect() as connection:
            ingest_day(connection, days[name], Silence(), Tombstones(settings.home))
        filling = time.perf_counter()
        filled = fill(database, settings, name, key, Silence())
        if name == WARM_UP:  # one photo, of one process; the functions alone are warm in each
            (photo,) = days[name].path.iterdir()
            data = photo.read_bytes()
            apart.in_each(cores(), read_facts, data)
            task = PhotoTask(hashlib.sha256(data).digest(), photo)
            list(find_faces([task] * cores(), set_models(settings, ParameterSet.parse(key)), None))
    ended = time.perf_counter()
    return {
        "seconds": ended - started,
        "busy": time.process_time() + apart.cpu_seconds() - busy,
        "fill_seconds": ended - filling,
        "faces": filled.faces,
    }


if __name__ == "__main__":
    print(json.dumps(ingest(*sys.argv[1:])))
