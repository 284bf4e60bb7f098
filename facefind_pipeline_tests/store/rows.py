"""Rows without pictures: photos, detections and vectors as the pipeline writes them, for tests of tables."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.privacy.erasing import erase_rows
from facefind_pipeline.privacy.subject import Subject
from facefind_pipeline.store import clothes, faces, parameter_sets, people, photos
from facefind_pipeline.store.faces import Detection, Partition
from facefind_pipeline.store.made import day_set, record_made
from facefind_pipeline.store.people import Person, ReferenceEmbedding, ReferencePhoto
from facefind_pipeline.store.tombstones import Tombstones

KEY = "hog-up0-px640@dlib"
CLOTHES = "rules for clothes"


@dataclass(frozen=True)
class Photo:
    """A photo file: `content` makes its hash, `vectors` one face each."""

    path: str
    content: str
    vectors: Sequence[Any] = ()
    taken_at: datetime | None = None
    country: str | None = None
    problem: str | None = None
    boxes: Sequence[tuple[int, int, int, int]] = field(default=())
    position: tuple[float, float] | None = None

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content.encode()).digest()

    @property
    def faces(self) -> list[Face]:
        boxes = self.boxes or [(20 * number, 10, 15, 15) for number in range(len(self.vectors))]
        return [Face(Box(*box), 0.5) for box in boxes]


def partition(connection: Connection, day: str, key: str = KEY, detector: str = "d", embedder: str = "e") -> Partition:
    """Registers set, day and fingerprints."""
    parameters = ParameterSet.parse(key)
    metric, dimension = "l2", 128 if parameters.embedder.name == "dlib" else 768
    parameter_sets.register(connection, parameters, dimension, metric)
    photos.register_days(connection, Path("/photos"), [photos.EventDay(day, Path("/photos"), day)])
    detector = parameter_sets.record_fingerprint(connection, "detector", {"name": detector})
    embedder = parameter_sets.record_fingerprint(connection, "embedder", {"name": embedder})
    return Partition(day, parameters.key, detector, embedder, CLOTHES)


def write_photos(connection: Connection, day: str, shots: Sequence[Photo], gone: Sequence[str] = ()) -> None:
    """Rows of `photos`."""
    rows = [
        photos.PhotoRow(
            *(shot.path, shot.sha256, 1, 2, 3, shot.problem, "JPEG", 300, 200, 1),
            taken_at=shot.taken_at,
            country=shot.country,
            latitude=shot.position and shot.position[0],
            longitude=shot.position and shot.position[1],
        )
        for shot in shots
    ]
    photos.replace_photos(connection, day, rows, gone)


def write_faces(connection: Connection, into: Partition, shots: Sequence[Photo]) -> None:
    """Detections, vectors, and clothes of which none is visible."""
    found = [Detection(s.sha256, 0.1, None, s.faces, [b"jpeg"] * len(s.faces)) for s in shots]
    faces.write_detections(connection, into.detector, found)
    vectors = [(s.sha256, face, vector) for s in shots for face, vector in zip(s.faces, s.vectors, strict=True)]
    faces.write_embeddings(connection, into, vectors)
    clothes.write_clothes(connection, into.clothes, [(s.sha256, face, None) for s in shots for face in s.faces])


def write_all(connection: Connection, into: Partition, shots: Sequence[Photo]) -> None:
    """Photos with their faces, the partition finished."""
    write_photos(connection, into.event_day, shots)
    write_faces(connection, into, shots)
    record(connection, into)


def record(connection: Connection, into: Partition) -> None:
    """That day and partition are finished as they are."""
    version = photos.photos_version(photos.photos(connection, into.event_day).values())
    found = faces.faces_version(connection, into)
    key = day_set(into.event_day, into.parameter_set)
    faces.finish(connection, into)
    record_made(connection, "raw_photos", into.event_day, version, version)
    record_made(connection, "detected_faces", key, version, found)
    embedded = faces.embeddings_version(found, into.embedder)
    record_made(connection, "face_embeddings", key, f"{version} {found}", embedded)


def write_person(connection: Connection, into: Partition, name: str, vectors: Sequence[Any]) -> Person:
    """A person with a reference a vector."""
    person = Person(name.lower(), name)
    for number, vector in enumerate(vectors):
        reference = ReferencePhoto(person, f"{number}.jpg", f"{name} {number}".encode())
        people.add_reference(connection, reference, "command")
        made = ReferenceEmbedding(
            *(person.key, reference.sha256, False, "hog"), Face(Box(0, 0, 9, 9), 1.0), b"jpeg", vector
        )
        people.write_reference_embedding(connection, into.parameter_set, into.detector, into.embedder, made)
    return person


def vector(*numbers: float, dimension: int = 128) -> Any:
    """These numbers, then zeros."""
    made = np.zeros(dimension, np.float32)
    made[: len(numbers)] = numbers
    return made


def table(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def forget(connection: Connection, home: Path, subject: Subject) -> None:
    """Erases rows as `facefind forget` does; the home gets the key of the tombstones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(forgetting), 0) + 1 FROM forgettings")
        (number,) = cursor.fetchone() or (1,)
        cursor.execute("INSERT INTO forgettings (forgetting, kind) VALUES (%s, %s)", [number, subject.kind])
    erase_rows(connection, subject, Tombstones(home), number)
