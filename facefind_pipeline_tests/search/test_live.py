"""The live query, against the same ranking done in numpy."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search import live
from facefind_pipeline.search.filters import Filters
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.matches import Copy, Match
from facefind_pipeline.search.probes import Probe
from facefind_pipeline.store import indexes, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline_tests.store.rows import (
    KEY,
    Photo,
    partition,
    table,
    vector,
    write_all,
    write_photos,
)

KINDS = [
    IndexKind("none"),
    *(IndexKind(method, halfvec) for method in ("hnsw", "ivfflat") for halfvec in (False, True)),
]
DISTANCES = {
    "l2": lambda a, b: np.linalg.norm(a - b),
    "cosine": lambda a, b: 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b),
    "ip": lambda a, b: -(a @ b),
    "l1": lambda a, b: np.abs(a - b).sum(),
}


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    return partition(connection, "friday")


@pytest.fixture(scope="module")
def shots() -> list[Photo]:
    """150 photos with 0 to 3 faces each."""
    random = np.random.default_rng(3)
    return [
        Photo(f"{number:03d}.jpg", str(number), random.normal(0, 1, (number % 4, 128)).astype(np.float32))
        for number in range(150)
    ]


def _probes(connection: Connection, vectors: Iterable[Any]) -> list[Probe]:
    """Of the embedder that made the rows."""
    embedder = partition(connection, "friday").embedder
    return [Probe(vector, embedder) for vector in vectors]


def _set(connection: Connection) -> RegisteredSet:
    return parameter_sets.find(connection, KEY)


def _names(matches: list[Match]) -> list[str]:
    return [match.photo for match in matches]


@pytest.mark.parametrize("metric", DISTANCES)
def test_photos_are_ranked_by_their_nearest_face_to_any_probe(connection, friday, shots, metric: str) -> None:
    write_all(connection, friday, shots)
    probes = np.random.default_rng(4).normal(0, 1, (2, 128)).astype(np.float32)
    distance = DISTANCES[metric]
    nearest = {s.path: min(distance(p, v) for p in probes for v in s.vectors) for s in shots if len(s.vectors)}
    matches = find_nearest(connection, _set(connection), _probes(connection, probes), limit=200, metric=metric).matches
    assert _names(matches) == sorted(nearest, key=nearest.__getitem__)
    np.testing.assert_allclose([m.distance for m in matches], sorted(nearest.values()), rtol=1e-4, atol=1e-5)
    assert [m.rank for m in matches] == list(range(1, len(nearest) + 1))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_as_many_photos_come_as_were_asked_for_whatever_the_index(database: Database, shots, kind: IndexKind) -> None:
    # Many faces of one photo are nearest, so that far more faces than photos must be looked at.
    crowd = Photo("crowd.jpg", "crowd", [vector(1, n / 1e4) for n in range(300)])
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), [*shots, crowd])
        chosen = _set(connection)
    indexes.build(database, chosen, kind, 500)
    with database.connect() as connection:
        chosen = _set(connection)
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
        for limit in (1, 10, 60):
            matches = find_nearest(connection, chosen, _probes(connection, [vector(1)]), limit=limit).matches
            assert len(matches) == limit
            assert matches[0].photo == "crowd.jpg"
            assert len({m.sha256 for m in matches}) == limit


@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
def test_an_index_of_16_bits_serves_and_distances_are_those_of_the_vectors(database, shots, method: str) -> None:
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), shots)
        whole = _set(connection)
    name, _ = indexes.build(database, whole, IndexKind(method, halfvec=True), 500)
    probe = np.random.default_rng(4).normal(0, 1, 128).astype(np.float32)
    nearest = {s.path: min(np.linalg.norm(probe - v) for v in s.vectors) for s in shots if len(s.vectors)}
    with database.connect() as connection, connection.cursor() as cursor:
        chosen, probes = _set(connection), _probes(connection, [probe])
        assert chosen.floats == "halfvec"
        cursor.execute("SET enable_seqscan = off; ANALYZE")
        cursor.execute(live.index_settings())
        matches = find_nearest(connection, chosen, probes, limit=10).matches
        assert _names(matches) == sorted(nearest, key=nearest.__getitem__)[:10]
        np.testing.assert_allclose([m.distance for m in matches], sorted(nearest.values())[:10], rtol=1e-5)
        values = live.probe_parameters(probes, None) | {
            "candidates": 40,
            "limit": 10,
            "bands": None,
            "sure": 0,
            "likely": 0,
        }
        for exact in (False, True):
            statement = live.live_statement(chosen, "l2", Filters(), exact=exact, for_person=False)
            cursor.execute(sql.SQL("EXPLAIN ") + statement, values | Filters().parameters)
            assert (f"Index Scan using {name}" in str(cursor.fetchall())) is not exact


def test_copies_are_one_match_that_names_them_all(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [Photo("b.jpg", "1", [vector(1)]), Photo("a.jpg", "2", [vector(3)])])
    write_all(connection, partition(connection, "saturday"), [Photo("copy.jpg", "1", [vector(1)])])
    first, second = find_nearest(connection, _set(connection), _probes(connection, [vector(1)]), limit=10).matches
    assert (first.event_day, first.photo, str(first.file)) == ("friday", "b.jpg", "/photos/b.jpg")
    assert first.copies == (Copy("saturday", "copy.jpg", Path("/photos/copy.jpg")),)
    assert (second.photo, second.copies, second.distance) == ("a.jpg", (), 2.0)


def test_with_several_references_no_face_beyond_the_candidates_is_missed(connection, friday) -> None:
    # Near the first reference is a crowd that fills its candidates; the second's nearest are nearer than that crowd.
    crowd = [Photo(f"crowd{n:03d}.jpg", f"c{n}", [vector(5 + n / 1000)] * 5) for n in range(40)]
    alike = [Photo(f"alike{n}.jpg", f"a{n}", [vector(0, 10 + n / 10)]) for n in range(5)]
    write_all(connection, friday, crowd + alike)
    probes = _probes(connection, [vector(5), vector(0, 10)])
    wanted = sorted(
        [(n / 1000, f"crowd{n:03d}.jpg") for n in range(40)] + [(n / 10, f"alike{n}.jpg") for n in range(5)]
    )
    matches = find_nearest(connection, _set(connection), probes, limit=12).matches
    np.testing.assert_allclose([m.distance for m in matches], [distance for distance, _ in wanted[:12]], atol=1e-5)


@pytest.mark.parametrize("few", [1, 1000])
def test_a_filter_that_leaves_few_photos_finds_all_of_them_beside_an_index(database, monkeypatch, few: int) -> None:
    random = np.random.default_rng(5)
    shots = [
        Photo(
            f"{n}.jpg", str(n), random.normal(0, 1, (1, 128)).astype(np.float32), country="IS" if n % 50 == 0 else "PT"
        )
        for n in range(2000)
    ]
    monkeypatch.setattr(live, "FEW_PHOTOS", few)  # above it the index is asked first
    monkeypatch.setattr(live, "EF_SEARCH", 1)
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), shots)
        chosen = _set(connection)
    indexes.build(database, chosen, IndexKind("hnsw"), len(shots))
    probe = random.normal(0, 1, 128).astype(np.float32)
    among = [shot for shot in shots if shot.country == "IS"]
    nearest = sorted(among, key=lambda shot: float(np.linalg.norm(shot.vectors[0] - probe)))
    with database.connect() as connection:
        matches = find_nearest(
            connection, chosen, _probes(connection, [probe]), limit=30, filters=Filters(country="IS")
        ).matches
    assert len(matches) == 30
    if few > len(among):
        assert _names(matches) == [shot.path for shot in nearest[:30]]


def test_a_photo_that_is_gone_is_left_out_and_the_next_takes_its_place(connection, friday) -> None:
    shots = [Photo(f"{n}.jpg", str(n), [vector(1, n / 10)]) for n in range(100)]
    write_all(connection, friday, shots)
    write_photos(connection, "friday", [], gone=[f"{n}.jpg" for n in range(60)])  # its vectors go later
    matches = find_nearest(connection, _set(connection), _probes(connection, [vector(1)]), limit=10).matches
    assert _names(matches) == [f"{n}.jpg" for n in range(60, 70)]


def test_the_faces_of_few_photos_are_found_by_an_index(connection, friday, shots) -> None:
    write_all(connection, friday, shots)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = table(
            connection, "EXPLAIN SELECT FROM embeddings WHERE sha256 = 'x' AND parameter_set = 'hog-up0-px640@dlib'"
        )
    assert "sha256_idx" in str(plan)


def test_the_last_day_of_the_calendar_is_a_filter_as_any_other(connection, friday) -> None:
    write_all(connection, friday, [Photo("a.jpg", "1", [vector(1)], taken_at=datetime(2024, 6, 1, 23, 59, 59))])
    probes = _probes(connection, [vector(1)])
    for last in (date.max, date(2024, 6, 1)):
        assert (
            len(find_nearest(connection, _set(connection), probes, limit=5, filters=Filters(to_day=last)).matches) == 1
        )
    assert (
        find_nearest(connection, _set(connection), probes, limit=5, filters=Filters(to_day=date(2024, 5, 31))).matches
        == []
    )
