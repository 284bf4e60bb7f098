"""A set's vectors by binary COPY: all of them, in whole photos and one order, whatever the size of a block."""

from collections.abc import Iterator

import numpy as np
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store import faces, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.vectors import Block, SetVectors
from facefind_pipeline_tests.store.rows import KEY, Photo, partition, vector, write_faces


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


def _blocks(connection: Connection, embedders: list[str], size: int) -> list[Block]:
    return list(SetVectors(connection, parameter_sets.find(connection, KEY), embedders, size))


@pytest.mark.parametrize("size", [1, 4, 1_000])
def test_every_face_comes_once_in_whole_photos_by_sha256_and_key(connection: Connection, size: int) -> None:
    into = partition(connection, "friday")
    shots = [Photo("", str(n), [vector(n + face / 8, -n) for face in range(n % 5)]) for n in range(40)]
    write_faces(connection, into, shots)
    blocks = _blocks(connection, [into.embedder], size)
    expected = sorted(
        (shot.sha256, faces.face_key(shot.sha256, face.box, None).bytes, made.tolist())
        for shot in shots
        for face, made in zip(shot.faces, shot.vectors, strict=True)
    )
    found = []
    for block in blocks:
        photos = block.photos[block.photo_of(np.arange(len(block.vectors)))].tolist()
        found += zip(photos, block.face_keys.tolist(), block.vectors.tolist(), strict=True)
        for number in range(len(block.photos)):
            rows = block.faces_of(number)
            assert set(photos[rows]) == {block.photos[number].tobytes()}
            assert photos.count(photos[rows.start]) == rows.stop - rows.start
    assert [tuple(row) for row in found] == expected
    assert max(len(block.vectors) for block in blocks) <= size + 2 * 4  # more by whole photos
    assert len(blocks) == 1 if size == 1_000 else len(blocks) > 5


def test_embedders_are_numbered_as_asked_and_others_are_left_out(connection: Connection) -> None:
    into = {name: partition(connection, "friday", embedder=name) for name in ("one", "two", "three")}
    for number, name in enumerate(into):
        write_faces(connection, into[name], [Photo("", name, [vector(number)])])
    embedders = [into["three"].embedder, into["one"].embedder]
    (block,) = _blocks(connection, embedders, 100)
    assert {(face[0], number) for face, number in zip(block.vectors, block.embedders, strict=True)} == {(2, 1), (0, 2)}
    assert _blocks(connection, [], 100) == []


def test_vectors_can_be_gone_through_again(connection: Connection) -> None:
    into = partition(connection, "friday")
    assert _blocks(connection, [into.embedder], 100) == []
    write_faces(connection, into, [Photo("", str(number), [vector(number)]) for number in range(9)])
    vectors = SetVectors(connection, parameter_sets.find(connection, KEY), [into.embedder], 2)
    first, second = ([block.vectors.tolist() for block in vectors] for _ in range(2))
    assert first == second
    assert sum(map(len, first)) == 9
