"""How time and memory grow: with photos, sets of settings and people.

    python -m bench.growth [--large]

The small run compares the peak memory of 100 and 1,000 photos; the large one goes to 20,000 photos in one day, 40 sets
and 500 people.
"""

import argparse
import time
from collections.abc import Mapping

import numpy as np

from bench.faces import embedder_fingerprint, load, registered, vectors
from bench.measure import module
from bench.results import DOCUMENT, publish, record
from bench.setting import Bench, prepared, small_event
from facefind_pipeline.faces import Box, Face
from facefind_pipeline.search.results import refresh_results
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import people
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.people import Person, ReferenceEmbedding, ReferencePhoto

PHOTOS = (100, 1_000)
MANY_PHOTOS = (100, 1_000, 20_000)
SETS = (1, 10, 40)
PERSONS = (1, 50, 500)
FACES = 5_000  # that people are searched among
PROBES_FROM = 60_000_000
DRAWING = DOCUMENT.parent.parent / "images" / "growth.png"


def main() -> None:
    """Measures, prints and records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    with prepared() as bench:
        if not options.large:
            grow_photos(bench, PHOTOS, "memory")
            return
        draw(
            {
                "photos": grow_photos(bench, MANY_PHOTOS, "growth-photos"),
                "sets": grow_sets(bench),
                "people": grow_people(bench),
            }
        )


def draw(seconds: Mapping[str, Mapping[int, float]]) -> None:
    """Draws the seconds by number of photos, sets and people, and the line that fits best, to five times as many.

    Best is where errors are smallest as shares of what was measured, so that small runs count as much as large ones.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for axes, (what, measured) in zip(figure.subplots(1, len(seconds)), seconds.items(), strict=True):
        numbers, taken = np.array(list(measured)), np.array(list(measured.values()))
        each, start = np.polyfit(numbers, taken, 1, w=1 / taken)
        along = np.geomspace(numbers[0], 5 * numbers[-1], 50)
        axes.loglog(numbers, taken, "o", label="measured")
        axes.loglog(along, start + each * along, label=f"{start:.1f} s + {each:.2g} s each")
        axes.set(xlabel=what, ylabel="s")
        axes.legend()
    figure.savefig(DRAWING, dpi=100)


def grow_photos(bench: Bench, sizes: tuple[int, ...], table: str) -> dict[int, float]:
    """Seconds and peak memory of an ingest by number of photos, under the recommended set."""
    costs = {}
    for size in sizes:
        folder = small_event(bench.server.home / f"small-{size}", size)
        costs[size] = module("ours", "recommended", folder, environment=bench.home(f"small_{size}"))
    record({"memory_1000_vs_100": costs[1_000].peak_mb / costs[100].peak_mb})
    publish(
        table,
        [
            {
                "photos of 480x320": f"{size:,}",
                "s": cost.said["seconds"],
                "ms per photo": 1000 * cost.said["seconds"] / size,
                "peak MB": cost.peak_mb,
                "of 100's": cost.peak_mb / costs[100].peak_mb,
            }
            for size, cost in costs.items()
        ],
    )
    return {size: cost.said["seconds"] for size, cost in costs.items()}


def grow_sets(bench: Bench) -> dict[int, float]:
    """Seconds of one more set over the same 100 photos, as sets with detectors of their own pile up; of all so far."""
    folder = small_event(bench.server.home / "sets", 100)
    environment = bench.home("sets")
    seconds = {}
    for number in range(1, max(SETS) + 1):
        key = f"hog-up0-px{300 + number}@dlib"
        seconds[number] = module("ours", key, folder, environment=environment).said["seconds"]
    publish(
        "growth-sets",
        [
            {"sets": count, "s the last took": seconds[count], "of the first's": seconds[count] / seconds[1]}
            for count in SETS
        ],
    )
    return dict(zip(seconds, np.cumsum(list(seconds.values())).tolist(), strict=True))


def grow_people(bench: Bench) -> dict[int, float]:
    """Seconds of searching anew for all people at once, by their number, among 5,000 faces."""
    home = bench.server.home
    database = open_database(Settings(home, bench.server.url("people"), home / "models", home / "references", None))
    load(database, 0, FACES)
    taken, known = {}, 0
    for count in PERSONS:
        add_people(database, known, count)
        known = count
        with database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM made WHERE asset = 'search_results'")
        started = time.perf_counter()
        searched = refresh_results(database, registered(database).key).searched
        assert len(searched) == count
        taken[count] = time.perf_counter() - started
    publish(
        "growth-people",
        [{"people": count, "s": seconds, "ms per person": 1000 * seconds / count} for count, seconds in taken.items()],
    )
    return taken


def add_people(database: Database, first: int, last: int) -> None:
    """Makes people known, with a reference each, as `person add` and the reference asset store them."""
    chosen = registered(database)
    with database.connect() as connection:
        embedder = embedder_fingerprint(connection)
        for number, vector in zip(range(first, last), vectors(PROBES_FROM + first, PROBES_FROM + last), strict=True):
            person = Person(f"person-{number}", f"Person {number}")
            reference = ReferencePhoto(person, "reference.jpg", str(number).encode())
            people.add_reference(connection, reference, "command")
            face = Face(Box(0, 0, 80, 80), 1.0)
            made = ReferenceEmbedding(person.key, reference.sha256, False, "hog", face, b"x", np.asarray(vector))
            people.write_reference_embedding(connection, chosen.key, embedder, embedder, made)


if __name__ == "__main__":
    main()
