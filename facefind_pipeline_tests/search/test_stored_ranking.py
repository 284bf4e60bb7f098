"""What a search stores against brute force: random people, faces and feedback in the tables."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from pgvector import Vector
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline import faces as found_faces
from facefind_pipeline.faces import Box
from facefind_pipeline.search import rank, results
from facefind_pipeline.search.calibrate import SURE_RATE, Learnt
from facefind_pipeline.search.priors import DLIB
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import faces, feedback, parameter_sets, people
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.faces import Detection
from facefind_pipeline.store.people import Person, ReferenceEmbedding, ReferencePhoto
from facefind_pipeline_tests.search.brute_force import Face, Result, World, brute_force
from facefind_pipeline_tests.search.worlds import EMBEDDERS, METRICS, check, random_world
from facefind_pipeline_tests.store.earlier import open_earlier
from facefind_pipeline_tests.store.rows import (
    KEY,
    Photo,
    partition,
    record,
    table,
    vector,
    write_all,
    write_person,
    write_photos,
)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


def _box(number: int) -> tuple[int, int, int, int]:
    return 20 * number, 10, 15, 15


def _stored_world(connection: Connection, seed: int, metric: str) -> World:
    """A random world, in the tables as the pipeline writes it, with what the tables can hold of it."""
    world = random_world(seed, metric, dimension=128)
    by = {name: partition(connection, "friday", embedder=name) for name in EMBEDDERS}
    into = by["a"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE parameter_sets SET metric = %s", [metric])
    boxes: dict[bytes, tuple[int, int, int, int]] = {}
    renamed: dict[bytes, Face] = {}
    shots: dict[bytes, list[Face]] = {}
    for face in world.faces:
        shots.setdefault(face.photo, []).append(face)
    for photo, found in shots.items():
        for number, face in enumerate(found):
            key = faces.face_key(photo, _box(number), None).bytes
            boxes[key], renamed[face.key] = _box(number), replace(face, key=key)
    contents = {hashlib.sha256(content.encode()).digest(): content for content in (f"{seed} {n}" for n in range(30))}
    paths = [Photo(f"{contents[photo]}.jpg", contents[photo]) for photo in shots]
    copies = [replace(photo, path=f"copy of {photo.path}") for photo in paths]
    write_photos(connection, "friday", [*paths, *copies])
    for name in EMBEDDERS:
        for photo, found in shots.items():
            mine = [(number, face) for number, face in enumerate(found) if face.embedder == name]
            shot = Photo("", contents[photo], [f.vector for _, f in mine], boxes=[_box(number) for number, _ in mine])
            detected = Photo("", contents[photo], boxes=[_box(number) for number in range(len(found))])
            faces.write_detections(
                connection, into.detector, [Detection(photo, 0.1, None, detected.faces, [b"x"] * len(found))]
            )
            rows = [(photo, face, vector) for face, vector in zip(shot.faces, shot.vectors, strict=True)]
            faces.write_embeddings(connection, by[name], rows)
    record(connection, into)
    for name, references in world.references.items():
        person = Person(name, name.title())
        for number, (embedder, embedding) in enumerate(references):
            reference = ReferencePhoto(person, f"{number}.jpg", f"{name} {number}".encode())
            people.add_reference(connection, reference, "command")
            made = ReferenceEmbedding(
                name, reference.sha256, False, "hog", found_faces.Face(Box(*_box(0)), 1.0), b"x", embedding
            )
            people.write_reference_embedding(connection, KEY, into.detector, by[embedder].embedder, made)
    stranger = ReferencePhoto(Person("zoe", "Zoe"), "nobody.jpg", b"nobody")  # without a usable reference
    people.add_reference(connection, stranger, "command")
    confirmed = {pair: [renamed[face.key] for face in them] for pair, them in world.confirmed.items()}
    for (name, photo), them in confirmed.items():
        feedback.say(connection, name, photo, boxes[them[0].key])
        feedback.say(connection, "zoe", photo, boxes[them[0].key])
    for name, photo in world.rejected:
        feedback.say(connection, name, photo, None)
    drawn = {pair: made and ("a", made[1]) for pair, made in world.drawn.items()}
    for (name, photo), made in drawn.items():
        feedback.say(connection, name, photo, (500, 500, 9, 9), b"x")
        if made:
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO by_hand_embeddings (person, sha256, embedder_fingerprint, embedding)"
                    " VALUES (%s, %s, %s, %s)",
                    [name, photo, into.embedder, Vector(made[1])],
                )
    sure = DLIB.tail.at(SURE_RATE)
    return replace(
        world,
        sure=sure if metric == "l2" else np.sqrt(2 * sure),
        faces=[renamed[face.key] for face in world.faces],
        confirmed=confirmed,
        drawn=drawn,
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", [3, 4, 14])
def test_stored_results_are_those_of_brute_force(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, seed: int, metric: str
) -> None:
    monkeypatch.setattr(results, "BLOCK_DISTANCES", 100)  # several blocks
    monkeypatch.setattr(
        results, "learn", lambda prior, _: Learnt(prior, 0, 1.0, 0.0)
    )  # nothing is learnt of random people
    world = _stored_world(connection, seed, metric)
    expected = brute_force(world, rank.KEPT)
    assert results.refresh(connection, parameter_sets.find(connection, KEY)) == sorted(world.references)
    found: dict[str, list[Result]] = {name: [] for name in world.references}
    columns = "person, rank, sha256, face_key, confirmed, score, distance, plain_distance, rival, rival_distance"
    for person, place, photo, key, *rest in table(connection, f"SELECT {columns} FROM search_results ORDER BY 1, 2"):
        found[person].append(Result(bytes(photo), UUID(key).bytes if key else None, *rest))
        assert place == len(found[person])
    check(found, expected)
    assert dict(table(connection, "SELECT person, sure_photos FROM searches")) == expected.sure


def test_results_of_a_home_from_before_stay_and_follow_their_person(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_earlier(settings, tmp_path, monkeypatch, "0026")
    all_rows = "SELECT to_jsonb(r) FROM search_results r ORDER BY person, rank"
    with before.connect() as connection, connection.cursor() as cursor:
        into = partition(connection, "friday")
        write_all(connection, into, [Photo("a.jpg", "1", [vector(0.1)])])
        for name in ("Ada", "Bob"):
            write_person(connection, into, name, [vector(0)])
        asked = [(KEY, "bob"), (KEY, "ada")]
        cursor.executemany("INSERT INTO searches (parameter_set, person) VALUES (%s, %s)", asked)
        cursor.execute(
            """
            INSERT INTO search_results (parameter_set, person, rank, sha256, face_key, distance, score, plain_distance,
                rival, rival_distance, confirmed, face_rank, face_score, clothes, clothes_photos, by_face_key,
                by_face_distance, by_face_rival, by_face_rival_distance)
            SELECT s.parameter_set, s.person, r.rank, sha256, face_key, .1, r.score, .3, r.rival, .4, r.rank = 2,
                   r.face_rank, r.face_score, r.clothes, 3, r.other, r.other_distance, r.other_rival, .6
            FROM searches s, embeddings, (VALUES
                (1, .2, 'bob', 2, .5, 1.5, gen_random_uuid(), .7, 'ada'), (2, .5, NULL, 1, .2, 0, NULL, NULL, NULL),
                (3, .8, 'ada', 3, .8, NULL, NULL, NULL, NULL)
            ) r (rank, score, rival, face_rank, face_score, clothes, other, other_distance, other_rival)
            """
        )
        rows = table(connection, all_rows)
    with open_database.__wrapped__(settings).connect() as connection:
        assert len(rows) == 6
        assert table(connection, all_rows) == rows
        names = "SELECT DISTINCT person, rival FROM search_results WHERE rank = 3 ORDER BY 1"
        with connection.cursor() as cursor:
            cursor.execute("UPDATE people SET person = 'adele' WHERE person = 'ada'")
            assert table(connection, names) == [("adele", "adele"), ("bob", "adele")]
            cursor.execute("DELETE FROM people WHERE person = 'bob'")
        assert table(connection, "SELECT DISTINCT person FROM search_results") == [("adele",)]
        assert table(connection, "SELECT count(*) FROM ranked_photos") == [(3,)]
