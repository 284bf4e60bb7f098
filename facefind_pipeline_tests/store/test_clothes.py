"""Descriptors of clothes in the tables: a row per face, replaced by those of other rules, gone with its photo."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.due import would_be_made_from
from facefind_pipeline.store import faces
from facefind_pipeline.store.clothes import clothes_version, write_clothes
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Partition, face_key
from facefind_pipeline.store.to_do import known_faces, photos_to_do
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, vector, write_all, write_photos

ONE = Photo("one.jpg", "1", [vector(1)])
TWO = Photo("two.jpg", "2", [vector(2), vector(3)])
(FACE,) = ONE.faces


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    made = partition(connection, "friday")
    write_all(connection, made, [ONE, TWO])
    return made


def _rows(connection: Connection) -> dict[str, tuple[str, bytes | None]]:
    rows = table(connection, "SELECT face_key::text, fingerprint, descriptor FROM clothes")
    return {key: (fingerprint, found if found is None else bytes(found)) for key, fingerprint, found in rows}


def test_what_was_described_stays_and_other_rules_replace_it(connection: Connection, friday: Partition) -> None:
    key = str(face_key(ONE.sha256, FACE.box, FACE.landmarks))
    assert write_clothes(connection, friday.clothes, [(ONE.sha256, FACE, b"again")]) == 0
    assert _rows(connection)[key] == (friday.clothes, None)
    assert write_clothes(connection, "newer", [(ONE.sha256, FACE, b"\1\2")]) == 1
    assert _rows(connection)[key] == ("newer", b"\1\2")
    assert len(_rows(connection)) == 3


def test_known_faces_are_to_do_again_under_other_rules_and_need_no_vector(
    connection: Connection, friday: Partition
) -> None:
    assert photos_to_do(connection, friday) == []
    newer = replace(friday, clothes="newer")
    assert [(photo.path, photo.faces) for photo in photos_to_do(connection, newer)] == [
        (shot.path, tuple(shot.faces)) for shot in (ONE, TWO)
    ]
    assert known_faces(connection, newer)[TWO.sha256] == ({face.place for face in TWO.faces}, set())
    write_clothes(connection, "newer", [(ONE.sha256, FACE, None)])
    assert [photo.path for photo in photos_to_do(connection, newer)] == ["two.jpg"]
    assert known_faces(connection, newer)[ONE.sha256] == ({FACE.place}, {FACE.place})


def test_faces_that_the_embedder_failed_on_are_described_and_not_embedded_again(
    connection: Connection, friday: Partition
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM embeddings WHERE sha256 = %s", [ONE.sha256])
        cursor.execute("DELETE FROM clothes WHERE sha256 = %s", [ONE.sha256])
    faces.write_embedding_problems(connection, friday, {ONE.sha256: "bad landmarks"})
    assert [photo.path for photo in photos_to_do(connection, friday)] == ["one.jpg"]
    assert known_faces(connection, friday)[ONE.sha256] == ({FACE.place}, set())


def test_another_try_of_a_failed_photo_looks_for_its_clothes_again(connection: Connection, friday: Partition) -> None:
    first, second = TWO.faces
    write_clothes(connection, "newer", [(TWO.sha256, first, b"\1\2"), (TWO.sha256, second, None)])
    faces.write_embedding_problems(connection, friday, {TWO.sha256: "bad landmarks"})
    faces.forget_problems(connection, "saturday")
    assert len(_rows(connection)) == 3
    faces.forget_problems(connection, "friday")
    assert _rows(connection) == {
        str(face_key(ONE.sha256, FACE.box, None)): (friday.clothes, None),
        str(face_key(TWO.sha256, first.box, None)): ("newer", b"\1\2"),
    }


def test_what_another_set_described_is_known(connection: Connection, friday: Partition) -> None:
    other = partition(connection, "friday", "hog-up0-px640@imgbeddings", embedder="other")
    assert known_faces(connection, other)[ONE.sha256] == (set(), {FACE.place})


def test_clothes_leave_with_their_photo_and_not_before(connection: Connection, friday: Partition) -> None:
    saturday = partition(connection, "saturday")
    write_all(connection, saturday, [ONE])
    write_photos(connection, "friday", [], gone=["one.jpg", "two.jpg"])
    faces.remove_gone(connection, faces.photos_gone(connection))
    assert list(_rows(connection)) == [str(face_key(ONE.sha256, FACE.box, FACE.landmarks))]
    write_photos(connection, "saturday", [], gone=["one.jpg"])
    faces.remove_gone(connection, faces.photos_gone(connection))
    assert _rows(connection) == {}


def test_results_follow_from_the_rules_by_which_their_days_were_described(
    connection: Connection, friday: Partition
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE set_days SET clothes_fingerprint = NULL")
    never = would_be_made_from(connection, "search_results", KEY)
    assert clothes_version(connection, KEY) is None
    seen = {never: None}
    for rules in ("first", "second"):
        faces.finish(connection, replace(friday, clothes=rules))
        seen[would_be_made_from(connection, "search_results", KEY)] = clothes_version(connection, KEY)
    assert len(seen) == len(set(seen.values())) == 3
    faces.finish(connection, replace(friday, clothes="second"))
    assert would_be_made_from(connection, "search_results", KEY) in seen


def test_what_is_new_is_documented(connection: Connection) -> None:
    statement = """
        SELECT attrelid::regclass::text || '.' || attname FROM pg_attribute
        WHERE attrelid IN ('clothes'::regclass, 'set_days'::regclass) AND attnum > 0
          AND (attrelid = 'clothes'::regclass OR attname = 'clothes_fingerprint')
          AND col_description(attrelid, attnum) IS NULL
    """
    assert table(connection, statement) == []
