"""Vectors of two versions of an embedder never mix, and the command says in one line what that leaves out."""

import json

from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import Facefind
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, table, vector, write_all, write_person


def test_days_of_a_former_alignment_are_not_searched_and_named(database: Database, facefind: Facefind) -> None:
    with database.connect() as connection:
        before = partition(connection, "friday", embedder="before")
        write_all(connection, before, [Photo("old.jpg", "old", [vector(1)])])
        now = partition(connection, "saturday", embedder="now")
        write_all(connection, now, [Photo("new.jpg", "new", [vector(2)])])
        write_person(connection, now, "Ada", [vector(1)])
    result = facefind("find", "Ada", "--json")
    assert [match["photo"] for match in json.loads(result.stdout)] == ["new.jpg"]
    (line,) = [line for line in result.stderr.splitlines() if "not searched" in line]
    assert "1 event day not searched (friday)" in line
    assert f"facefind run PHOTOS --params {KEY}" in line


def test_references_of_another_alignment_than_all_faces_are_an_error_in_one_line(
    database: Database, facefind: Facefind
) -> None:
    with database.connect() as connection:
        before = partition(connection, "friday", embedder="before")
        write_all(connection, before, [Photo("old.jpg", "old", [vector(1)])])
        write_person(connection, partition(connection, "friday", embedder="now"), "Ada", [vector(1)])
        assert table(connection, "SELECT filename FROM reference_faces") == []  # not comparable with `pictures`
    result = facefind("find", "Ada")
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert "embedded by another version of dlib" in result.stderr


def test_the_talks_sql_asks_with_a_reference_by_its_file(database: Database) -> None:
    with database.connect() as connection:
        into = partition(connection, "friday")
        write_all(connection, into, [Photo("a.jpg", "a", [vector(1)]), Photo("b.jpg", "b", [vector(2)])])
        write_person(connection, into, "Ada", [vector(1.9)])
        assert table(connection, "SELECT filename, parameter_set FROM reference_faces") == [("0.jpg", KEY)]
        nearest = table(
            connection,
            "SELECT filename FROM pictures ORDER BY embedding <-> (SELECT embedding FROM reference_faces "
            "WHERE filename = '0.jpg') LIMIT 1",
        )
    assert nearest == [("b.jpg",)]
