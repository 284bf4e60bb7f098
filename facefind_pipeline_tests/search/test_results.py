"""The template ranking: templates, rivals and feedback, each on vectors that show what it does."""

from collections.abc import Iterator

import numpy as np
import pytest
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.search import results
from facefind_pipeline.search.calibrate import SURE_RATE
from facefind_pipeline.search.calibration import NEAREST_REFERENCE, read_calibration
from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.matches import Match
from facefind_pipeline.search.priors import DLIB
from facefind_pipeline.search.probes import Probe
from facefind_pipeline.store import faces, feedback, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Detection, Partition
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import operator, query
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, vector, write_all, write_person

SURE = DLIB.tail.at(SURE_RATE)  # so few faces hardly move what is known of the embedder


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    return partition(connection, "friday")


def _found(connection: Connection, person: Person) -> dict[str, Match]:
    chosen = parameter_sets.find(connection, KEY)
    results.refresh(connection, chosen)
    return {match.photo: match for match in find_person(connection, chosen, person, limit=100).matches}


def test_sure_photos_bring_what_the_reference_alone_does_not(connection: Connection, friday: Partition) -> None:
    # Along a line: the sure photo lies between the reference and the photo of her that the stranger outranks.
    shots = [
        Photo("sure.jpg", "1", [vector(0.45)]),
        Photo("hers.jpg", "2", [vector(0.9)]),
        Photo("stranger.jpg", "3", [vector(0, 0.85)]),
    ]
    write_all(connection, friday, shots)
    ada = write_person(connection, friday, "Ada", [vector(0)])
    found = _found(connection, ada)
    assert list(found) == ["sure.jpg", "hers.jpg", "stranger.jpg"]
    assert table(connection, "SELECT sure_photos FROM searches") == [(1,)]
    hers = found["hers.jpg"]
    assert hers.distance == pytest.approx(np.sqrt((0.9**2 + 0.45**2) / 2), rel=1e-5)  # to reference and sure photo
    assert (hers.plain_distance, found["stranger.jpg"].plain_distance) == pytest.approx((0.9, 0.85))


def test_a_template_takes_one_face_a_photo_and_none_that_is_nearer_to_a_rival(connection, friday) -> None:
    near, nearer = vector(0, 0, -0.4), vector(0, 0.3)
    bobs = vector(0.3, 0, 0.2)
    write_all(connection, friday, [Photo("two.jpg", "1", [near, nearer]), Photo("bob.jpg", "2", [bobs])])
    ada = write_person(connection, friday, "Ada", [vector(0)])
    bob = write_person(connection, friday, "Bob", [vector(0.3, 0, 0.25)])
    found = _found(connection, ada)
    assert dict(table(connection, "SELECT person, sure_photos FROM searches")) == {"ada": 1, "bob": 1}
    assert found["two.jpg"].plain_distance == pytest.approx(0.3)
    match = found["bob.jpg"]
    assert match.rival == "Bob"
    first = next(iter(_found(connection, bob).values()))
    assert (first.photo, first.rival, match.rival_distance) == ("bob.jpg", None, first.distance)
    assert match.score / match.distance > first.score / first.distance >= 1  # each is set against the other


def test_a_face_that_is_near_to_two_people_is_farther_than_one_that_is_near_to_one(connection, friday) -> None:
    shots = [Photo("both.jpg", "1", [vector(0.75)]), Photo("one.jpg", "2", [vector(0, 0, 0.78)])]
    write_all(connection, friday, [*shots, Photo("away.jpg", "3", [vector(0, 0, 0, 3)])])
    ada = write_person(connection, friday, "Ada", [vector(0)])
    assert list(_found(connection, ada)) == ["both.jpg", "one.jpg", "away.jpg"]
    assert all(match.score == pytest.approx(match.distance) for match in _found(connection, ada).values())
    write_person(connection, friday, "Bob", [vector(1.52)])
    found = _found(connection, ada)
    assert list(found) == ["one.jpg", "both.jpg", "away.jpg"]
    assert (found["both.jpg"].distance, found["both.jpg"].rival) == (pytest.approx(0.75), None)


def test_however_many_sure_photos_a_template_stays_half_the_references(connection, friday) -> None:
    write_all(connection, friday, [Photo(f"{n}.jpg", str(n), [vector(0.4, 0.001 * n)]) for n in range(9)])
    ada = write_person(connection, friday, "Ada", [vector(0)])
    found = _found(connection, ada)
    assert table(connection, "SELECT sure_photos FROM searches") == [(9,)]
    assert found["0.jpg"].distance == pytest.approx(0.4 / np.sqrt(2), rel=1e-3)


def test_a_face_too_far_to_be_sure_changes_no_template(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [Photo("far.jpg", "1", [vector(SURE + 0.01)])])
    ada = write_person(connection, friday, "Ada", [vector(0)])
    assert _found(connection, ada)["far.jpg"].distance == pytest.approx(SURE + 0.01)
    assert table(connection, "SELECT sure_photos FROM searches") == [(0,)]


def test_impostors_are_sure_faces_of_one_photo_that_do_not_overlap(connection: Connection, friday: Partition) -> None:
    places = [(100 * number, 0, 50, 50) for number in range(9)] + [(820, 10, 50, 50)]  # the last two overlap
    found = [Face(Box(*place), float(score)) for score, place in enumerate(places)]
    photo, other = Photo("crowd.jpg", "1"), Photo("single.jpg", "2", [vector(9)])
    write_all(connection, friday, [photo, other])
    faces.write_detections(connection, friday.detector, [Detection(b"3" * 32, 0.1, None, found, [b"jpeg"] * 10)])
    vectors = [(b"3" * 32, face, vector(number)) for number, face in enumerate(found)]
    faces.write_embeddings(connection, friday, vectors)
    chosen = parameter_sets.find(connection, KEY)
    with connection.cursor() as cursor:
        parts = {"table": sql.Identifier(chosen.table), "dimension": sql.Literal(128), "operator": operator("l2")}
        cursor.execute(query("co_occurring", **parts), {"limit": 100})
        distances = sorted(distance for (distance,) in cursor.fetchall())
    # Of eleven faces 0, 1 and the single one are the least sure; the last two are one face found twice.
    sure = range(2, 10)
    assert distances == sorted(b - a for a in sure for b in sure if a < b and (a, b) != (8, 9))


def test_several_references_are_one_template(connection: Connection, friday: Partition) -> None:
    write_all(connection, friday, [Photo("a.jpg", "1", [vector(3)])])
    ada = write_person(connection, friday, "Ada", [vector(0), vector(1)])
    match = _found(connection, ada)["a.jpg"]
    assert match.distance == pytest.approx(np.sqrt((9 + 4) / 2))
    assert match.plain_distance == pytest.approx(2)


def test_matches_are_called_by_their_probability(connection: Connection, friday: Partition) -> None:
    strangers = [Photo(f"{n}.jpg", f"s{n}", [vector(0, 0.8 + n / 500)]) for n in range(100)]
    write_all(connection, friday, [Photo("near.jpg", "1", [vector(0.35)]), *strangers])
    found = _found(connection, write_person(connection, friday, "Ada", [vector(0)]))
    assert found["near.jpg"].band == "sure"
    assert found["98.jpg"].band == "unlikely"
    assert read_calibration(connection, KEY) is not None


def test_where_nobody_is_known_the_faces_alone_say_what_a_distance_means(connection, friday) -> None:
    strangers = [Photo(f"{n}.jpg", f"s{n}", [vector(0, 0.8 + n / 50)]) for n in range(100)]
    write_all(connection, friday, [Photo("near.jpg", "1", [vector(0.35)]), *strangers])
    chosen = parameter_sets.find(connection, KEY)
    assert results.refresh(connection, chosen) == []
    alone = read_calibration(connection, KEY, NEAREST_REFERENCE)
    assert alone is not None
    assert alone.faces == 101
    selfie = Probe(vector(0), friday.embedder)
    found = find_nearest(connection, chosen, [selfie], limit=100)
    assert (found.matches[0].photo, found.matches[0].band) == ("near.jpg", "sure")
    assert found.matches[-1].band == "unlikely"
    assert read_calibration(connection, KEY) is None  # there are no scores
    write_person(connection, friday, "Ada", [vector(0)])
    results.refresh(connection, chosen)
    known = read_calibration(connection, KEY, NEAREST_REFERENCE)
    assert known is not None
    assert alone.sure_cut == pytest.approx(known.sure_cut, rel=0.2)


def test_where_nobody_is_known_and_no_face_what_is_known_of_the_embedder_is_left(connection, friday) -> None:
    results.refresh(connection, parameter_sets.find(connection, KEY))
    alone = read_calibration(connection, KEY, NEAREST_REFERENCE)
    assert alone is not None
    assert alone.tail.at(1e-3) == pytest.approx(DLIB.tail.at(1e-3))


def test_a_set_of_unknown_distances_makes_no_claims(connection: Connection) -> None:
    key = "hog-up0-px640@imgbeddings"
    write_all(connection, partition(connection, "friday", key), [Photo("a.jpg", "1", [vector(0.1, dimension=768)])])
    ada = write_person(connection, partition(connection, "friday", key), "Ada", [vector(0, dimension=768)])
    chosen = parameter_sets.find(connection, key)
    results.refresh(connection, chosen)
    (match,) = find_person(connection, chosen, ada, limit=5).matches
    assert (match.probability, match.band) == (None, "")


def _say(connection: Connection, photo: Photo, *, shown: bool) -> None:
    feedback.say(connection, "ada", photo.sha256, photo.faces[0].box if shown else None)


def test_what_was_rejected_leaves_the_results_and_every_template(connection: Connection, friday: Partition) -> None:
    wrong, other = Photo("wrong.jpg", "1", [vector(0.3)]), Photo("other.jpg", "2", [vector(0.8)])
    write_all(connection, friday, [wrong, other])
    ada = write_person(connection, friday, "Ada", [vector(0)])
    assert list(_found(connection, ada)) == ["wrong.jpg", "other.jpg"]
    _say(connection, wrong, shown=False)
    live = find_person(connection, parameter_sets.find(connection, KEY), ada, limit=1).matches
    assert [(match.rank, match.photo) for match in live] == [(1, "other.jpg")]
    found = _found(connection, ada)
    assert list(found) == ["other.jpg"]
    assert found["other.jpg"].distance == pytest.approx(0.8)
    _say(connection, wrong, shown=True)  # a second thought
    assert list(_found(connection, ada)) == ["wrong.jpg", "other.jpg"]


def test_what_was_confirmed_comes_first_and_joins_the_template(connection: Connection, friday: Partition) -> None:
    hers = Photo("hers.jpg", "1", [vector(1.0), vector(0, 0, 3)])
    write_all(connection, friday, [hers, Photo("near.jpg", "2", [vector(0, 0.7)])])
    ada = write_person(connection, friday, "Ada", [vector(0)])
    assert list(_found(connection, ada)) == ["near.jpg", "hers.jpg"]
    _say(connection, hers, shown=True)
    found = _found(connection, ada)
    assert next((m.photo, m.band) for m in found.values()) == ("hers.jpg", "confirmed")
    assert found["hers.jpg"].distance == pytest.approx(np.sqrt(1 / 2))  # to the reference and to itself


def test_what_was_said_holds_in_other_sets_and_for_the_same_face_in_another_box(connection, friday) -> None:
    hers = Photo("hers.jpg", "1", [vector(1.0)], boxes=[(100, 100, 50, 50)])
    write_all(connection, friday, [hers])
    write_person(connection, friday, "Ada", [vector(0)])
    feedback.say(connection, "ada", hers.sha256, (100, 100, 50, 50))
    key = "hog-up1-px640@dlib"
    other = partition(connection, "friday", key, detector="another")
    write_all(connection, other, [Photo("hers.jpg", "1", [vector(1.0)], boxes=[(90, 95, 70, 60)])])
    ada = write_person(connection, other, "Ada", [vector(0)])
    chosen = parameter_sets.find(connection, key)
    results.refresh(connection, chosen)
    (match,) = find_person(connection, chosen, ada, limit=5).matches
    assert (match.band, match.distance) == ("confirmed", pytest.approx(np.sqrt(1 / 2)))


def test_the_face_that_is_confirmed_is_the_one_that_ranks_the_photo(connection: Connection, friday: Partition) -> None:
    # The bystander is nearer to the reference, hers to the template.
    hers, bystander = vector(0.8), vector(0, 0.75)
    both = Photo("both.jpg", "1", [bystander, hers], boxes=[(0, 0, 50, 50), (200, 0, 50, 50)])
    write_all(connection, friday, [both, *(Photo(f"{n}.jpg", f"s{n}", [vector(0.45)]) for n in range(3))])
    ada = write_person(connection, friday, "Ada", [vector(0)])
    chosen = parameter_sets.find(connection, KEY)
    assert feedback.nearest_face(connection, chosen, ada, both.sha256) == (0, 0, 50, 50)
    assert _found(connection, ada)["both.jpg"].box == (200, 0, 50, 50)
    assert feedback.nearest_face(connection, chosen, ada, both.sha256) == (200, 0, 50, 50)
