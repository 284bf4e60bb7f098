"""What watching 100,000 photos of 200 event days costs while nothing changes, beside looking at every file.

python -m bench.watching
"""

import os
import tempfile
import time
from pathlib import Path

from bench.results import record
from facefind_pipeline.ingest.looks import LOOK_AGAIN_S, SETTLED_S
from facefind_pipeline.ingest.watch import day_state, new_days
from facefind_pipeline.orchestration.sensors import new_event_days
from facefind_pipeline.store.photos import EventDay

DAYS, PHOTOS = 200, 500
LOOKS = 5


def main() -> None:
    """Measures and prints the CPU time of a full look and of one without a change, and the share of a core of both."""
    with tempfile.TemporaryDirectory(prefix="facefind-bench") as scratch:
        root = Path(scratch)
        days = [_day(root, f"day-{number:03d}") for number in range(DAYS)]
        full = _look(root, days)
        again = min(_look(root, days) for _ in range(LOOKS))
    every = new_event_days.minimum_interval_seconds or 0
    record(
        {
            "watch_100k_full_s": full,
            "watch_100k_unchanged_s": again,
            "watch_100k_core_share": again / every + full / LOOK_AGAIN_S,
        }
    )


def _day(root: Path, name: str) -> EventDay:
    folder = root / name
    folder.mkdir()
    for number in range(PHOTOS):
        (folder / f"IMG_{number:04d}.jpg").touch()
    then = time.time() - SETTLED_S - 1
    os.utime(folder, (then, then))
    return EventDay(name, root, name)


def _look(root: Path, days: list[EventDay]) -> float:
    started = time.process_time()
    assert new_days(root, days) == ([], [])
    for day in days:
        day_state(day)
    return time.process_time() - started


if __name__ == "__main__":
    main()
