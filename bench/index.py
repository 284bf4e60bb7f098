"""Exact search against HNSW by number of faces, and an index grown by inserts against a new one.

    python -m bench.index

Prints the ratios behind two constants of `facefind_pipeline.store.indexes`: AUTO_HNSW_ROWS (from how many faces on the
index is faster for a whole `find` query) and REBUILD_SHARE (how much an index may grow before it is built anew).
"""

import hashlib
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.search.find import Probe, find_nearest
from facefind_pipeline.search.index import measure_recall
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import faces, indexes, parameter_sets, photos
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.faces import Detection, Partition, StoredFace
from facefind_pipeline.store.server import EmbeddedServer

DIMENSION = 128
FACES_A_PHOTO = 5
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
GROWTH = (0.2, 0.5)
GROWTH_FROM = 5_000
KEY = "hog-up1-px2000@dlib"


def main() -> None:
    """Runs both comparisons on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="facefind-bench") as folder:
        home = Path(folder)
        server = EmbeddedServer(home)
        try:
            settings = Settings(home, None, home / "models", home / "references", None)
            database = open_database(settings)
            compare_sizes(database)
            compare_growth(database)
        finally:
            server.stop()


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
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        recall = measure_recall(connection, chosen) if name else 1.0
        embedder = parameter_sets.record_fingerprint(connection, "embedder", {"bench": 1})
        for probe in vectors(10_000_000, 10_000_030):
            started = time.perf_counter()
            find_nearest(connection, chosen, [Probe(probe, embedder)], limit=10)
            times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times), recall


def registered(database: Database) -> parameter_sets.RegisteredSet:
    """The set that all vectors are in."""
    with database.connect() as connection:
        parameter_sets.register(connection, ParameterSet.parse(KEY), DIMENSION, "l2")
        return parameter_sets.find(connection, KEY)


def load(database: Database, first: int, last: int) -> None:
    """Stores faces `first` to `last`, a few a photo, as the pipeline does."""
    registered(database)
    with database.connect() as connection:
        detector = parameter_sets.record_fingerprint(connection, "detector", {"bench": 1})
        embedder = parameter_sets.record_fingerprint(connection, "embedder", {"bench": 1})
        partition = Partition("bench", KEY, detector, embedder)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO photo_roots (path) VALUES ('bench') ON CONFLICT DO NOTHING")
            cursor.execute("INSERT INTO event_days SELECT 'bench', root_id, '' FROM photo_roots ON CONFLICT DO NOTHING")
        for start in range(first, last, 10_000):
            load_batch(connection, partition, start, min(last, start + 10_000))


def load_batch(connection: Connection, partition: Partition, start: int, end: int) -> None:
    """Photos, detections and vectors of faces `start` to `end`."""
    by_photo: dict[int, list[StoredFace]] = {}
    for number in range(start, end):
        face = StoredFace((number % FACES_A_PHOTO * 200, 100, 80, 80), 1.0, None)
        by_photo.setdefault(number // FACES_A_PHOTO, []).append(face)
    keys = {photo: hashlib.sha256(str(photo).encode()).digest() for photo in by_photo}
    rows = [photos.PhotoRow(f"{photo}.jpg", sha, 1, 0, 0, None, "JPEG", 3000, 2000, 1) for photo, sha in keys.items()]
    photos.replace_photos(connection, "bench", rows, gone=())
    found = [Detection(keys[photo], 0.1, None, seen, [b"x"] * len(seen)) for photo, seen in by_photo.items()]
    faces.write_detections(connection, partition.detector, found)
    flat = [(keys[photo], face) for photo, seen in by_photo.items() for face in seen]
    made = zip(flat, vectors(start, end), strict=True)
    faces.write_embeddings(connection, partition, ((sha, face, vector) for (sha, face), vector in made))


def vectors(first: int, last: int) -> np.ndarray:
    """Clustered like dlib's vectors: about 0.45 between two faces of one person, 0.8 between two people."""
    random = np.random.default_rng(first)
    people = np.random.default_rng(1).normal(0, 0.52 / np.sqrt(2 * DIMENSION / 2), (2_000, DIMENSION))
    centres = people[random.integers(0, len(people), last - first)]
    return (centres + random.normal(0, 0.45 / np.sqrt(2 * DIMENSION), centres.shape)).astype(np.float32)


if __name__ == "__main__":
    main()
