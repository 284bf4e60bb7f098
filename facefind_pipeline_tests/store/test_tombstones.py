"""Tombstones: what was forgotten is known again with the home's key alone, and a face by any detector's box."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box, Face
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Detection
from facefind_pipeline.store.groups import FacePlace
from facefind_pipeline.store.tombstones import KEY_FILE, Tombstones, is_covered
from facefind_pipeline_tests.store.rows import table

PHOTO, OTHER = b"p" * 32, b"o" * 32
BOX = Box(100, 100, 80, 80)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def tombstones(connection: Connection, tmp_path: Path) -> Tombstones:
    made = Tombstones(tmp_path)
    assert made.photos(connection, [PHOTO]) == {}  # nothing was forgotten: no key is needed
    assert not (tmp_path / KEY_FILE).exists()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO forgettings (forgetting, kind) VALUES (7, 'person')")
    places = [FacePlace(PHOTO, BOX)]
    made.add(connection, 7, photos=[PHOTO], faces=places, references=[PHOTO], persons=["ada"])
    made.add(connection, 7, photos=[PHOTO], faces=places, references=[PHOTO], persons=["ada"])  # resumed
    return made


def test_what_was_forgotten_is_known_and_nothing_else(connection: Connection, tombstones: Tombstones) -> None:
    assert set(tombstones.photos(connection, [PHOTO, OTHER])) == {PHOTO}
    assert set(tombstones.references(connection, [PHOTO, OTHER])) == {PHOTO}
    assert set(tombstones.names(connection, ["ada", "adam"])) == {"ada"}
    assert dict(tombstones.faces(connection, [PHOTO, OTHER])) == {PHOTO: [BOX]}
    assert "facefind forget --lift 7" in str(tombstones.refusal(connection, "ada", "Ada"))
    assert "this picture of Bob" in str(tombstones.refusal(connection, "bob", "Bob", PHOTO))
    assert tombstones.refusal(connection, "bob", "Bob", OTHER) is None


def test_the_tables_alone_say_nothing(connection: Connection, tombstones: Tombstones) -> None:
    assert (tombstones.home / KEY_FILE).stat().st_mode & 0o777 == 0o600
    rows = table(connection, "SELECT digest FROM tombstones")
    assert len(rows) == 4
    assert not {PHOTO, b"ada"} & {bytes(digest) for (digest,) in rows}


def test_without_its_key_a_home_refuses_to_bring_anybody_back(connection: Connection, tombstones: Tombstones) -> None:
    (tombstones.home / KEY_FILE).write_text("00" * 32)
    with pytest.raises(FacefindError, match="copy that file from the home"):
        tombstones.photos(connection, [PHOTO])
    (tombstones.home / KEY_FILE).unlink()
    with pytest.raises(FacefindError, match="copy that file from the home"):
        tombstones.names(connection, ["ada"])


def test_lifted_it_may_be_read_again(connection: Connection, tombstones: Tombstones) -> None:
    assert tombstones.lift(connection, 7) == (4, [])  # of no photo that is stored
    assert tombstones.photos(connection, [PHOTO]) == {}


def test_a_detection_loses_the_forgotten_face_with_all_that_is_its() -> None:
    faces = [Face(Box(105, 90, 100, 100), 0.9), Face(Box(300, 100, 80, 80), 0.8)]
    left = Detection(PHOTO, 0.1, None, faces, [b"hers", b"his"], [1.0, 2.0]).without([BOX])
    assert (list(left.faces), list(left.thumbnails), list(left.sharpness)) == ([faces[1]], [b"his"], [2.0])


@given(
    st.builds(Box, st.integers(0, 500), st.integers(0, 500), st.integers(20, 200), st.integers(20, 200)),
    st.floats(0.8, 1.25),
    st.integers(-5, 5),
)
def test_another_detectors_box_of_the_face_is_covered_and_a_neighbours_is_not(
    box: Box, scale: float, moved: int
) -> None:
    w, h = round(box.w * scale), round(box.h * scale)
    other = Box(box.x + (box.w - w) // 2 + moved, box.y + (box.h - h) // 2 + moved, w, h)
    assert is_covered(other, [box])
    assert not is_covered(Box(box.x + box.w, box.y, box.w, box.h), [box])
