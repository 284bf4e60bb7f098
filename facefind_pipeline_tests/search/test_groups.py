"""Groups in the tables: they follow the faces and what people said, keep their ids, and hold in other sets."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box
from facefind_pipeline.plan.due import is_current
from facefind_pipeline.privacy.subject import of_day
from facefind_pipeline.search.group_changes import (
    join_groups,
    leave_out,
    name_group,
    part_groups,
    references_of_left_out,
)
from facefind_pipeline.search.group_listing import Group, best_faces, find_group, list_groups
from facefind_pipeline.search.group_references import most_different, references_of_group
from facefind_pipeline.search.grouping import SMALLEST
from facefind_pipeline.search.groups import refresh_groups
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import groups, people, people_changes
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.made import record_made, set_version
from facefind_pipeline.store.people import Person, ReferencePhoto
from facefind_pipeline.store.photos import find_day
from facefind_pipeline_tests.store.earlier import open_earlier
from facefind_pipeline_tests.store.rows import KEY, Photo, forget, partition, table, write_all, write_person

OTHER = "hog-up1-px640@dlib"
SIDE = 60
RANDOM = np.random.default_rng(1)
CENTRES = RANDOM.normal(0, 0.48 / np.sqrt(128), (40, 128)).astype(np.float32)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


def shots(day: str, people: Sequence[Sequence[int]], side: int = SIDE) -> list[Photo]:
    """Photos of a day that show these people, each with another face of theirs."""
    made = []
    for number, shown in enumerate(people):
        content = f"{day} {number}"
        random = np.random.default_rng(list(content.encode()))
        vectors = [CENTRES[person] + random.normal(0, 0.2 / np.sqrt(128), 128).astype(np.float32) for person in shown]
        boxes = [(100 * place, 10, side, side) for place in range(len(shown))]
        made.append(Photo(f"{content}.jpg", content, vectors, boxes=boxes))
    return made


FRIDAY = [[0, 1], [0, 2], [0, 1], [1, 2], [0, 3], [1, 4], [2, 5]]  # 0 and 1 four times, 2 three times, others once


def index_made(connection: Connection, key: str = KEY) -> None:
    record_made(connection, "hnsw_index", key, "", set_version(connection, key))


def fill(connection: Connection, day: str, photos: Sequence[Photo], key: str = KEY, detector: str = "d") -> Partition:
    into = partition(connection, day, key, detector=detector)
    write_all(connection, into, photos)
    index_made(connection, key)
    connection.commit()
    return into


def refreshed(database: Database, connection: Connection, key: str = KEY, least: int = 3) -> list[Group]:
    refresh_groups(database, key)
    connection.commit()
    return list_groups(connection, key, least)


def photos_of(connection: Connection, group: Group, key: str = KEY) -> set[str]:
    return {face.photo for face in best_faces(connection, key, [group.id], 100)[group.id]}


def test_people_seen_often_come_first_and_passers_by_stay_out_of_sight(
    database: Database, connection: Connection
) -> None:
    fill(connection, "friday", shots("friday", FRIDAY))
    shown = refreshed(database, connection)
    assert [(group.faces, group.photos, group.named) for group in shown] == [
        (4, 4, False),
        (4, 4, False),
        (3, 3, False),
    ]
    assert {frozenset(photos_of(connection, group)) for group in shown} == {
        frozenset(f"friday {number}.jpg" for number, shown in enumerate(FRIDAY) if person in shown)
        for person in range(3)
    }
    assert len(list_groups(connection, KEY, least=1)) == 6


def test_a_refresh_without_news_changes_nothing(database: Database, connection: Connection) -> None:
    fill(connection, "friday", shots("friday", FRIDAY))
    first = refresh_groups(database, KEY)
    connection.commit()
    assert is_current(connection, "face_groups", KEY)
    assert refresh_groups(database, KEY) == first


@hypothesis_settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(FRIDAY))))
def test_the_same_groups_in_any_order_of_photos(database: Database, order: list[int]) -> None:
    with database.connect() as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                "TRUNCATE embeddings, detections, detected_faces, photos, face_groups, group_faces, made CASCADE"
            )
        photos = shots("friday", FRIDAY)
        fill(connection, "friday", [replace(photos[place], path=f"{n}.jpg") for n, place in enumerate(order)])
        refresh_groups(database, KEY)
        connection.commit()
        found = table(connection, "SELECT face_group, rank, encode(sha256, 'hex') FROM group_faces ORDER BY 1, 2")
    assert found == EXPECTED.setdefault("groups", found)
    assert len({group for group, *_ in found}) == 6


EXPECTED: dict[str, list[tuple[object, ...]]] = {}


def test_a_new_day_keeps_ids_and_names(database: Database, connection: Connection) -> None:
    into = fill(connection, "friday", shots("friday", FRIDAY))
    before = refreshed(database, connection)
    write_person(connection, into, "Ada", [])
    _person(connection, "Ada")
    name_group(connection, KEY, before[0].id, "ada", "the host")
    connection.commit()
    fill(connection, "saturday", shots("saturday", [[2, 0], [2, 1], [2, 6], [2, 7]]))
    after = refreshed(database, connection)
    assert {group.id for group in before} == {group.id for group in after}
    assert sorted(group.faces for group in after) == [5, 5, 7]
    (named,) = (group for group in after if group.named)
    assert (named.id, named.name, named.faces) == (before[0].id, "Ada", 5)


def test_what_people_said_survives_reruns_and_holds_in_another_set(database: Database, connection: Connection) -> None:
    photos = shots("friday", FRIDAY)
    fill(connection, "friday", photos)
    first, second, third = refreshed(database, connection)
    _person(connection, "Ada")
    name_group(connection, KEY, first.id, "ada", "the host")
    join_groups(connection, KEY, [second.id, third.id], "the host")
    connection.commit()
    expected = {(4, "Ada"), (7, None)}
    assert {(group.faces, group.name) for group in refreshed(database, connection)} == expected
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM face_groups")
        cursor.execute("DELETE FROM made WHERE asset = 'face_groups'")
    connection.commit()
    assert {(group.faces, group.name) for group in refreshed(database, connection)} == expected
    moved = [replace(shot, boxes=[(x + 5, y - 4, w - 3, h + 6) for x, y, w, h in shot.boxes]) for shot in photos]
    fill(connection, "friday", moved, OTHER, detector="another")
    assert {(group.faces, group.name) for group in refreshed(database, connection, OTHER)} == expected
    authors = table(connection, "SELECT DISTINCT author, stated_at IS NOT NULL FROM group_statements")
    assert authors == [("the host", True)]


def test_a_face_that_is_left_out_stays_out_and_groups_that_are_two_people_stay_two(
    database: Database, connection: Connection
) -> None:
    photos = shots("friday", FRIDAY)
    fill(connection, "friday", photos)
    first, second, _ = refreshed(database, connection)
    wrong = next(shot for shot in photos if shot.path in photos_of(connection, first))
    leave_out(connection, KEY, first.id, [wrong.sha256], "the host")
    connection.commit()
    assert find_group(connection, KEY, first.id).faces == 4  # until they are made again
    refreshed(database, connection)
    assert find_group(connection, KEY, first.id).faces == 3
    assert wrong.path not in photos_of(connection, first)
    join_groups(connection, KEY, [first.id, second.id], "the host")
    part_groups(connection, KEY, first.id, second.id, "the host")
    connection.commit()
    assert {group.faces for group in refreshed(database, connection)} == {3, 4}


@pytest.mark.parametrize("wrong", [1, 2, 3])
def test_however_many_faces_are_left_out_the_others_keep_the_name_and_the_id(
    database: Database, connection: Connection, wrong: int
) -> None:
    photos = shots("friday", FRIDAY)
    fill(connection, "friday", photos)
    first, *_ = refreshed(database, connection)
    _person(connection, "Ada")
    name_group(connection, KEY, first.id, "ada", "the host")
    connection.commit()
    refreshed(database, connection)
    shown = [shot for shot in photos if shot.path in photos_of(connection, first)]
    leave_out(connection, KEY, first.id, [shot.sha256 for shot in shown[:wrong]], "the host")
    connection.commit()
    (named,) = (group for group in refreshed(database, connection, least=1) if group.named)
    assert (named.id, named.name) == (first.id, "Ada")
    assert photos_of(connection, named) == {shot.path for shot in shown[wrong:]}


def test_what_was_cut_from_a_named_groups_face_is_known_by_the_face(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    fill(connection, "friday", shots("friday", FRIDAY))
    first, second, _ = refreshed(database, connection)
    ada = _person(connection, "Ada")
    hers, other = (groups.places_of(connection, KEY, group.id) for group in (first, second))
    both = next(place for place in hers if place.sha256 in {one.sha256 for one in other})
    beside = next(place for place in other if place.sha256 == both.sha256)
    for name, place in (("face.jpg", both), ("beside.jpg", beside), ("given.jpg", None)):
        people.add_reference(connection, ReferencePhoto(ada, name, name.encode(), cut_from=place), "command")
    assert references_of_left_out(connection, KEY, first.id, [both.sha256]) is None  # nobody named it
    name_group(connection, KEY, first.id, "ada", "the host")
    connection.commit()
    refreshed(database, connection)
    cut = references_of_left_out(connection, KEY, first.id, [both.sha256])
    assert cut is not None
    assert (cut.person, [one.filename for one in cut.references]) == (ada, ["face.jpg"])
    others = [place.sha256 for place in hers if place != both]
    assert references_of_left_out(connection, KEY, first.id, others) is None
    people_changes.rename(connection, ada, Person("adele", "Adele"), ())
    assert len(people.references_cut_from(connection, Person("adele", "Adele"), [both, beside])) == 2
    forget(connection, tmp_path, of_day(connection, find_day(connection, "friday")))
    assert table(connection, "SELECT * FROM cut_references") == []
    assert table(connection, "SELECT count(*) FROM reference_photos") == [(3,)]


def test_references_that_were_cut_earlier_are_known_by_their_name(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = bytes(range(32))
    with open_earlier(settings, tmp_path, monkeypatch, "0029").connect() as connection:
        _person(connection, "Ada")
        place = groups.FacePlace(photo, Box(1, 2, 30, 40))
        groups.record_statement(connection, groups.Statement(groups.Kind.NAME, [place], person="ada"), "the host")
        rows = [(1, f"ada-{photo.hex()[:8]}.jpg"), (2, "ada-00000000.jpg"), (3, "ada.jpg")]
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO reference_photos (person, sha256, filename, source, content)"
                " VALUES ('ada', decode(repeat('0' || %s, 32), 'hex'), %s, 'command', 'x')",
                rows,
            )
    with open_database.__wrapped__(settings).connect() as connection:
        assert table(
            connection, "SELECT person, encode(reference, 'hex'), encode(sha256, 'hex'), x, y, w, h FROM cut_references"
        ) == [("ada", "01" * 32, photo.hex(), 1, 2, 30, 40)]


def test_a_person_who_is_renamed_merged_or_removed(database: Database, connection: Connection) -> None:
    fill(connection, "friday", shots("friday", FRIDAY))
    first, second, _ = refreshed(database, connection)
    ada, bob = _person(connection, "Ada"), _person(connection, "Bob")
    name_group(connection, KEY, first.id, "ada", "the host")
    name_group(connection, KEY, second.id, "bob", "the host")
    people_changes.rename(connection, ada, Person("ada-lovelace", "Ada Lovelace"), ())
    connection.commit()
    assert {group.name for group in refreshed(database, connection)} == {"Ada Lovelace", "Bob", None}
    with pytest.raises(FacefindError, match="named after two people"):
        join_groups(connection, KEY, [first.id, second.id], "the host")
    people_changes.merge(connection, Person("ada-lovelace", "Ada Lovelace"), bob, ())
    connection.commit()
    assert [(group.faces, group.name) for group in refreshed(database, connection)] == [(8, "Ada Lovelace"), (3, None)]
    people_changes.remove(connection, Person("ada-lovelace", "Ada Lovelace"), ())
    connection.commit()
    assert [(group.faces, group.name) for group in refreshed(database, connection)] == [(4, None), (4, None), (3, None)]


def test_two_faces_of_one_photo_in_a_group_are_noticed(database: Database, connection: Connection) -> None:
    fill(connection, "friday", shots("friday", FRIDAY))
    first, second, _ = refreshed(database, connection)
    assert groups.twice_in_a_photo(connection, KEY) == []
    join_groups(connection, KEY, [first.id, second.id], "the host")
    connection.commit()
    (joined, *_) = refreshed(database, connection)
    assert groups.twice_in_a_photo(connection, KEY) == [joined.id]


def test_small_faces_make_no_group(database: Database, connection: Connection) -> None:
    fill(connection, "friday", shots("friday", FRIDAY, side=SMALLEST - 1))
    assert refreshed(database, connection) == []
    assert len(list_groups(connection, KEY, least=1)) == sum(map(len, FRIDAY))


def test_of_a_day_that_is_forgotten_no_group_knows_a_face(
    database: Database, connection: Connection, tmp_path: Path
) -> None:
    fill(connection, "friday", shots("friday", FRIDAY))
    (first, *_) = refreshed(database, connection)
    _person(connection, "Ada")
    name_group(connection, KEY, first.id, "ada", "the host")
    forget(connection, tmp_path, of_day(connection, find_day(connection, "friday")))
    connection.commit()
    assert table(connection, "SELECT count(*) FROM group_faces") == [(0,)]
    assert table(connection, "SELECT count(*) FROM group_statement_faces") == [(0,)]


def test_nothing_is_grouped_of_no_faces(database: Database, connection: Connection) -> None:
    fill(connection, "friday", [Photo("nobody.jpg", "nobody")])
    assert refreshed(database, connection) == []
    with pytest.raises(FacefindError, match="no group 'gnone' under"):
        find_group(connection, KEY, "gnone")


def test_references_are_the_best_faces_that_differ_most(database: Database, connection: Connection) -> None:
    fill(connection, "friday", shots("friday", FRIDAY))
    (first, *_) = refreshed(database, connection)
    places = references_of_group(connection, KEY, first.id)
    assert places[0].sha256 == best_faces(connection, KEY, [first.id], 1)[first.id][0].sha256
    assert len(places) == 3  # of four, the least typical may be somebody else's
    assert most_different(np.array([[0.0], [1.0], [5.0], [2.0]])) == [0, 2, 3, 1]


def _person(connection: Connection, name: str) -> Person:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people (person, display_name) VALUES (%s, %s) ON CONFLICT DO NOTHING", [name.lower(), name]
        )
    return Person(name.lower(), name)
