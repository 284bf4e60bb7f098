"""What is to do under a set: photos still to detect, and faces that lack a vector or a descriptor of their clothes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box, Face, Place
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.queries import query
from facefind_pipeline.store.versions import Fingerprints


@dataclass(frozen=True, slots=True)
class PhotoToDo:
    """A photo to detect (faces is None), or with faces that still need a vector or a descriptor of their clothes."""

    sha256: bytes
    path: str
    faces: tuple[Face, ...] | None


class KnownFaces(NamedTuple):
    """Of a photo, the faces that need no vector any more, and those that need no descriptor of their clothes."""

    vectors: set[Place]
    clothes: set[Place]


def photos_to_do(connection: Connection, partition: Partition) -> list[PhotoToDo]:
    """Photos that the detector has not seen, or with faces that lack a vector in every set or a descriptor, by path.

    A face that the embedder failed on lacks no vector.
    """
    to_do: dict[bytes, tuple[str, list[Face] | None]] = {}
    with connection.cursor() as cursor:
        cursor.execute(query("photos_to_do"), partition.parameters)
        for sha256, path, key, x, y, w, h, score, landmarks in cursor.fetchall():
            entry = to_do.setdefault(bytes(sha256), (path, None if key is None else []))
            if entry[1] is not None:
                entry[1].append(Face(Box(x, y, w, h), score, _points(landmarks)))
    return [PhotoToDo(sha, path, None if faces is None else tuple(faces)) for sha, (path, faces) in to_do.items()]


def known_faces(connection: Connection, partition: Partition) -> dict[bytes, KnownFaces]:
    """What is known of faces of the day's photos, whatever detector found them, by photo."""
    known: dict[bytes, KnownFaces] = {}
    with connection.cursor() as cursor:
        cursor.execute(query("known_faces"), partition.parameters)
        for sha256, x, y, w, h, landmarks, needs_no_vector, needs_no_clothes in cursor.fetchall():
            faces, place = (
                known.setdefault(bytes(sha256), KnownFaces(set(), set())),
                (Box(x, y, w, h), _points(landmarks)),
            )
            faces.vectors.update([place] if needs_no_vector else [])
            faces.clothes.update([place] if needs_no_clothes else [])
    return known


def count_to_do(connection: Connection, days: Sequence[str], made_by: Fingerprints) -> int:
    """How many photos, by content, of some event days are to do with these fingerprints."""
    with connection.cursor() as cursor:
        statement = sql.SQL("SELECT count(DISTINCT sha256) FROM ({}) to_do").format(query("photos_to_do"))
        cursor.execute(statement, {"days": list(days), **made_by._asdict()})
        (to_do,) = cursor.fetchone() or (0,)
        return int(to_do)


def _points(flat: Sequence[float] | None) -> tuple[tuple[float, float], ...] | None:
    return None if flat is None else tuple(zip(flat[::2], flat[1::2], strict=True))
