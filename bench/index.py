"""Exact search against HNSW by number of faces, and an index grown by inserts against a new one.

    python -m bench.index

Publishes the ratios behind two constants of `facefind_pipeline.store.indexes`: AUTO_HNSW_ROWS (from how many faces an
index is faster for a whole `find` query) and REBUILD_SHARE (how much an index may grow before it is built anew).
"""

import statistics
import time

from bench.faces import embedder_fingerprint, load, registered, vectors
from bench.results import publish
from bench.setting import prepared
from facefind_pipeline.search.index import measure_recall
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.probes import Probe
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import indexes
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.index_kinds import IndexKind

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
GROWTH = (0.2, 0.5)
GROWTH_FROM = 5_000


def main() -> None:
    """Runs both comparisons on a database of its own."""
    with prepared() as bench:
        home = bench.server.home
        database = open_database(Settings(home, bench.server.url("index"), home / "models", home / "references", None))
        compare_sizes(database)
        compare_growth(database)


def compare_sizes(database: Database) -> None:
    """A whole find query, 10 photos, median of 30: exact over HNSW."""
    rows, loaded = [], 0
    for size in SIZES:
        load(database, loaded, size)
        loaded = size
        exact, _ = search_ms(database, "none", size)
        hnsw, recall = search_ms(database, "hnsw", size)
        rows.append(
            {
                "faces": f"{size:,}",
                "exact ms": exact,
                "hnsw ms": hnsw,
                "exact / hnsw": exact / hnsw,
                "recall@10": recall,
            }
        )
    publish("index", rows)


def compare_growth(database: Database) -> None:
    """An index that live inserts grow: its recall, and the cost of inserting over that of rebuilding."""
    rows = []
    for number, share in enumerate(GROWTH):
        first, last = 200_000 + number * 100_000, GROWTH_FROM
        with database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("TRUNCATE embeddings; TRUNCATE detections CASCADE; TRUNCATE photos")
        load(database, first, first + last)
        chosen = registered(database)
        indexes.build(database, chosen, IndexKind("hnsw"), last)
        started = time.perf_counter()
        load(database, first + last, first + last + int(share * last))
        inserting = time.perf_counter() - started
        with database.connect() as connection:
            grown = measure_recall(connection, chosen)
        _, building = indexes.build(database, chosen, IndexKind("hnsw"), last)
        with database.connect() as connection:
            new = measure_recall(connection, chosen)
        rows.append(
            {
                "grown by": f"{share:.0%}",
                "recall grown": grown,
                "recall new": new,
                "inserting s": inserting,
                "rebuilding s": building,
                "inserting / rebuilding": inserting / building,
            }
        )
    publish("index-growth", rows)


def search_ms(database: Database, method: str, rows: int) -> tuple[float, float]:
    """Median milliseconds of a find query with that index, and its recall."""
    chosen = registered(database)
    name, _ = indexes.build(database, chosen, IndexKind(method), rows)
    times = []
    with database.connect() as connection:
        recall = measure_recall(connection, chosen) if name else 1.0
        embedder = embedder_fingerprint(connection)
        for probe in vectors(10_000_000, 10_000_030):
            started = time.perf_counter()
            find_nearest(connection, chosen, [Probe(probe, embedder)], limit=10)
            times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times), recall


if __name__ == "__main__":
    main()
