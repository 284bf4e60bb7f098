"""References that look unlike the person's others, or like somebody else's."""

from collections.abc import Iterator

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.likeness import LIKE_RATE, UNLIKE_RATE, Doubt, doubts
from facefind_pipeline.search.priors import DLIB
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Partition
from facefind_pipeline_tests.store.rows import KEY, partition, vector, write_person

STRANGERS = DLIB.tail  # without photos what is known of the embedder counts
UNLIKE, LIKE = STRANGERS.at(UNLIKE_RATE), STRANGERS.at(LIKE_RATE)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def friday(connection: Connection) -> Partition:
    return partition(connection, "friday")


def _doubts(connection: Connection, *people: str) -> list[Doubt]:
    return doubts(connection, parameter_sets.find(connection, KEY), people)


def _named(found: list[Doubt]) -> list[tuple[str, str, float]]:
    return [(doubt.reference.filename, doubt.other.filename, round(doubt.distance, 3)) for doubt in found]


def test_a_reference_unlike_the_others_is_doubted_by_its_distance_to_the_nearest(connection, friday) -> None:
    write_person(connection, friday, "Ada", [vector(0), vector(0.4), vector(1.2)])
    found = _doubts(connection, "ada")
    assert _named(found) == [("2.jpg", "1.jpg", 0.8)]
    assert found[0].cut == pytest.approx(UNLIKE)
    assert "distance 0.800 to 1.jpg, up to 0.592 is like" in found[0].text
    assert 'person forget-reference "Ada" "2.jpg"' in found[0].text


def test_references_that_are_like_in_a_chain_are_one_person(connection, friday) -> None:
    write_person(connection, friday, "Ada", [vector(0), vector(0.5), vector(1.0)])
    assert _doubts(connection, "ada") == []


def test_two_pictures_of_a_stranger_are_found_as_one_is(connection, friday) -> None:
    write_person(connection, friday, "Ada", [vector(0), vector(0, 2), vector(-0.1), vector(0, 2.1)])
    assert _named(_doubts(connection, "ada")) == [("1.jpg", "0.jpg", 2.0), ("3.jpg", "0.jpg", 2.1)]


def test_a_reference_like_another_persons_is_doubted(connection, friday) -> None:
    write_person(connection, friday, "Ada", [vector(0)])
    write_person(connection, friday, "Bob", [vector(LIKE - 0.01)])
    write_person(connection, friday, "Eve", [vector(0, LIKE + 0.01)])
    found = _doubts(connection, "bob", "eve")
    assert [(doubt.reference.name, doubt.other.name) for doubt in found] == [("Bob", "Ada")]
    assert found[0].distance == pytest.approx(LIKE - 0.01)
    assert found[0].text.endswith(f'strangers are above {LIKE:.3f}; if they are one person: '
                                  '`facefind person merge "Ada" "Bob"`')  # fmt: skip


def test_people_who_were_not_asked_about_are_not_doubted(connection, friday) -> None:
    write_person(connection, friday, "Ada", [vector(0), vector(9)])
    write_person(connection, friday, "Bob", [vector(20)])
    assert _doubts(connection, "bob") == _doubts(connection) == []


def test_where_nothing_is_known_of_distances_there_is_no_doubt(connection) -> None:
    key = "haar-sf1.05-mn2-ms100@imgbeddings"
    into = partition(connection, "friday", key)
    write_person(connection, into, "Ada", [vector(0, dimension=768), vector(9, dimension=768)])
    assert doubts(connection, parameter_sets.find(connection, key), ["ada"]) == []


def test_vectors_of_two_embedders_are_not_compared(connection, friday) -> None:
    write_person(connection, partition(connection, "friday", embedder="newer"), "Ada", [vector(9)])
    write_person(connection, friday, "Bob", [vector(9)])
    assert _doubts(connection, "ada", "bob") == []
