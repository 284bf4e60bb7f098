"""Work remembered by content: what is to do, what is taken over, what leaves."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.store import faces, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Partition, face_key
from facefind_pipeline.store.to_do import photos_to_do
from facefind_pipeline_tests.store.rows import (
    KEY,
    Photo,
    partition,
    table,
    vector,
    write_all,
    write_faces,
    write_photos,
)

ONE = Photo("one.jpg", "1", [vector(1)])
TWO = Photo("two.jpg", "2", [vector(2), vector(3)])
NOBODY = Photo("nobody.jpg", "0")


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    return partition(connection, "friday")


def _to_do(connection: Connection, into: Partition) -> dict[str, int | None]:
    return {photo.path: None if photo.faces is None else len(photo.faces) for photo in photos_to_do(connection, into)}


def _vectors(connection: Connection, key: str = KEY) -> int:
    return len(table(connection, f"SELECT FROM embeddings WHERE parameter_set = '{key}'"))


def test_a_photo_is_to_do_until_it_was_detected_also_if_it_has_no_face(
    connection: Connection, friday: Partition
) -> None:
    write_photos(connection, "friday", [ONE, TWO, NOBODY])
    assert _to_do(connection, friday) == {"one.jpg": None, "two.jpg": None, "nobody.jpg": None}
    write_faces(connection, friday, [ONE, NOBODY])
    assert _to_do(connection, friday) == {"two.jpg": None}


def test_an_unreadable_photo_is_not_to_do(connection: Connection, friday: Partition) -> None:
    write_photos(connection, "friday", [Photo("bad.jpg", "b", problem="not an image")])
    assert _to_do(connection, friday) == {}


def test_copies_of_a_photo_are_to_do_once(connection: Connection, friday: Partition) -> None:
    write_photos(connection, "friday", [ONE, Photo("copy.jpg", "1")])
    assert _to_do(connection, friday) == {"copy.jpg": None}


def test_a_renamed_or_copied_photo_needs_nothing(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [ONE, TWO])
    write_photos(connection, "friday", [Photo("renamed.jpg", "1")], gone=["one.jpg"])
    saturday = partition(connection, "saturday")
    write_photos(connection, "saturday", [Photo("copy.jpg", "2")])
    assert _to_do(connection, friday) == _to_do(connection, saturday) == {}


def test_another_embedder_needs_vectors_but_no_detection(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [ONE, TWO, NOBODY])
    other = partition(connection, "friday", key="hog-up0-px640@imgbeddings", embedder="clip")
    assert _to_do(connection, other) == {"one.jpg": 1, "two.jpg": 2}


def test_another_set_with_the_same_boxes_takes_vectors_over(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [ONE, TWO])
    other = partition(connection, "friday", key="hog-up1-px640@dlib", detector="another")
    detections = [faces.Detection(s.sha256, 0.1, None, s.faces, [b"jpeg"] * len(s.faces)) for s in (ONE, TWO)]
    faces.write_detections(connection, other.detector, detections)
    assert _to_do(connection, other) == {}
    assert faces.adopt_embeddings(connection, other) == 3
    assert _vectors(connection, other.parameter_set) == _vectors(connection) == 3
    assert faces.adopt_embeddings(connection, other) == 0


def test_a_changed_detector_with_the_same_boxes_keeps_vectors(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [ONE])
    newer = partition(connection, "friday", detector="newer")
    assert _to_do(connection, newer) == {"one.jpg": None}
    faces.write_detections(connection, newer.detector, [faces.Detection(ONE.sha256, 0.1, None, ONE.faces, [b"j"])])
    assert _to_do(connection, newer) == {}
    assert faces.adopt_embeddings(connection, newer) == 1
    assert faces.remove_stale(connection, newer) == 0
    assert table(connection, "SELECT detector_fingerprint FROM embeddings") == [(newer.detector,)]


def test_what_a_former_detector_or_embedder_made_leaves(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [ONE, TWO])
    newer = partition(connection, "friday", detector="newer")
    moved = Photo("one.jpg", "1", [vector(9)], boxes=[(100, 100, 15, 15)])
    write_faces(connection, newer, [moved])
    assert faces.remove_stale(connection, newer) == 3
    assert table(connection, "SELECT x FROM faces") == [(100,)]


def test_a_deleted_photo_leaves_with_its_faces_and_nothing_else(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [ONE, TWO])
    saturday = partition(connection, "saturday")
    write_all(connection, saturday, [Photo("copy.jpg", "2")])
    write_photos(connection, "friday", [], gone=["one.jpg", "two.jpg"])
    # The copy of the other is in another day.
    assert faces.remove_gone(connection, faces.photos_gone(connection)) == {friday.parameter_set: 1}
    assert table(connection, "SELECT DISTINCT path FROM faces") == [("copy.jpg",)]
    assert len(table(connection, "SELECT FROM detections")) == 1
    assert len(table(connection, "SELECT FROM detected_faces")) == 2


def test_writing_twice_changes_nothing(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [ONE, TWO])
    before = table(connection, "SELECT face_key, ctid FROM embeddings ORDER BY 1")
    version = parameter_sets.find(connection, KEY).vectors_version
    write_all(connection, friday, [ONE, TWO])
    assert table(connection, "SELECT face_key, ctid FROM embeddings ORDER BY 1") == before
    assert parameter_sets.find(connection, KEY).vectors_version == version


def test_the_faces_version_follows_contents_and_boxes_and_not_names(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [ONE, TWO])
    before = faces.faces_version(connection, friday)
    write_photos(connection, "friday", [Photo("a.jpg", "1"), Photo("copy of a.jpg", "1")], gone=["one.jpg"])
    assert faces.faces_version(connection, friday) == before
    write_photos(connection, "friday", [NOBODY])
    changed = faces.faces_version(connection, friday)
    assert changed != before
    write_photos(connection, "friday", [], gone=["nobody.jpg"])
    assert faces.faces_version(connection, friday) == before


def test_a_vector_of_another_dimension_is_refused_by_the_table(connection: Connection, friday: Partition) -> None:
    import psycopg2

    write_photos(connection, "friday", [ONE])
    with pytest.raises(psycopg2.errors.CheckViolation):
        write_faces(connection, friday, [Photo("one.jpg", "1", [vector(1, dimension=64)])])


box = st.tuples(*(st.integers(0, 5000) for _ in range(4)))
sixteenth = st.integers(0, 16 * 8000).map(lambda n: n / 16)
landmarks = st.none() | st.lists(st.tuples(sixteenth, sixteenth), min_size=5, max_size=5)
face = st.tuples(st.binary(min_size=32, max_size=32), box, landmarks)


@given(face, face)
def test_face_keys_are_equal_just_for_equal_faces(a, b) -> None:
    assert (face_key(*a) == face_key(*b)) == (a == b)
    assert face_key(*a) == face_key(bytes(a[0]), list(a[1]), a[2] and tuple(a[2]))


def test_landmarks_come_back_as_they_went_in(connection: Connection, friday: Partition) -> None:
    points = tuple((x / 16, 1000 + x / 16) for x in range(5))
    stored = Face(Box(1, 2, 3, 4), 0.75, points)
    write_photos(connection, "friday", [ONE])
    faces.write_detections(connection, friday.detector, [faces.Detection(ONE.sha256, 0.1, None, [stored], [b"j"])])
    (photo,) = photos_to_do(connection, friday)
    assert photo.faces == (stored,)


def test_a_photo_that_is_gone_leaves_every_set(connection: Connection, friday: Partition) -> None:
    other = partition(connection, "friday", "hog-up1-px640@dlib", detector="other")
    write_all(connection, friday, [ONE, TWO])
    write_all(connection, other, [ONE, TWO])
    write_photos(connection, "friday", [], gone=["two.jpg"])
    before = parameter_sets.find(connection, other.parameter_set).vectors_version
    gone = faces.photos_gone(connection)
    assert faces.remove_gone(connection, gone) == {friday.parameter_set: 2, other.parameter_set: 2}
    assert (_vectors(connection), _vectors(connection, other.parameter_set)) == (1, 1)
    assert faces.photos_gone(connection) == []
    assert parameter_sets.find(connection, other.parameter_set).vectors_version == before + 1
    assert table(connection, "SELECT count(*) FROM detected_faces") == [(2,)]


def test_what_is_written_of_a_photo_after_it_went_is_noted(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [ONE, TWO])
    write_photos(connection, "friday", [], gone=["one.jpg"])
    faces.remove_gone(connection, faces.photos_gone(connection))
    write_faces(connection, friday, [ONE])
    faces.note_gone(connection, [ONE.sha256, TWO.sha256])
    assert faces.photos_gone(connection) == [ONE.sha256]


def test_two_days_that_share_photos_are_written_at_once(database: Database) -> None:
    shots = [Photo(f"{number}.jpg", str(number), [vector(number)]) for number in range(200)]
    with database.connect() as connection:
        days = [partition(connection, day) for day in ("friday", "saturday")]
        for day in days:
            write_photos(connection, day.event_day, shots)

    def write(day: Partition, order: list[Photo]) -> None:
        for _ in range(5):
            with database.connect() as connection:
                faces.lock_sets(connection, day.parameter_set)
                write_faces(connection, day, order)
            with database.connect() as connection:
                faces.lock_sets(connection)
                faces.adopt_embeddings(connection, day)
                faces.remove_stale(connection, day)
                faces.remove_gone(connection, faces.photos_gone(connection))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(write, days[0], shots), pool.submit(write, days[1], shots[::-1])]:
            done.result(timeout=60)
    with database.connect() as connection:
        assert _vectors(connection) == 200
