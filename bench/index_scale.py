"""Every kind of index by number of synthetic faces: building, inserting, disk, memory and search; and the plan.

    python -m bench.index_scale                                      # 30,000, 100,000 and a million: half an hour
    python -m bench.index_scale --faces 30000,100000,1000000,5000000       # hours, 25 GB of disk, 8 GB of memory
    python -m bench.index_scale --faces 1000000 --command            # what `facefind index` prints of so many

Tables go to docs/measurements/scaling.md after each index, the plan and its drawing after each size.
"""

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import psutil
from pgvector import Vector
from psycopg2.extras import execute_values

from bench.command import FACEFIND
from bench.faces import KEY, load, registered, vectors
from bench.results import DOCUMENT, publish
from bench.setting import prepared
from facefind_pipeline.search.index_trial import INDEX, TIMED, WARM_UP, Tried, built, copied, measured
from facefind_pipeline.search.live import IVFFLAT_PROBES
from facefind_pipeline.search.recall import nearest, sample
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import indexes
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.index_kinds import IndexKind, default_lists
from facefind_pipeline.store.parameter_sets import RegisteredSet

SCALING = DOCUMENT.parent / "scaling.md"
DRAWING = DOCUMENT.parent.parent / "images" / "index-scale.png"
KINDS = [IndexKind(method, halfvec) for method in ("ivfflat", "hnsw") for halfvec in (False, True)]
INSERTED = 1_000  # faces
INSERTED_FROM = 70_000_000  # numbers of faces that are stored nowhere
PLANNED = (10_000_000, 100_000_000)
FITTED = {  # column: its name and unit in the plan
    "build s": ("build h", 3600),
    "build memory MB": ("build memory GB", 1024),
    "index MB": ("index GB", 1024),
    "p50 ms": ("p50 ms", 1),
}
POLL_S = 0.5

Row = dict[str, str | float]


def _lists(faces: float) -> int:
    return default_lists(int(faces))


# How each cost grows with the faces. IVFFlat compares every face with every list, and a search every list and ten of
# them; HNSW descends a graph whose depth is a logarithm, for each face once while it is built.
GROWTH: dict[str, dict[str, Callable[[float], float]]] = {
    "build s": {
        "none": float,
        "ivfflat": lambda faces: faces * _lists(faces),
        "hnsw": lambda faces: faces * np.log(faces),
    },
    "build memory MB": {"none": float, "ivfflat": _lists, "hnsw": float},
    "index MB": {"none": float, "ivfflat": float, "hnsw": float},
    "p50 ms": {
        "none": float,
        "ivfflat": lambda faces: _lists(faces) + IVFFLAT_PROBES * faces / _lists(faces),
        "hnsw": np.log,
    },
}


def main() -> None:
    """Measures each size in turn, publishes all so far."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", default="30000,100000,1000000", help="sizes, separated by commas, growing")
    parser.add_argument("--command", action="store_true", help="runs `facefind index` on them instead")
    options = parser.parse_args()
    sizes = [int(size) for size in options.faces.split(",")]
    tables: list[Row] = []
    rows: list[Row] = []
    loaded = 0
    with prepared() as bench:
        home, server = bench.server.home, bench.server
        database = open_database(Settings(home, server.url("scale"), home / "models", home / "references", None))
        if options.command:
            load(database, 0, sizes[-1])
            subprocess.run([FACEFIND, "index", KEY], env={**os.environ, **bench.home("scale")}, check=True)
            return
        postmaster = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))
        for size in sizes:
            tables.append(_grow(database, loaded, size))
            loaded = size
            publish("scale-table", tables, SCALING)
            for row in _compare(database, size, postmaster):
                rows.append(row)
                publish("index-scale", rows, SCALING)
            if len(tables) > 1:
                _plan(tables, rows)


def _grow(database: Database, loaded: int, size: int) -> Row:
    """Stores faces up to that many, their set without index."""
    print(f"loading {size:,} faces", file=sys.stderr, flush=True)
    started = time.perf_counter()
    load(database, loaded, size)
    seconds = time.perf_counter() - started
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_table_size(%(table)s), pg_indexes_size(%(table)s), pg_database_size(current_database())",
            {"table": registered(database).table},
        )
        vectors_bytes, keys_bytes, everything = cursor.fetchone() or (0, 0, 0)
    return {
        "faces": f"{size:,}",
        "ms per face stored": 1000 * seconds / (size - loaded),
        "vectors MB": vectors_bytes / 2**20,
        "their keys MB": keys_bytes / 2**20,
        "database MB": everything / 2**20,
    }


def _compare(database: Database, size: int, postmaster: psutil.Process) -> Iterator[Row]:
    """A row per kind of index, exact search first."""
    with copied(database, registered(database)) as copy:
        with database.connect() as connection:
            asked = sample(connection, copy, WARM_UP + TIMED)
            exact = nearest(connection, copy, asked, exactly=True)
        yield _row(measured(IndexKind("none"), size, exact, exact, 0, 0.0), 0.0, 0.0)
        for kind in KINDS:
            print(f"building {kind} of {size:,} faces", file=sys.stderr, flush=True)
            with _Memory(postmaster) as memory, built(database, copy, kind, size) as seconds:
                needed = memory.most
                with database.connect() as connection:
                    found = nearest(connection, replace(copy, floats=kind.floats), asked)
                    size_on_disk = indexes.index_bytes(connection, INDEX)
                yield _row(
                    measured(kind, size, found, exact, size_on_disk, seconds), needed, _insert_ms(database, copy)
                )


def _row(tried: Tried, memory: float, inserting: float) -> Row:
    return {
        "faces": f"{tried.faces:,}",
        "index": tried.kind.method,
        "floats": tried.kind.floats,
        "build s": tried.seconds,
        "build memory MB": memory,
        "index MB": tried.bytes / 2**20,
        "insert ms per face": inserting,
        "recall@10": tried.recall,
        "p50 ms": tried.p50,
        "p95 ms": tried.p95,
    }


def _insert_ms(database: Database, copy: RegisteredSet) -> float:
    """Milliseconds per face that is written to the copy while it has an index; it is taken back."""
    fresh = [(Vector(vector).to_text(),) for vector in vectors(INSERTED_FROM, INSERTED_FROM + INSERTED)]
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE fresh (embedding vector)")
        execute_values(cursor, "INSERT INTO fresh VALUES %s", fresh)
        started = time.perf_counter()
        cursor.execute(
            f"""
            INSERT INTO {copy.table}
                (parameter_set, sha256, face_key, detector_fingerprint, embedder_fingerprint, embedding)
            SELECT parameter_set, sha256, gen_random_uuid(), detector_fingerprint, embedder_fingerprint, fresh.embedding
            FROM fresh CROSS JOIN (SELECT * FROM {copy.table} LIMIT 1) one
            """
        )
        milliseconds = 1000 * (time.perf_counter() - started) / INSERTED
        connection.rollback()
    return milliseconds


class _Memory:
    """Samples what the server's processes hold beside the shared buffers, in MB, until the block ends."""

    def __init__(self, postmaster: psutil.Process) -> None:
        self._postmaster, self._ended = postmaster, threading.Event()
        self._before = self._held()
        self.most = 0.0

    def __enter__(self) -> "_Memory":
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(POLL_S):
            self.most = max(self.most, self._held() - self._before)

    def _held(self) -> float:
        """Shares of pages that several processes hold count once; the shared buffers are mapped as /dev/zero."""
        held = 0
        for process in self._postmaster.children():
            with suppress(psutil.NoSuchProcess):
                held += sum(part.pss for part in process.memory_maps() if not part.path.startswith("/dev/zero"))
        return held / 2**20


def _plan(tables: Sequence[Row], rows: Sequence[Row]) -> None:
    """Draws what was measured with how it grows, and publishes what that gives for many more faces."""
    from matplotlib.figure import Figure

    kinds = [IndexKind("none"), *KINDS]
    plan: dict[tuple[int, IndexKind], Row] = {
        (faces, kind): {
            "faces": f"{faces:,}",
            "index": kind.method,
            "floats": kind.floats,
            "vectors GB": _grown(tables, "vectors MB", float, faces) / 1024,
        }
        for faces in PLANNED
        for kind in kinds
    }
    figure = Figure(figsize=(13, 3.6), layout="constrained")
    for axes, (what, (name, unit)) in zip(figure.subplots(1, len(FITTED)), FITTED.items(), strict=True):
        for number, kind in enumerate(kinds):
            measured_rows = [
                row for row in rows if (row["index"], row["floats"]) == (kind.method, kind.floats) and row[what]
            ]
            growth = GROWTH[what][kind.method]
            if measured_rows:
                sizes = [_faces(row) for row in measured_rows]
                values = [float(row[what]) for row in measured_rows]
                axes.loglog(sizes, values, "o", color=f"C{number}", label=str(kind))
                along = np.geomspace(sizes[0], PLANNED[-1], 20)
                grown = [_grown(measured_rows, what, growth, faces) for faces in along]
                axes.loglog(along, grown, "--", color=f"C{number}")
            for faces in PLANNED:
                grown_to = _grown(measured_rows, what, growth, faces) / unit if measured_rows else 0.0
                plan[faces, kind][name] = float(f"{grown_to:.3g}")
        axes.set(xlabel="faces", title=what)
        axes.legend(fontsize=7)
    figure.savefig(DRAWING, dpi=100)
    publish("index-scale-plan", list(plan.values()), SCALING)


def _grown(rows: Sequence[Row], what: str, growth: Callable[[float], float], faces: float) -> float:
    """The growth times the one factor that fits all rows best."""
    factors = [float(row[what]) / growth(_faces(row)) for row in rows]
    return statistics.geometric_mean(factors) * growth(faces)


def _faces(row: Row) -> int:
    return int(str(row["faces"]).replace(",", ""))


if __name__ == "__main__":
    main()
