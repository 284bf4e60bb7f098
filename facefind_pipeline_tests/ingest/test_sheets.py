"""Which faces contact sheets show, in which order, and what is said below them."""

import pytest

from facefind_pipeline.faces import Box
from facefind_pipeline.ingest import sheets
from facefind_pipeline.search import results
from facefind_pipeline.store import feedback, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.vision.sheet import Tile
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, vector, write_all, write_person

FACE = b"jpeg"


@pytest.fixture
def home(database: Database) -> Database:
    """Two faces of a day in one photo and one in another, a person who is one of them, and a box drawn around her."""
    shots = [
        Photo("b.jpg", "b", [vector(0.1), vector(0, 3)], boxes=[(90, 0, 20, 20), (10, 0, 20, 20)]),
        Photo("a.jpg", "a", [vector(0, 0, 4)]),
    ]
    with database.connect() as connection:
        into = partition(connection, "friday")
        write_all(connection, into, shots)
        write_all(connection, partition(connection, "saturday"), [Photo("late.jpg", "late", [vector(9)])])
        write_person(connection, into, "Ada", [vector(0)])
        feedback.say(connection, "ada", shots[1].sha256, Box(1, 1, 9, 9), b"drawn")
        results.refresh(connection, parameter_sets.find(connection, KEY))
    return database


def test_faces_of_a_day_come_photo_by_photo_from_left_to_right(home: Database) -> None:
    with home.connect() as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE detected_faces SET thumbnail = x::text::bytea")
    assert sheets.day_tiles(home, "friday", KEY) == [
        Tile(b"0", ("a.jpg", "score 0.50")),
        Tile(b"10", ("b.jpg", "score 0.50")),
        Tile(b"90", ("b.jpg", "score 0.50")),
    ]


def test_a_face_is_followed_by_its_nearest_others(home: Database) -> None:
    tiles = sheets.neighbour_tiles(home, KEY)
    assert len(tiles) == 4 * 4  # each face of the set, with all
    rows = [tiles[start : start + 4] for start in range(0, 16, 4)]
    assert all(row[0].caption[1] == "0.000" for row in rows)
    assert all(
        [float(tile.caption[1]) for tile in row] == sorted(float(tile.caption[1]) for tile in row) for row in rows
    )
    assert [tile.caption for tile in next(row for row in rows if row[0].caption[0] == "a.jpg")][1:3] == [
        ("b.jpg", "4.001"),
        ("b.jpg", "5.000"),
    ]


def test_references_are_shown_with_what_found_their_face(home: Database) -> None:
    assert sheets.reference_tiles(home, KEY) == [Tile(FACE, ("Ada", "hog"))]
    assert sheets.reference_photo_tiles(home) == []  # what can't be opened is left out


def test_results_frame_what_was_confirmed_and_end_at_the_cut(home: Database) -> None:
    drawn, nearest = (
        Tile(b"drawn", ("Ada 1", "by hand"), framed=True),
        Tile(FACE, ("Ada 2", "0.071")),
    )  # of a template that it joined
    assert sheets.result_tiles(home, KEY, 0.5) == [drawn, nearest]
    assert sheets.result_tiles(home, KEY, None)[:2] == [drawn, nearest]
    assert len(sheets.result_tiles(home, KEY, None)) == 3
    assert sheets.result_tiles(home, KEY, 0) == [drawn]


def test_faces_come_in_the_order_in_which_they_were_asked_for(home: Database) -> None:
    with home.connect() as connection:
        keys = [key for (key,) in table(connection, "SELECT face_key FROM detected_faces ORDER BY face_key DESC")]
    assert sheets.face_tiles(home, {key: (str(key),) for key in keys}) == [Tile(FACE, (str(key),)) for key in keys]
