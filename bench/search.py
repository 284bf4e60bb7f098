"""Searching 5 thousand, 100 thousand and, with `--large`, a million faces; `facefind find` against the talk's search.

python -m bench.search [--large]
"""

import argparse
import statistics
import sys
import time

import numpy as np
from pgvector import Vector
from psycopg2 import sql

from bench.faces import (
    DIMENSION,
    FACES_A_PHOTO,
    FRIEND,
    KEY,
    LARGE_FACE,
    LISBON,
    RARE,
    embedder_fingerprint,
    load,
    registered,
    vectors,
)
from bench.measure import percentile
from bench.results import publish, record
from bench.setting import Bench, prepared
from facefind_pipeline.search.filters import Company, Filters, Near
from facefind_pipeline.search.live import find_nearest, index_settings
from facefind_pipeline.search.probes import Probe
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import indexes
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.queries import indexed

PROBES = 200
KIND_PROBES = 50  # of which each is also searched exactly: 0.3 s for a million faces
ASKED = 10  # photos
CLOSE = 400  # faces looked at by brute force: ten photos by their nearest faces, of which one in four counts
SIZES = {"5k": 5_000, "100k": 100_000}
LARGE = {"1m": 1_000_000}
NEAR, FRIENDS = Near(*LISBON, 2_000), Company(KEY, 0.0, present=(FRIEND,))
FILTERS = {  # by name: the filters, and which numbers of photos and faces they leave
    "none": (Filters(), 1, 1),
    "country, 1 % of photos": (Filters(country=RARE), 100, 1),
    "near, 20 %": (Filters(near=NEAR), 5, 1),
    "with a friend, 50 %": (Filters(company=FRIENDS), 2, 1),
    "faces of a size, 25 %": (Filters(min_height=LARGE_FACE), 1, 4),
    "near, friend, size": (Filters(near=NEAR, company=FRIENDS, min_height=LARGE_FACE), 10, 4),
}
PROBES_FROM = 50_000_000  # numbers of faces that are stored nowhere, of people who are


def main() -> None:
    """Measures, prints and records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    with prepared() as bench:
        search(bench, SIZES | (LARGE if options.large else {}))


def search(bench: Bench, sizes: dict[str, int]) -> None:
    """Grows one set to each size and searches it with the index it gets, without and with filters."""
    home = bench.server.home
    database = open_database(Settings(home, bench.server.url("search"), home / "models", home / "references", None))
    rows, kinds, loaded = [], [], 0
    for name, size in sizes.items():
        print(f"loading {size} faces", file=sys.stderr, flush=True)
        chosen = registered(database)
        indexes.build(database, chosen, IndexKind("none"), loaded)  # a live one would slow the loading
        load(database, loaded, size)
        loaded = size
        kind = indexes.kind_for(chosen, size)
        print(f"building {kind}", file=sys.stderr, flush=True)
        index, seconds = indexes.build(database, chosen, kind, size)
        recalls = {}
        for wanted in FILTERS:
            milliseconds, recall, complete = _ask(database, size, wanted)
            recalls[wanted] = recall
            if wanted == "none":
                record({f"search_p95_ms_{name}": percentile(milliseconds, 95), f"search_recall_{name}": recall})
            rows.append(
                {
                    "faces": f"{size:,}",
                    "filters": wanted,
                    "index": kind.method,
                    "p50 ms": statistics.median(milliseconds),
                    "p95 ms": percentile(milliseconds, 95),
                    f"recall@{ASKED}": recall,
                    "full count": "yes" if complete else "no",
                    "build s": seconds,
                    "index MB": _megabytes(database, index),
                }
            )
        record({"search_recall_filtered": min(recalls.values())})
        if index is not None:
            kinds += _compare_kinds(database, size, seconds, index)
    large = "-large" if LARGE.keys() <= sizes.keys() else ""
    publish(f"search{large}", rows)
    publish(f"search-kinds{large}", kinds)


def _compare_kinds(database: Database, size: int, seconds: float, index: str) -> list[dict[str, object]]:
    """The nearest faces alone, without photos: exactly, by the index of 32-bit floats that is there, by 16-bit ones."""
    chosen = registered(database)
    probes = [Vector(vector).to_text() for vector in vectors(PROBES_FROM, PROBES_FROM + KIND_PROBES)]
    nearest: dict[str, list[set[str]]] = {}
    times: dict[str, list[float]] = {}
    built, megabytes = {"vector": seconds}, {"vector": _megabytes(database, index)}

    def ask(kind: str, floats: str | None) -> None:
        statement = sql.SQL("SELECT face_key FROM {table} ORDER BY embedding{indexed} <-> %s{indexed} LIMIT %s").format(
            table=sql.Identifier(chosen.table), indexed=indexed(floats, DIMENSION)
        )
        nearest[kind], times[kind] = [], []
        with database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(index_settings())
            for probe in [probes[0], *probes]:
                started = time.perf_counter()
                cursor.execute(statement, [probe, ASKED])
                times[kind].append(1000 * (time.perf_counter() - started))
                nearest[kind].append({face for (face,) in cursor.fetchall()})

    ask("exact", None)
    ask("vector", "vector")
    started = time.perf_counter()
    with database.connect_autocommit() as connection:
        indexes.create(database, connection, chosen, IndexKind("hnsw", halfvec=True), size, "halfvec")
    built["halfvec"], megabytes["halfvec"] = time.perf_counter() - started, _megabytes(database, "halfvec")
    ask("halfvec", "halfvec")
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP INDEX halfvec")
    return [
        {
            "faces": f"{size:,}",
            "index": kind,
            "p50 ms": statistics.median(times[kind][1:]),
            "p95 ms": percentile(times[kind][1:], 95),
            f"recall@{ASKED} of faces": sum(map(len, map(set.__and__, found[1:], nearest["exact"][1:])))
            / (ASKED * KIND_PROBES),
            "build s": built.get(kind, 0.0),
            "index MB": megabytes.get(kind, 0.0),
        }
        for kind, found in nearest.items()
    ]


def _ask(database: Database, size: int, wanted: str) -> tuple[list[float], float, bool]:
    """Milliseconds of each search on an open connection; recall against exact search; whether all gave ten photos."""
    probes = vectors(PROBES_FROM, PROBES_FROM + PROBES)
    filters, every_photo, every_face = FILTERS[wanted]
    exact = _exact(probes, size, every_photo, every_face)
    chosen, times, found = registered(database), [], []
    with database.connect() as connection:
        embedder = embedder_fingerprint(connection)
        for vector in [*probes[:20], *probes]:  # the first 20 warm the caches up
            started = time.perf_counter()
            answer = find_nearest(connection, chosen, [Probe(vector, embedder)], limit=ASKED, filters=filters)
            times.append(1000 * (time.perf_counter() - started))
            found.append({int(match.photo.removesuffix(".jpg")) for match in answer.matches})
    hits = sum(len(a & b) for a, b in zip(found[20:], exact, strict=True))
    return times[20:], hits / sum(map(len, exact)), all(len(photos) == ASKED for photos in found)


def _exact(probes: np.ndarray, size: int, every_photo: int, every_face: int, step: int = 100_000) -> list[set[int]]:
    """The photos nearest to each probe, by brute force, of those photos whose nearest face is one of those faces."""
    nearest: list[list[tuple[float, int]]] = [[] for _ in probes]
    for start in range(0, size, step):
        numbers = np.arange(start, min(size, start + step))
        among = numbers // FACES_A_PHOTO % every_photo == 0
        stored, numbers = vectors(start, min(size, start + step))[among], numbers[among]
        distances = (stored**2).sum(1) - 2 * probes @ stored.T
        for found, row in zip(nearest, distances, strict=True):
            close = np.argpartition(row, min(len(row) - 1, CLOSE))[:CLOSE]
            found.extend(zip(row[close].tolist(), numbers[close].tolist(), strict=True))
    return [_photos(sorted(mine), every_face) for mine in nearest]


def _photos(faces: list[tuple[float, int]], every_face: int) -> set[int]:
    """The first ten photos, each by its nearest face."""
    best: dict[int, int] = {}
    for _, face in faces:
        best.setdefault(face // FACES_A_PHOTO, face)
    return set([photo for photo, face in best.items() if face % every_face == 0][:ASKED])


def _megabytes(database: Database, index: str | None) -> float:
    if index is None:
        return 0.0
    with database.connect() as connection:
        return indexes.index_bytes(connection, index) / 2**20


if __name__ == "__main__":
    main()
