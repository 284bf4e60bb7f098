"""Searching 5 thousand, 100 thousand and, with `--large`, a million faces; `facefind find` against the talk's search.

python -m bench.search [--large]
"""

import argparse
import statistics
import sys
import time

import numpy as np

from bench.faces import FACES_A_PHOTO, RARE, embedder_fingerprint, load, registered, vectors
from bench.measure import percentile
from bench.results import publish, record
from bench.setting import Bench, prepared
from facefind_pipeline.search.find import Filters, Probe, find_nearest
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import indexes
from facefind_pipeline.store.database import Database, open_database

PROBES = 200
ASKED = 10  # photos
SIZES = {"5k": 5_000, "100k": 100_000}
LARGE = {"1m": 1_000_000}
PROBES_FROM = 50_000_000  # numbers of faces that are stored nowhere, of people who are


def main() -> None:
    """Measures, prints and records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    with prepared() as bench:
        search(bench, SIZES | (LARGE if options.large else {}))


def search(bench: Bench, sizes: dict[str, int]) -> None:
    """Grows one set to each size and searches it with the index it gets, with and without a filter of 1 %."""
    home = bench.server.home
    database = open_database(Settings(home, bench.server.url("search"), home / "models", home / "references", None))
    rows, loaded = [], 0
    for name, size in sizes.items():
        print(f"loading {size} faces", file=sys.stderr, flush=True)
        chosen = registered(database)
        indexes.build(database, chosen, "none", loaded)  # an index that grows a face at a time takes hours to a million
        load(database, loaded, size)
        loaded = size
        method = indexes.method_for(chosen, size)
        print(f"building {method}", file=sys.stderr, flush=True)
        index, seconds = indexes.build(database, chosen, method, size)
        for country in (None, RARE):
            milliseconds, recall, complete = _ask(database, size, country)
            figures = {f"search_p95_ms_{name}": percentile(milliseconds, 95), f"search_recall_{name}": recall}
            if country is None:
                record(figures)
            elif size == max(sizes.values()):
                record({"search_recall_filtered": recall})
            rows.append(
                {
                    "faces": f"{size:,}",
                    "filter": "1 % of photos" if country else "none",
                    "index": method,
                    "p50 ms": statistics.median(milliseconds),
                    "p95 ms": percentile(milliseconds, 95),
                    f"recall@{ASKED}": recall,
                    "full count": "yes" if complete else "no",
                    "build s": seconds,
                    "index MB": _megabytes(database, index),
                }
            )
    publish("search-large" if LARGE.keys() <= sizes.keys() else "search", rows)


def _ask(database: Database, size: int, country: str | None) -> tuple[list[float], float, bool]:
    """Milliseconds of each search on an open connection; recall against exact search; whether all gave ten photos."""
    probes = vectors(PROBES_FROM, PROBES_FROM + PROBES)
    exact = _exact(probes, size, country)
    chosen, times, found = registered(database), [], []
    with database.connect() as connection:
        embedder = embedder_fingerprint(connection)
        for vector in [*probes[:20], *probes]:  # the first 20 warm the caches up
            started = time.perf_counter()
            matches = find_nearest(
                connection, chosen, [Probe(vector, embedder)], limit=ASKED, filters=Filters(country=country)
            )
            times.append(1000 * (time.perf_counter() - started))
            found.append({int(match.photo.removesuffix(".jpg")) for match in matches})
    hits = sum(len(a & b) for a, b in zip(found[20:], exact, strict=True))
    return times[20:], hits / sum(map(len, exact)), all(len(photos) == ASKED for photos in found)


def _exact(probes: np.ndarray, size: int, country: str | None, step: int = 100_000) -> list[set[int]]:
    """The photos nearest to each probe, by brute force."""
    nearest: list[list[tuple[float, int]]] = [[] for _ in probes]
    for start in range(0, size, step):
        stored = vectors(start, min(size, start + step))
        numbers = np.arange(start, start + len(stored)) // FACES_A_PHOTO
        if country:
            stored, numbers = stored[numbers % 100 == 0], numbers[numbers % 100 == 0]
        distances = (stored**2).sum(1) - 2 * probes @ stored.T
        for found, row in zip(nearest, distances, strict=True):
            close = np.argpartition(row, min(len(row) - 1, 100))[:100]
            found.extend(zip(row[close].tolist(), numbers[close].tolist(), strict=True))
    return [set(list(dict.fromkeys(photo for _, photo in sorted(mine)))[:ASKED]) for mine in nearest]


def _megabytes(database: Database, index: str | None) -> float:
    if index is None:
        return 0.0
    with database.connect() as connection:
        return indexes.index_bytes(connection, index) / 2**20


if __name__ == "__main__":
    main()
