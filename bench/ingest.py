"""A whole event into the tables: the talk's way against ours; ours against its own functions, bare bodies and threads.

    python -m bench.ingest [--photos FOLDER] [--repeats N]

FOLDER holds other photos than the composed ones, in a folder `event`, and one in a folder `warm-up`.
"""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import psycopg2

from bench.measure import Cost, alternate, median, module, ratio
from bench.results import publish, record
from bench.setting import Bench, full_size_event, prepared
from facefind_pipeline.set_names import ALIASES

PHOTOS = 60
FIGURES = {"default": "recommended", "hog": "hog", "same": "talk"}  # a new home's default is the recommended set
BARE_BODIES = "recommended, without clothes"
IN_THREADS = "recommended, decoded in threads"
OVERHEADS = {"overhead": "recommended", "overhead_hog": "hog"}


def main() -> None:
    """Measures, prints and records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with prepared() as bench:
        compare(bench, options.photos or full_size_event(PHOTOS), options.repeats)


def compare(bench: Bench, folder: Path, repeats: int) -> None:
    """All sides in turn, `repeats` times."""
    photos = len(list((folder / "event").iterdir()))
    sides: dict[str, Callable[[int], Cost]] = {"talk's method": lambda _: _talk(bench, folder)}
    for alias in FIGURES.values():
        sides[alias] = lambda number, alias=alias: _ours(bench, alias, folder, number)
        if alias != "talk":  # its own functions are the talk's
            sides[f"{alias}, functions alone"] = lambda _, alias=alias: module(
                "bare", alias, folder, environment=bench.environment
            )
    sides[BARE_BODIES] = lambda number: _ours(bench, "recommended", folder, number, "--without-clothes")
    sides[IN_THREADS] = lambda number: _ours(bench, "recommended", folder, number, "--in-threads")
    costs = alternate(sides, repeats)
    talk = costs["talk's method"]
    record({f"ingest_vs_talk_{figure}": ratio(talk, costs[alias], "seconds") for figure, alias in FIGURES.items()})
    for figure, alias in OVERHEADS.items():
        record({figure: ratio(costs[alias], costs[f"{alias}, functions alone"], "fill_seconds", "seconds")})
    # Seconds of the cores: a per cent of the wall's is less than what differs from one run to the next.
    record({"clothes": ratio(costs["recommended"], costs[BARE_BODIES], "busy")})
    record({"apart": ratio(costs["recommended"], costs[IN_THREADS], "busy")})
    boxes, distance = _difference_from_talk(bench, repeats - 1)
    print(f"the talk's set: boxes that differ from the talk's {boxes}, largest cosine distance {distance:.1e}")
    publish(
        "ingest",
        [
            {
                "side": f"{name} (`{ALIASES[name]}`)" if name in ALIASES else name,
                "s per photo": median(found, "seconds") / photos,
                "faces per photo": median(found, "faces") / photos,
                "talk / this": ratio(talk, found, "seconds"),
                "cores busy": ratio(found, found, "busy", "seconds"),
                "start-up s": median(found, "wall") - median(found, "seconds"),
                "peak MB": median(found, "peak_mb"),
            }
            for name, found in costs.items()
        ],
    )


def _talk(bench: Bench, folder: Path) -> Cost:
    url = bench.server.url("talk")
    bench.make_database("talk")
    return module("talk", "ingest", url, bench.clip, folder, environment=bench.environment)


def _ours(bench: Bench, alias: str, folder: Path, number: int, *options: str) -> Cost:
    home = bench.home("_".join([alias, str(number), *options]).replace("-", ""))
    return module("ours", alias, folder, *options, environment=home)


def _difference_from_talk(bench: Bench, number: int) -> tuple[int, float]:
    """Boxes that only one of both found, and the largest cosine distance of vectors of the same box."""
    with psycopg2.connect(bench.server.url("talk")) as talk, talk.cursor() as cursor:
        cursor.execute("SELECT face, embedding::real[] FROM pictures")
        theirs = dict(cursor.fetchall())
    with psycopg2.connect(bench.server.url(f"talk_{number}")) as ours, ours.cursor() as cursor:
        cursor.execute("SELECT path, x, y, w, h, embedding::real[] FROM faces")
        mine = {re.sub(r"\.\w+$", "", path) + f"-{x}-{y}-{w}-{h}": vector for path, x, y, w, h, vector in cursor}
    distances = [_cosine_distance(theirs[face], mine[face]) for face in theirs.keys() & mine.keys()]
    return len(theirs.keys() ^ mine.keys()), max(distances)


def _cosine_distance(a: list[float], b: list[float]) -> float:
    import numpy as np

    return float(1 - np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


if __name__ == "__main__":
    main()
