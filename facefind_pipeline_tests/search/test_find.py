"""Searching, against the same ranking done in numpy."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search import find, rank, results
from facefind_pipeline.search.filters import Filters
from facefind_pipeline.search.find import Probe, find_nearest, find_person
from facefind_pipeline.search.matches import Copy, Match
from facefind_pipeline.store import indexes, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline_tests.store.rows import (
    KEY,
    Photo,
    partition,
    table,
    vector,
    write_all,
    write_person,
    write_photos,
)

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


@pytest.mark.parametrize("method", ["none", "hnsw", "ivfflat"])
def test_as_many_photos_come_as_were_asked_for_whatever_the_index(database: Database, shots, method: str) -> None:
    # Many faces of one photo are nearest, so that far more faces than photos must be looked at.
    crowd = Photo("crowd.jpg", "crowd", [vector(1, n / 1e4) for n in range(300)])
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), [*shots, crowd])
        chosen = _set(connection)
    indexes.build(database, chosen, method, 500)
    with database.connect() as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
        for limit in (1, 10, 60):
            matches = find_nearest(connection, chosen, _probes(connection, [vector(1)]), limit=limit).matches
            assert len(matches) == limit
            assert matches[0].photo == "crowd.jpg"
            assert len({m.sha256 for m in matches}) == limit


def test_copies_are_one_match_that_names_them_all(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [Photo("b.jpg", "1", [vector(1)]), Photo("a.jpg", "2", [vector(3)])])
    write_all(connection, partition(connection, "saturday"), [Photo("copy.jpg", "1", [vector(1)])])
    first, second = find_nearest(connection, _set(connection), _probes(connection, [vector(1)]), limit=10).matches
    assert (first.event_day, first.photo, str(first.file)) == ("friday", "b.jpg", "/photos/b.jpg")
    assert first.copies == (Copy("saturday", "copy.jpg", Path("/photos/copy.jpg")),)
    assert (second.photo, second.copies, second.distance) == ("a.jpg", (), 2.0)


@pytest.fixture
def travels(connection: Connection, friday: Partition) -> None:
    """Photos of one person in places and at times; the nearest are elsewhere."""
    saturday = partition(connection, "saturday")
    lisbon, vigo = {"country": "PT"}, {"country": "ES"}
    write_all(
        connection,
        friday,
        [
            Photo("noon.jpg", "1", [vector(4)], datetime(2024, 6, 14, 12), **lisbon),
            Photo("midnight.jpg", "2", [vector(3)], datetime(2024, 6, 14, 23, 59, 59), **lisbon),
            Photo("unknown.jpg", "3", [vector(0)]),
        ],
    )
    write_all(
        connection,
        saturday,
        [
            Photo("vigo.jpg", "4", [vector(1)], datetime(2024, 6, 15, 0, 0), **vigo),
            Photo("late.jpg", "5", [vector(2)], datetime(2024, 6, 16, 9), **lisbon),
            Photo("noon copy.jpg", "1", [vector(4)], datetime(2024, 6, 14, 12), **lisbon),
        ],
    )
    write_person(connection, friday, "Ada", [vector(0)])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), ["unknown.jpg", "vigo.jpg", "late.jpg", "midnight.jpg", "noon.jpg"]),
        (Filters(country="PT"), ["late.jpg", "midnight.jpg", "noon.jpg"]),
        (Filters(country="PT", to_day=date(2024, 6, 14)), ["midnight.jpg", "noon.jpg"]),
        (Filters(from_day=date(2024, 6, 15), to_day=date(2024, 6, 15)), ["vigo.jpg"]),
        (Filters(days=("saturday",)), ["vigo.jpg", "late.jpg", "noon copy.jpg"]),
        (Filters(days=("saturday", "friday"), from_day=date(2024, 6, 16)), ["late.jpg"]),
        (Filters(country="FR"), []),
    ],
)
@pytest.mark.usefixtures("travels")
def test_filters_limit_what_is_ranked(connection: Connection, filters: Filters, expected: list[str]) -> None:
    person = find.Person("ada", "Ada")
    assert _names(find_person(connection, _set(connection), person, limit=10, filters=filters).matches) == expected


@pytest.mark.usefixtures("travels")
def test_stored_results_are_those_of_the_live_query(connection: Connection) -> None:
    person, chosen = find.Person("ada", "Ada"), _set(connection)
    live = find_person(connection, chosen, person, limit=10).matches
    assert results.refresh(connection, chosen) == ["ada"]
    with connection.cursor() as cursor:  # so that only stored results can answer
        cursor.execute("UPDATE search_results SET distance = distance + 100")
    stored = find_person(connection, chosen, person, limit=10).matches
    assert [m.distance for m in stored] == [m.distance + 100 for m in live]
    assert _names(stored) == _names(live)
    assert [m.copies for m in stored] == [m.copies for m in live]


@pytest.mark.usefixtures("travels")
def test_filters_choose_among_stored_results(connection: Connection) -> None:
    person, chosen = find.Person("ada", "Ada"), _set(connection)
    filters = Filters(country="PT", to_day=date(2024, 6, 14))
    live = find_person(connection, chosen, person, limit=10, filters=filters).matches
    results.refresh(connection, chosen)
    with connection.cursor() as cursor:  # so that only stored results can answer
        cursor.execute("UPDATE search_results SET distance = distance + 100")
    stored = find_person(connection, chosen, person, limit=10, filters=filters).matches
    assert [(m.photo, m.distance - 100) for m in stored] == [(m.photo, m.distance) for m in live]
    days = Filters(days=("saturday",))
    assert [m.photo for m in find_person(connection, chosen, person, limit=1, filters=days).matches] == ["vigo.jpg"]


@pytest.mark.usefixtures("travels")
def test_results_that_are_not_current_are_not_used(connection: Connection, friday: Partition) -> None:
    person = find.Person("ada", "Ada")
    results.refresh(connection, _set(connection))
    write_all(connection, friday, [Photo("new.jpg", "new", [vector(0.5)])])
    assert "new.jpg" in _names(find_person(connection, _set(connection), person, limit=10).matches)
    assert results.refresh(connection, _set(connection)) == ["ada"]
    write_person(connection, friday, "Ada", [vector(4)])
    assert _names(find_person(connection, _set(connection), person, limit=10).matches)[0] == "noon.jpg"


@pytest.mark.usefixtures("travels")
def test_people_are_searched_again_when_anyone_changed(connection: Connection, friday: Partition) -> None:
    write_person(connection, friday, "Bob", [vector(2)])
    assert results.refresh(connection, _set(connection)) == ["ada", "bob"]
    assert results.refresh(connection, _set(connection)) == []
    before = results.results_version(connection, KEY)
    write_person(connection, friday, "Bob", [vector(3)])
    assert results.refresh(connection, _set(connection)) == ["ada", "bob"]  # they compete for faces
    assert results.results_version(connection, KEY) != before


@pytest.mark.usefixtures("travels")
def test_a_person_without_references_any_more_has_no_results(connection: Connection) -> None:
    results.refresh(connection, _set(connection))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM reference_photos")
    assert results.refresh(connection, _set(connection)) == []
    assert table(connection, "SELECT * FROM search_results") == []
    with pytest.raises(FacefindError, match="Ada has no usable reference"):
        find_person(connection, _set(connection), find.Person("ada", "Ada"), limit=10)


def test_stored_results_keep_the_nearest_and_follow_renames(connection, friday, monkeypatch) -> None:
    monkeypatch.setattr(rank, "KEPT", 3)
    monkeypatch.setattr(find, "KEPT", 3)
    write_all(connection, friday, [Photo(f"{n}.jpg", str(n), [vector(n), vector(n + 50)]) for n in range(8)])
    person = write_person(connection, friday, "Ada", [vector(0)])
    results.refresh(connection, _set(connection))
    assert table(connection, "SELECT rank, distance FROM search_results ORDER BY 1") == [(1, 0), (2, 1), (3, 2)]
    write_photos(connection, "friday", [Photo("renamed.jpg", "1")], gone=["1.jpg"])
    names = _names(find_person(connection, _set(connection), person, limit=3).matches)
    assert names == ["0.jpg", "renamed.jpg", "2.jpg"]
    assert len(find_person(connection, _set(connection), person, limit=5).matches) == 5


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
    monkeypatch.setattr(find, "FEW_PHOTOS", few)  # above it the index is asked first
    monkeypatch.setattr(find, "EF_SEARCH", 1)
    with database.connect() as connection:
        write_all(connection, partition(connection, "friday"), shots)
        chosen = _set(connection)
    indexes.build(database, chosen, "hnsw", len(shots))
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


def test_vectors_of_another_embedder_are_not_compared(connection, friday) -> None:
    write_all(connection, friday, [Photo("old.jpg", "1", [vector(1)])])
    newer = partition(connection, "friday", embedder="newer")
    person = write_person(connection, newer, "Ada", [vector(1)])
    with pytest.raises(FacefindError, match="embedded by another version of dlib"):
        find_person(connection, _set(connection), person, limit=5)
    write_all(connection, newer, [Photo("new.jpg", "2", [vector(2)])])
    assert _names(find_person(connection, _set(connection), person, limit=5).matches) == ["new.jpg"]
    results.refresh(connection, _set(connection))
    assert table(connection, "SELECT count(*) FROM search_results") == [(1,)]


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
