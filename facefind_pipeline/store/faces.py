"""Detections, their faces and their vectors: known by content, and written whole.

`detections` has a row per photo and detector also when no face was found; a vector is known by face key (photo, box and
landmarks) and embedder. So a rerun, a resumed run, another set or a copy of a photo finds what is there.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box, Face, Points
from facefind_pipeline.store import versions
from facefind_pipeline.store.binary_copy import insert
from facefind_pipeline.store.made import FACES, forget_made, mark_faces_incomplete, mark_outdated_faces_incomplete
from facefind_pipeline.store.queries import query
from facefind_pipeline.store.tombstones import is_covered
from facefind_pipeline.store.versions import Fingerprints

# Why faces have no vector any more whose photo was looked at: not a problem, and nothing to do.
ERASED = "erased: matched nobody who agreed"
TRIAL_TABLE = "index_trial"  # the copy of a set's vectors that `search.index_trial` makes; mostly there is none


@dataclass(frozen=True, slots=True)
class Partition:
    """An event day under a parameter set, with the fingerprints it is to be made with."""

    event_day: str
    parameter_set: str
    detector: str
    embedder: str
    clothes: str

    @property
    def parameters(self) -> dict[str, object]:
        """For the queries."""
        return {
            "day": self.event_day,
            "days": [self.event_day],
            "parameter_set": self.parameter_set,
            "detector": self.detector,
            "embedder": self.embedder,
            "clothes": self.clothes,
        }


@dataclass(frozen=True, slots=True)
class Detection:
    """A photo's faces, new to the tables; `sharpness` is a number per face, or empty where it was not measured."""

    sha256: bytes
    seconds: float
    problem: str | None
    faces: Sequence[Face]
    thumbnails: Sequence[bytes]
    sharpness: Sequence[float | None] = ()

    def without(self, places: Sequence[Box]) -> "Detection":
        """The same without the faces at places where somebody was forgotten."""
        if not places:
            return self
        kept = [not is_covered(face.box, places) for face in self.faces]
        return replace(
            self,
            faces=[*compress(self.faces, kept)],
            thumbnails=[*compress(self.thumbnails, kept)],
            sharpness=[*compress(self.sharpness, kept)],
        )


def face_key(sha256: bytes, box: Box, landmarks: Points | None) -> UUID:
    """What a face is known by, in whatever set: a hash of photo, box and landmarks."""
    content = json.dumps([sha256.hex(), list(box), [list(p) for p in landmarks] if landmarks else None])
    return UUID(bytes=hashlib.sha256(content.encode()).digest()[:16])


def lock_sets(connection: Connection, *parameter_sets: str) -> None:
    """Makes other transactions that change vectors of these sets, or of any set, wait until this one ends.

    Two days may share photos: whoever changes vectors takes this lock first, or each may wait for a row of the other's.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT FROM parameter_sets WHERE %(all)s OR parameter_set = ANY(%(some)s)
            ORDER BY parameter_set FOR NO KEY UPDATE
            """,
            {"all": not parameter_sets, "some": list(parameter_sets)},
        )


def adopt_embeddings(connection: Connection, partition: Partition) -> int:
    """Takes over vectors that another set has of the same faces; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(query("adopt_embeddings"), partition.parameters)
        adopted: int = cursor.rowcount
    vectors_changed(connection, partition.parameter_set, adopted)
    return adopted


def write_detections(connection: Connection, detector: str, detections: Sequence[Detection]) -> None:
    """Writes photos with all their faces; those another run has written meanwhile are left."""
    insert(
        connection,
        "detections",
        {"sha256": "bytea", "detector_fingerprint": "text", "seconds": "real", "problem": "text"},
        [(d.sha256, detector, d.seconds, d.problem) for d in detections],
        order=["sha256"],
    )
    insert(
        connection,
        "detected_faces",
        {
            "sha256": "bytea",
            "detector_fingerprint": "text",
            "face_key": "uuid",
            **dict.fromkeys("xywh", "integer"),
            "score": "real",
            "landmarks": "real[]",
            "thumbnail": "bytea",
            "sharpness": "real",
        },
        [
            (d.sha256, detector, face_key(d.sha256, f.box, f.landmarks), *f.box, f.score, _flat(f.landmarks), *looks)
            for d in detections
            for f, *looks in zip(d.faces, d.thumbnails, d.sharpness or [None] * len(d.faces), strict=True)
        ],
        order=["sha256", "face_key"],
    )


def write_embedding_problems(connection: Connection, partition: Partition, problems: Mapping[bytes, str]) -> None:
    """Writes why photos' faces, which are in the tables, have no vectors of the partition's embedder; by SHA-256."""
    if problems:
        insert(
            connection,
            "embedding_problems",
            {"sha256": "bytea", "detector_fingerprint": "text", "embedder_fingerprint": "text", "problem": "text"},
            [(sha256, partition.detector, partition.embedder, problem) for sha256, problem in problems.items()],
            order=["sha256"],
        )


def write_embeddings(connection: Connection, partition: Partition, vectors: Iterable[tuple[bytes, Face, Any]]) -> int:
    """Writes (photo, face, vector) rows to the set's partition; returns how many were new or changed."""
    written = insert(
        connection,
        "embeddings",
        {
            "parameter_set": "text",
            "sha256": "bytea",
            "face_key": "uuid",
            "detector_fingerprint": "text",
            "embedder_fingerprint": "text",
            "embedding": "vector",
        },
        (
            (
                partition.parameter_set,
                sha,
                face_key(sha, f.box, f.landmarks),
                partition.detector,
                partition.embedder,
                vector,
            )
            for sha, f, vector in vectors
        ),
        on_conflict="""(face_key, parameter_set) DO UPDATE
            SET detector_fingerprint = excluded.detector_fingerprint,
                embedder_fingerprint = excluded.embedder_fingerprint, embedding = excluded.embedding
            WHERE (embeddings.detector_fingerprint, embeddings.embedder_fingerprint)
                IS DISTINCT FROM (excluded.detector_fingerprint, excluded.embedder_fingerprint)""",
        order=["face_key"],
    )
    vectors_changed(connection, partition.parameter_set, written)
    return written


def remove_stale(connection: Connection, partition: Partition) -> int:
    """Removes the day's vectors of former fingerprints from the set; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM embeddings e USING (SELECT DISTINCT sha256 FROM photos WHERE event_day = %(day)s) day
            WHERE e.parameter_set = %(parameter_set)s AND e.sha256 = day.sha256
              AND (e.detector_fingerprint, e.embedder_fingerprint) <> (%(detector)s, %(embedder)s)
            """,
            partition.parameters,
        )
        removed: int = cursor.rowcount
    vectors_changed(connection, partition.parameter_set, removed)
    return removed


def photos_gone(connection: Connection) -> list[bytes]:
    """Photos, by SHA-256, that went from a day since a partition was last filled; some may be in a day again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sha256 FROM photos_gone ORDER BY sha256")
        return [bytes(sha256) for (sha256,) in cursor.fetchall()]


def remove_gone(connection: Connection, gone: Sequence[bytes]) -> Counter[str]:
    """Removes all that is known of those photos that are in no day: nobody should keep faces by forgetting a set.

    Returns:
        Vectors removed, by parameter set.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT sha256 FROM unnest(%s::bytea[]) gone (sha256)
            WHERE NOT EXISTS (SELECT FROM photos p WHERE p.sha256 = gone.sha256)
            """,
            [list(gone)],
        )
        removed = remove_photos(connection, [bytes(sha256) for (sha256,) in cursor.fetchall()])
        cursor.execute("DELETE FROM photos_gone WHERE sha256 = ANY(%s)", [list(gone)])
    return removed


def remove_photos(connection: Connection, photos: Sequence[bytes]) -> Counter[str]:
    """Removes all that was made of photos, given by SHA-256; returns how many vectors of each set.

    Should one come back to its day, the faces of that are to be made again. The caller holds the locks of all sets.
    """
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM embeddings WHERE sha256 = ANY(%s) RETURNING parameter_set", [list(photos)])
        removed = Counter(parameter_set for (parameter_set,) in cursor.fetchall())
        cursor.execute("DELETE FROM detections WHERE sha256 = ANY(%s)", [list(photos)])
        cursor.execute("DELETE FROM clothes WHERE sha256 = ANY(%s)", [list(photos)])
        cursor.execute("DELETE FROM photos_gone WHERE sha256 = ANY(%s)", [list(photos)])
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [TRIAL_TABLE])
        if cursor.fetchone() == (True,):
            cursor.execute(f"DELETE FROM {TRIAL_TABLE} WHERE sha256 = ANY(%s)", [list(photos)])  # noqa: S608
    if photos:
        mark_outdated_faces_incomplete(connection)
    for parameter_set, rows in removed.items():
        vectors_changed(connection, parameter_set, rows)
    return removed


def note_gone(connection: Connection, photos: Sequence[bytes]) -> None:
    """Notes those of some photos, which were written now, that went from their day meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO photos_gone SELECT sha256 FROM unnest(%s::bytea[]) written (sha256)
            WHERE NOT EXISTS (SELECT FROM photos p WHERE p.sha256 = written.sha256) ORDER BY 1 ON CONFLICT DO NOTHING
            """,
            [list(photos)],
        )


def forget_problems(connection: Connection, event_day: str) -> None:
    """Makes the day's photos that could not be detected or embedded ones to do again, under every set.

    Clothes that were not seen on them may be visible after all.
    """
    with connection.cursor() as cursor:
        day = "sha256 IN (SELECT sha256 FROM photos WHERE event_day = %s)"
        cursor.execute(
            f"""
            DELETE FROM clothes WHERE descriptor IS NULL AND {day} AND sha256 IN (
                SELECT sha256 FROM detections WHERE problem IS NOT NULL
                UNION SELECT sha256 FROM embedding_problems WHERE problem <> %s
            )
            """,  # noqa: S608
            [event_day, ERASED],
        )
        cursor.execute(f"DELETE FROM detections WHERE problem IS NOT NULL AND {day}", [event_day])  # noqa: S608
        forgotten = cursor.rowcount
        cursor.execute(f"DELETE FROM embedding_problems WHERE problem <> %s AND {day}", [ERASED, event_day])  # noqa: S608
        forgotten += cursor.rowcount
    if forgotten:
        mark_faces_incomplete(connection, event_day)


def look_again_at_erased(connection: Connection) -> None:
    """Lets faces that were erased, since they matched nobody who agreed, be found and searched anew, under every set.

    Their photos are detected again, since the crops went too.
    """
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM embedding_problems WHERE problem = %s", [ERASED])
        cursor.execute("SELECT DISTINCT sha256 FROM detected_faces WHERE thumbnail = ''")
        photos = [sha256 for (sha256,) in cursor.fetchall()]
        cursor.execute("DELETE FROM clothes WHERE descriptor IS NULL AND sha256 = ANY(%s)", [photos])
    look_again_at(connection, photos)


def look_again_at(connection: Connection, photos: Sequence[bytes]) -> None:
    """Lets faces be found in these photos anew, by SHA-256, under every set."""
    if not photos:
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM detections WHERE sha256 = ANY(%s)", [list(photos)])
        cursor.execute("UPDATE made SET complete = false WHERE asset = ANY(%s)", [list(FACES)])
    for asset in ("search_results", "face_groups"):
        forget_made(connection, asset)


def faces_version(connection: Connection, partition: Partition) -> str:
    """Data version of a partition's faces: photos' contents, boxes and the detector; no path."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT encode(p.sha256, 'hex'), f.x, f.y, f.w, f.h FROM photos p
            LEFT JOIN detected_faces f ON f.sha256 = p.sha256 AND f.detector_fingerprint = %s
            WHERE p.event_day = %s AND p.problem IS NULL ORDER BY 1, 2, 3, 4, 5
            """,
            [partition.detector, partition.event_day],
        )
        return versions.hash_rows([(partition.detector,), *cursor.fetchall()])


def count(connection: Connection, partition: Partition) -> tuple[int, int]:
    """Readable photos of the partition's day by content, and their faces."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH day AS (SELECT DISTINCT sha256 FROM photos WHERE event_day = %s AND problem IS NULL)
            SELECT (SELECT count(*) FROM day),
                   (SELECT count(*) FROM day JOIN detected_faces f USING (sha256) WHERE f.detector_fingerprint = %s)
            """,
            [partition.event_day, partition.detector],
        )
        photos, faces = cursor.fetchone() or (0, 0)
        return photos, faces


def problems(connection: Connection, days: Sequence[str], made_by: Fingerprints) -> dict[str, str]:
    """Why photos of some event days were left out, by path: unreadable, or detector or embedder failed on them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT path, problem FROM (
                SELECT p.event_day, p.path, coalesce(p.problem, d.problem, e.problem) AS problem
                FROM photos p
                LEFT JOIN detections d ON d.sha256 = p.sha256 AND d.detector_fingerprint = %(detector)s
                LEFT JOIN embedding_problems e ON (e.sha256, e.detector_fingerprint, e.embedder_fingerprint)
                    = (d.sha256, d.detector_fingerprint, %(embedder)s) AND e.problem <> %(erased)s
                WHERE p.event_day = ANY (%(days)s)
            ) day WHERE problem IS NOT NULL ORDER BY event_day, path
            """,
            {"days": list(days), "erased": ERASED, **made_by._asdict()},
        )
        return dict(cursor.fetchall())


def embeddings_version(faces_version: str, embedder: str) -> str:
    """Data version of a partition's vectors: that of its faces and the embedder; never the floats."""
    return versions.hash_rows([(faces_version, embedder)])


def finish(connection: Connection, partition: Partition) -> None:
    """Remembers by which detector, embedder and rules for clothes the partition, and the set, were filled last."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO set_days AS d (parameter_set, event_day, detector_fingerprint, embedder_fingerprint,
                                       clothes_fingerprint)
            VALUES (%(parameter_set)s, %(day)s, %(detector)s, %(embedder)s, %(clothes)s)
            ON CONFLICT (parameter_set, event_day) DO UPDATE
            SET detector_fingerprint = excluded.detector_fingerprint,
                embedder_fingerprint = excluded.embedder_fingerprint,
                clothes_fingerprint = excluded.clothes_fingerprint
            WHERE (d.detector_fingerprint, d.embedder_fingerprint, d.clothes_fingerprint) IS DISTINCT FROM
                (excluded.detector_fingerprint, excluded.embedder_fingerprint, excluded.clothes_fingerprint)
            """,
            partition.parameters,
        )
        cursor.execute(
            """
            UPDATE parameter_sets SET detector_fingerprint = %(detector)s, embedder_fingerprint = %(embedder)s
            WHERE parameter_set = %(parameter_set)s
              AND (detector_fingerprint, embedder_fingerprint) IS DISTINCT FROM (%(detector)s, %(embedder)s)
            """,
            partition.parameters,
        )


def vectors_changed(connection: Connection, parameter_set: str, rows: int) -> None:
    """Notes that so many of a set's vectors came, went or changed: its index may be out of date."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE parameter_sets SET vectors_version = vectors_version + 1, vectors_changed = vectors_changed + %s
                WHERE parameter_set = %s
                """,
                [rows, parameter_set],
            )


def _flat(points: Points | None) -> list[float] | None:
    return None if points is None else [number for point in points for number in point]
