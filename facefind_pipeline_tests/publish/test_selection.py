"""Which of a person's photos are published."""

from collections.abc import Iterator

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.publish.gallery_data import gallery_photos
from facefind_pipeline.publish.selection import selected
from facefind_pipeline.search import gone, rank, results, stored
from facefind_pipeline.search.matches import WORTH_SHOWING
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import Person
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, vector, write_all, write_person

ADA, BOB = Person("ada", "Ada"), Person("bob", "Bob")


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        friday = partition(connection, "friday")
        shots = [
            Photo("hers.jpg", "1", [vector(0)]),
            Photo("both.jpg", "2", [vector(0), vector(3)]),
            Photo("stranger.jpg", "3", [vector(0, 0, 5)]),
            Photo("said.jpg", "4", [vector(0)]),
        ]
        write_all(connection, friday, shots)
        write_person(connection, friday, "Ada", [vector(0)])
        write_person(connection, friday, "Bob", [vector(3)])
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO feedback VALUES ('ada', sha256('4'), true, 0, 10, 15, 15)")
        results.refresh(connection, parameter_sets.find(connection, KEY))
        yield connection


def test_sure_likely_and_confirmed_ones_and_others_on_demand(connection: Connection) -> None:
    chosen = parameter_sets.find(connection, KEY)
    (ada,) = selected(connection, chosen, [ADA], all_bands=False)
    assert {match.photo for match in ada.matches} == {"said.jpg", "hers.jpg", "both.jpg"}
    assert ada.matches[0].band == "confirmed"
    assert {match.band for match in ada.matches} <= set(WORTH_SHOWING)
    (everything,) = selected(connection, chosen, [ADA], all_bands=True)
    assert len(everything.matches) == 4


def test_all_are_taken_although_stored_results_keep_fewer(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (stored, gone, rank):
        monkeypatch.setattr(module, "KEPT", 2)
    chosen = parameter_sets.find(connection, KEY)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM made WHERE asset = 'search_results'")
    results.refresh(connection, chosen)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM search_results WHERE person = 'ada'")
        assert cursor.fetchone() == (2,)
    (everything,) = selected(connection, chosen, [ADA], all_bands=True)
    assert {match.photo for match in everything.matches} == {"hers.jpg", "both.jpg", "stranger.jpg", "said.jpg"}


def test_a_photo_of_two_people_is_shown_once_with_both(connection: Connection) -> None:
    chosen = parameter_sets.find(connection, KEY)
    photos = gallery_photos(connection, selected(connection, chosen, [BOB, ADA], all_bands=False))
    by_path = {photo.match.photo: [one.person for one in photo.appearances] for photo in photos}
    assert by_path == {"both.jpg": [0, 1], "hers.jpg": [1], "said.jpg": [1]}
    assert {photo.size for photo in photos} == {(300, 200)}


def test_a_person_without_a_reference_is_an_error(connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO people VALUES ('eve', 'Eve')")
    with pytest.raises(FacefindError, match="Eve has no usable reference"):
        selected(connection, parameter_sets.find(connection, KEY), [Person("eve", "Eve")], all_bands=False)


def test_whom_a_photo_shows_best_comes_first(connection: Connection) -> None:
    chosen = parameter_sets.find(connection, KEY)
    photos = gallery_photos(connection, selected(connection, chosen, [BOB, ADA], all_bands=True))
    by_path = {photo.match.photo: [one.person for one in photo.appearances] for photo in photos}
    assert by_path["hers.jpg"] == [1, 0]
