"""Why partitions are due: each reason by itself, what follows, and photos that leave and come back."""

from collections.abc import Iterator

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.due import Scope, Step, Why, due, is_current, with_followers, would_be_made_from
from facefind_pipeline.plan.recipes import RECIPES
from facefind_pipeline.store import faces, made, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.made import FACES, day_set, mark_faces_incomplete, record_made
from facefind_pipeline.store.versions import Fingerprints
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, record, vector, write_all, write_photos

ONE = Photo("one.jpg", "1", [vector(1)])
TWO = Photo("two.jpg", "2", [vector(2)])
FRIDAY = day_set("friday", KEY)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    """A day with its faces, finished."""
    made = partition(connection, "friday")
    write_all(connection, made, [ONE, TWO])
    return made


def _faces(why: Why, key: str = FRIDAY) -> list[Step]:
    return [Step(asset, key, why) for asset in FACES]


def _read_again(connection: Connection, day: str) -> None:
    """As `raw_photos` does when rows changed."""
    version = photos.photos_version(photos.photos(connection, day).values())
    record_made(connection, "raw_photos", day, version, version)


def test_a_finished_day_is_not_due(connection: Connection, friday: Partition) -> None:
    assert due(connection, ["raw_photos", *FACES]) == []


def test_a_day_is_due_until_it_is_read_and_its_faces_from_then_on(connection: Connection) -> None:
    saturday = partition(connection, "saturday")
    write_photos(connection, "saturday", [ONE])
    assert due(connection, ["raw_photos", *FACES]) == [Step("raw_photos", "saturday", Why.NEVER_MADE)]
    _read_again(connection, "saturday")
    assert due(connection, ["raw_photos", *FACES]) == _faces(Why.NEVER_MADE, day_set("saturday", KEY))
    record(connection, saturday)
    assert due(connection, FACES) == []


def test_faces_are_due_when_the_photos_changed(connection: Connection, friday: Partition) -> None:
    write_photos(connection, "friday", [Photo("three.jpg", "3")])
    assert due(connection, ["raw_photos", *FACES]) == [Step("raw_photos", "friday", Why.CHANGED)]
    _read_again(connection, "friday")
    assert due(connection, FACES) == _faces(Why.CHANGED)


def test_vectors_are_due_when_the_faces_changed(connection: Connection, friday: Partition) -> None:
    version = would_be_made_from(connection, "detected_faces", FRIDAY)
    record_made(connection, "detected_faces", FRIDAY, version, "other faces")
    assert due(connection, FACES) == [Step("face_embeddings", FRIDAY, Why.CHANGED)]


def test_what_was_made_in_part_is_due(connection: Connection, friday: Partition) -> None:
    mark_faces_incomplete(connection, "friday")
    assert due(connection, FACES) == _faces(Why.INCOMPLETE)


def test_photos_that_failed_are_due_once_another_try_was_asked_for(connection: Connection, friday: Partition) -> None:
    faces.forget_problems(connection, "friday")
    assert due(connection, FACES) == []
    with connection.cursor() as cursor:
        cursor.execute("UPDATE detections SET problem = 'truncated' WHERE sha256 = %s", [ONE.sha256])
    faces.forget_problems(connection, "friday")
    assert due(connection, FACES) == _faces(Why.INCOMPLETE)


def test_what_dagster_does_not_have_as_it_was_made_is_due(connection: Connection, friday: Partition) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT asset, data_version FROM made WHERE partition = %s", [FRIDAY])
        recorded = {asset: {FRIDAY: version} for asset, version in cursor.fetchall()}
    assert due(connection, FACES, recorded=recorded) == []
    assert due(connection, FACES, recorded={"face_embeddings": recorded["face_embeddings"]}) == []
    recorded["face_embeddings"] = {}
    assert due(connection, FACES, recorded=recorded) == [Step("face_embeddings", FRIDAY, Why.UNRECORDED)]


def test_what_another_detector_or_embedder_made_is_stale_if_asked(connection: Connection, friday: Partition) -> None:
    now = Fingerprints(friday.detector, friday.embedder, friday.clothes)
    assert due(connection, FACES, fingerprints={KEY: now}) == []
    for kind in now._fields:
        assert due(connection, FACES, fingerprints={KEY: now._replace(**{kind: "newer"})}) == _faces(Why.STALE)
    assert due(connection, FACES) == []


def test_a_day_whose_photos_are_not_there_is_not_due(connection: Connection, friday: Partition) -> None:
    mark_faces_incomplete(connection, "friday")
    photos.mark_available(connection, "friday", available=False)
    assert due(connection, FACES) == []


def test_only_what_is_in_scope_is_looked_at(connection: Connection, friday: Partition) -> None:
    other = partition(connection, "saturday", "hog-up1-px640@dlib", detector="other")
    mark_faces_incomplete(connection, "friday")
    assert due(connection, FACES, Scope(sets=[KEY])) == _faces(Why.INCOMPLETE)
    assert due(connection, FACES, Scope(sets=[other.parameter_set])) == _faces(
        Why.NEVER_MADE, day_set("friday", other.parameter_set)
    )
    assert due(connection, FACES, Scope(days=["saturday"])) == []


def test_a_photo_that_left_and_came_back_is_worked_on_again(connection: Connection, friday: Partition) -> None:
    """Meanwhile all that was known of it went, since it was in no day; the day is then what it was made from."""
    before = would_be_made_from(connection, "face_embeddings", FRIDAY)
    write_photos(connection, "friday", [], gone=["one.jpg"])
    _read_again(connection, "friday")
    saturday = partition(connection, "saturday")
    write_all(connection, saturday, [Photo("late.jpg", "4")])
    faces.remove_gone(connection, faces.photos_gone(connection))
    write_photos(connection, "friday", [ONE])
    _read_again(connection, "friday")
    assert would_be_made_from(connection, "face_embeddings", FRIDAY) == before
    assert due(connection, FACES) == _faces(Why.INCOMPLETE)


def test_a_day_that_was_read_in_part_counts_as_changed(connection: Connection, friday: Partition) -> None:
    write_photos(connection, "friday", [Photo("one.jpg", "other")])
    made.mark_incomplete(connection, "raw_photos", "friday")  # and its reading was killed
    faces.remove_gone(connection, faces.photos_gone(connection))
    write_photos(connection, "friday", [ONE])
    _read_again(connection, "friday")
    assert due(connection, FACES) == _faces(Why.INCOMPLETE)


def test_a_forgotten_day_leaves_nothing_that_was_made(connection: Connection, friday: Partition) -> None:
    photos.remove_day(connection, "friday")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM made")
        assert cursor.fetchone() == (0,)


def test_photos_that_moved_are_the_same_photos(connection: Connection, friday: Partition) -> None:
    before = photos.photos_version(photos.photos(connection, "friday").values())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE photos SET path = 'new/' || path")
    made.follow_paths(connection, "friday", before, photos.photos_version(photos.photos(connection, "friday").values()))
    assert due(connection, ["raw_photos", *FACES]) == []


def test_what_follows_is_told_beside_what_is_due() -> None:
    steps = [Step("raw_photos", "friday", Why.NEVER_MADE), Step("hnsw_index", "b", Why.CHANGED)]
    assets = ("raw_photos", *FACES, "hnsw_index", "reference_embeddings", "search_results")
    assert with_followers(steps, assets, ["a", "b"]) == [
        Step("raw_photos", "friday", Why.NEVER_MADE),
        *(Step(asset, f"friday|{key}", Why.FOLLOWS) for asset in FACES for key in "ab"),
        Step("hnsw_index", "b", Why.CHANGED),
        Step("hnsw_index", "a", Why.FOLLOWS),
        Step("search_results", "a", Why.FOLLOWS),
        Step("search_results", "b", Why.FOLLOWS),
    ]
    unrecorded = [Step("raw_photos", "friday", Why.UNRECORDED)]
    assert with_followers(unrecorded, assets, ["a", "b"]) == unrecorded
    both = [Step("face_embeddings", "friday|a", Why.CHANGED), Step("hnsw_index", "a", Why.UNRECORDED)]
    assert with_followers(both, assets, ["a"])[1:] == [
        Step("hnsw_index", "a", Why.FOLLOWS),
        Step("search_results", "a", Why.FOLLOWS),
    ]
    assert with_followers([Step("reference_photos", "", Why.CHANGED)], RECIPES, ["a"])[1:] == [
        Step("reference_embeddings", "a", Why.FOLLOWS),
        Step("search_results", "a", Why.FOLLOWS),
        Step("truth_lists", "", Why.FOLLOWS),
        Step("evaluation", "a", Why.FOLLOWS),
        Step("sweep_report", "", Why.FOLLOWS),
    ]


def test_a_partition_that_can_not_be_made_yet_is_due_once_it_can(connection: Connection) -> None:
    partition(connection, "friday")
    assert would_be_made_from(connection, "detected_faces", FRIDAY) == ""
    record_made(connection, "detected_faces", FRIDAY, "", "made from nothing")
    assert not is_current(connection, "detected_faces", FRIDAY)
    _read_again(connection, "friday")
    assert due(connection, ["detected_faces"]) == [Step("detected_faces", FRIDAY, Why.CHANGED)]
