"""Exact search against HNSW by number of faces, and an index grown by inserts against a new one.

    python -m bench.index

Prints the ratios behind two constants of `facefind_pipeline.store.indexes`: AUTO_HNSW_ROWS (from how many faces on the
index is faster for a whole `find` query) and REBUILD_SHARE (how much an index may grow before it is built anew).
"""

import statistics
import time

from bench.faces import embedder_fingerprint, load, registered, vectors
from bench.setting import prepared
from facefind_pipeline.search.find import Probe, find_nearest
from facefind_pipeline.search.index import measure_recall
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import indexes
from facefind_pipeline.store.database import Database, open_database

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
    print("faces    exact ms  hnsw ms  exact/hnsw  recall@10")
    loaded = 0
    for size in SIZES:
        load(database, loaded, size)
        loaded = size
        exact, _ = search_ms(database, "none", size)
        hnsw, recall = search_ms(database, "hnsw", size)
        print(f"{size:7d}  {exact:8.2f}  {hnsw:7.2f}  {exact / hnsw:10.2f}  {recall:.3f}", flush=True)


def compare_growth(database: Database) -> None:
    """An index that live inserts grow: its recall, and the cost of inserting over that of building anew."""
    print("\ngrown by  recall grown  recall new  insert s  build s  insert/build")
    for number, share in enumerate(GROWTH):
        first, last = 200_000 + number * 100_000, GROWTH_FROM
        with database.connect() as connection, connection.cursor() as cursor:
            cursor.execute("TRUNCATE embeddings; TRUNCATE detections CASCADE; TRUNCATE photos")
        load(database, first, first + last)
        chosen = registered(database)
        indexes.build(database, chosen, "hnsw", last)
        started = time.perf_counter()
        load(database, first + last, first + last + int(share * last))
        inserting = time.perf_counter() - started
        with database.connect() as connection:
            grown = measure_recall(connection, chosen)
        _, building = indexes.build(database, chosen, "hnsw", last)
        with database.connect() as connection:
            new = measure_recall(connection, chosen)
        ratio = inserting / building
        print(f"{share:8.0%}  {grown:12.3f}  {new:10.3f}  {inserting:8.1f}  {building:7.1f}  {ratio:12.2f}", flush=True)


def search_ms(database: Database, method: str, rows: int) -> tuple[float, float]:
    """Median milliseconds of a find query with that index, and its recall."""
    chosen = registered(database)
    name, _ = indexes.build(database, chosen, method, rows)
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
