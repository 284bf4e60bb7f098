"""The documented queries: each runs as it is printed, and its plan can be seen."""

import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search.documented import DOCUMENTED, filled_in
from facefind_pipeline.search.find import find_person
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.queries import summary
from facefind_pipeline_tests.conftest import Facefind
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, vector, write_all, write_person

# Nothing is to do or stored or has a date, and faces of one score have no order.
EMPTY = ("photos_to_do", "results_by_person", "co_occurring", "together", "who_was_where", "day_timeline")


@pytest.fixture
def home(database: Database) -> Database:
    with database.connect() as connection:
        into = partition(connection, "friday")
        write_all(
            connection, into, [Photo("a 100%.jpg", "a", [vector(1)]), Photo("b.jpg", "b", [vector(2), vector(9)])]
        )
        write_person(connection, into, "Ada", [vector(1.5)])
    return database


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_query_runs_as_printed_and_is_explained(name: str, home: Database, facefind: Facefind) -> None:
    printed = facefind("sql", name)
    assert printed.exit_code == 0, printed.stderr
    assert summary(name)
    with home.connect() as connection:
        rows = table(connection, printed.stdout)
    assert rows or name in EMPTY
    explained = facefind("sql", name, "--explain")
    assert "Execution Time" in explained.stdout


def test_the_query_of_find_gives_what_find_gives(home: Database) -> None:
    with home.connect() as connection:
        chosen = parameter_sets.find(connection, KEY)
        rows = table(connection, filled_in(connection, chosen, "find"))
        from facefind_pipeline.store.people import Person

        matches = find_person(connection, chosen, Person("ada", "Ada"), limit=10).matches
    found = [(min(files)[1], distance) for files, distance, *_ in rows]
    assert found == [(match.photo, match.distance) for match in matches]


def test_an_empty_home_says_what_is_missing(database: Database, facefind: Facefind) -> None:
    with database.connect() as connection:
        partition(connection, "friday")
        chosen = parameter_sets.find(connection, KEY)
        with pytest.raises(FacefindError, match="facefind run PHOTOS"):
            filled_in(connection, chosen, "faces_of_photo")
    assert facefind("sql", "nosuch").exit_code == 2
