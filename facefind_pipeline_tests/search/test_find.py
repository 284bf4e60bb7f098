"""Finding a person: the stored results where they are current and suffice, else the live query."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search import rank, results, stored
from facefind_pipeline.search.documented import filled_in
from facefind_pipeline.search.filters import Filters
from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.live import LiveCounts
from facefind_pipeline.search.matches import Match, PhotoRow
from facefind_pipeline.search.stored import StoredCounts
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
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


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    return partition(connection, "friday")


def _set(connection: Connection) -> RegisteredSet:
    return parameter_sets.find(connection, KEY)


def _names(matches: list[Match]) -> list[str]:
    return [match.photo for match in matches]


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
    person = Person("ada", "Ada")
    assert _names(find_person(connection, _set(connection), person, limit=10, filters=filters).matches) == expected


@pytest.mark.usefixtures("travels")
def test_stored_results_are_those_of_the_live_query(connection: Connection) -> None:
    person, chosen = Person("ada", "Ada"), _set(connection)
    live = find_person(connection, chosen, person, limit=10).matches
    assert results.refresh(connection, chosen) == ["ada"]
    with connection.cursor() as cursor:  # so that only stored results can answer
        cursor.execute("UPDATE ranked_photos SET distance = distance + 100")
    stored = find_person(connection, chosen, person, limit=10).matches
    assert [m.distance for m in stored] == [m.distance + 100 for m in live]
    assert _names(stored) == _names(live)
    assert [m.copies for m in stored] == [m.copies for m in live]


@pytest.mark.usefixtures("travels")
def test_filters_choose_among_stored_results(connection: Connection) -> None:
    person, chosen = Person("ada", "Ada"), _set(connection)
    filters = Filters(country="PT", to_day=date(2024, 6, 14))
    live = find_person(connection, chosen, person, limit=10, filters=filters).matches
    results.refresh(connection, chosen)
    with connection.cursor() as cursor:  # so that only stored results can answer
        cursor.execute("UPDATE ranked_photos SET distance = distance + 100")
    stored = find_person(connection, chosen, person, limit=10, filters=filters).matches
    assert [(m.photo, m.distance - 100) for m in stored] == [(m.photo, m.distance) for m in live]
    days = Filters(days=("saturday",))
    assert [m.photo for m in find_person(connection, chosen, person, limit=1, filters=days).matches] == ["vigo.jpg"]


@pytest.mark.usefixtures("travels")
def test_results_that_are_not_current_are_not_used(connection: Connection, friday: Partition) -> None:
    person = Person("ada", "Ada")
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
        find_person(connection, _set(connection), Person("ada", "Ada"), limit=10)


def test_stored_results_keep_the_nearest_and_follow_renames(connection, friday, monkeypatch) -> None:
    monkeypatch.setattr(rank, "KEPT", 3)
    monkeypatch.setattr(stored, "KEPT", 3)
    write_all(connection, friday, [Photo(f"{n}.jpg", str(n), [vector(n), vector(n + 50)]) for n in range(8)])
    person = write_person(connection, friday, "Ada", [vector(0)])
    results.refresh(connection, _set(connection))
    assert table(connection, "SELECT rank, distance FROM search_results ORDER BY 1") == [(1, 0), (2, 1), (3, 2)]
    write_photos(connection, "friday", [Photo("renamed.jpg", "1")], gone=["1.jpg"])
    names = _names(find_person(connection, _set(connection), person, limit=3).matches)
    assert names == ["0.jpg", "renamed.jpg", "2.jpg"]
    assert len(find_person(connection, _set(connection), person, limit=5).matches) == 5


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


@pytest.mark.usefixtures("travels")
def test_columns_of_both_queries_bear_the_names_that_they_are_read_under(connection: Connection) -> None:
    for name, counts in (("find", LiveCounts), ("stored_results", StoredCounts)):
        with connection.cursor() as cursor:
            cursor.execute(filled_in(connection, _set(connection), name))
            columns = [column.name for column in cursor.description or ()]
        assert columns == [*PhotoRow._fields, *(field.name for field in fields(counts))]
