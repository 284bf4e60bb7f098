"""Searching for people among 5,000, 10,000 and 100,000 faces at once, against plain numpy in the same call.

python -m bench.ranking

Timed is `refresh_results`, as the asset calls it, with the writing of its results: up to 1,000 rows for each person.
Plain numpy has all vectors in memory: one person after the other, the distances of all faces to the reference, sorted.
It knows no templates, rivals or feedback, and stores nothing. Without clothes the same is searched again.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from bench.faces import load, registered, vectors
from bench.growth import PROBES_FROM, add_people
from bench.measure import module, ratio
from bench.results import publish, record
from bench.setting import prepared
from facefind_pipeline.search.results import refresh_results
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database, open_database

PEOPLE = (50, 500)
SIZES = {"5k": 5_000, "10k": 10_000, "100k": 100_000}
ROUNDS = {"5k": 21, "10k": 9, "100k": 5}  # what takes half a second is told from noise by many


def main() -> None:
    """Measures each size in a process of its own, prints and records; with `once`, measures here."""
    if sys.argv[1:] == ["once"]:
        print(json.dumps(measure(open_database(read_settings()))))
        return
    with prepared() as bench:
        home = bench.server.home
        database = open_database(Settings(home, bench.server.url("rank"), home / "models", home / "references", None))
        rows, memory, loaded = [], {}, 0
        for name, size in SIZES.items():
            load(database, loaded, size)
            loaded = size
            for people in PEOPLE:
                ask_for(database, people)
                home_of_both = bench.home("rank")
                dressed, alone = [], []
                for _ in range(ROUNDS[name]):  # a change of clothes makes results due
                    dressed.append(module("ranking", "once", environment=home_of_both))
                    alone.append(module("ranking", "once", environment=home_of_both | {"FACEFIND_CLOTHES": "off"}))
                said, with_clothes = dressed[0].said, ratio(dressed, alone, "seconds")
                memory[people, name] = said["mb"]
                key, of_plain = f"rank_{people}x{name}", said["seconds"] / said["plain_seconds"]
                record({f"{key}_s": said["seconds"], f"{key}_mb": said["mb"], f"{key}_vs_numpy": of_plain})
                record(
                    {f"{key}_vs_without_clothes": with_clothes, f"{key}_clothes_mb": said["mb"] - alone[0].said["mb"]}
                )
                rows.append(
                    {
                        "people": people,
                        "faces": f"{size:,}",
                        "s": said["seconds"],
                        "of plain numpy's": of_plain,
                        "of that without clothes": with_clothes,
                        "CPU s, without the server's": said["cpu_seconds"],
                        "MB above the start": said["mb"],
                    }
                )
        record({"rank_memory_100k_vs_10k": memory[max(PEOPLE), "100k"] / memory[max(PEOPLE), "10k"]})
        publish("ranking", rows)


def ask_for(database: Database, people: int) -> None:
    """Makes so many people known, with a reference each, and nobody searched for."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM people WHERE person LIKE 'person-%'")
    add_people(database, 0, people)


def measure(database: Database) -> dict[str, float]:
    """Seconds and peak memory of a search for all people; seconds of plain numpy."""
    chosen = registered(database)
    start = psutil.Process().memory_info().rss
    started, cpu = time.perf_counter(), time.process_time()
    people = len(refresh_results(database, chosen.key).searched)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = _peak()
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM embeddings")
        (size,) = cursor.fetchone() or (0,)
    faces, references = vectors(0, size), vectors(PROBES_FROM, PROBES_FROM + people)
    started = time.perf_counter()
    for reference in references:
        np.argsort(np.linalg.norm(faces - reference, axis=1))
    plain = time.perf_counter() - started
    return {"seconds": seconds, "cpu_seconds": cpu, "mb": (peak - start) / 2**20, "plain_seconds": plain}


def _peak() -> int:
    """Bytes that this process held at most; what `getrusage` says begins with the peak of the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    main()
