"""What the stream found goes into the tables, a batch at a time, and is counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.store import faces as store
from facefind_pipeline.store.clothes import Described, write_clothes
from facefind_pipeline.store.faces import Detection, Partition
from facefind_pipeline.store.tombstones import Tombstones, is_covered

if TYPE_CHECKING:
    from facefind_pipeline.vision.arrays import Vectors
    from facefind_pipeline.vision.pipeline import PhotoFaces


@dataclass(slots=True)
class Filled:
    """What was done for a partition, and what was there already.

    Attributes:
        photos: of the day, readable, by content.
        decoded: photos that were decoded now, to detect, to embed or to describe clothes.
        detected: photos the detector ran on now; the others were known.
        ahead: photos that were detected now for other sets, by key.
        adopted: vectors taken over from other sets.
        embedded: faces the embedder ran on now, whatever set they are of.
        described: faces whose clothes were described now, likewise.
        removed: vectors of the set whose photo is gone, or of a former fingerprint.
        problems: why a photo's pixels could not be read, or detector, embedder or clothes failed on it, by path.
        vanished: paths that were gone or changed since the day was ingested, or that the machine let nobody work on.
        loading_seconds: until the models were there, which each process loads for itself.
        seconds: of the work between that and the last commit.
        cpu_seconds: of this process and those that decode for it in those seconds, whatever else the machine was doing.
        faces: in the partition now.
    """

    photos: int = 0
    decoded: int = 0
    detected: int = 0
    ahead: Counter[str] = field(default_factory=Counter)
    adopted: int = 0
    embedded: int = 0
    described: int = 0
    removed: int = 0
    faces: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    vanished: list[str] = field(default_factory=list)
    loading_seconds: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    faces_version: str = ""
    embeddings_version: str = ""


@dataclass(frozen=True, slots=True)
class _Rows:
    """What was found for one set."""

    partition: Partition
    detections: list[Detection]
    vectors: list[tuple[bytes, Face, "Vectors"]]
    clothes: list[Described]

    def without(self, forgotten: Mapping[bytes, Sequence[Box]]) -> "_Rows":
        """The same without the faces at places where somebody was forgotten, by photo."""
        return _Rows(
            self.partition,
            [detection.without(forgotten.get(detection.sha256, ())) for detection in self.detections],
            [one for one in self.vectors if not is_covered(one[1].box, forgotten.get(one[0], ()))],
            [one for one in self.clothes if not is_covered(one[1].box, forgotten.get(one[0], ()))],
        )


def write(
    connection: Connection,
    partition: Partition,
    ahead: Sequence[Partition],
    batch: Sequence["PhotoFaces"],
    filled: Filled,
    paths: Mapping[bytes, str],
    tombstones: Tombstones,
) -> None:
    """Writes a batch for a partition and those that were worked on ahead, and counts it.

    Of these only what was found: what failed is left to their own runs.
    """
    found = []
    for result in batch:
        if result.vanished:
            filled.vanished.append(paths[result.task.sha256])
            continue
        found.append(result)
        if problem := result.problem or result.embedding_problem or result.clothes_problem:
            filled.problems[paths[result.task.sha256]] = problem
    sets = [
        _rows(partition, found),
        *(
            _rows(other, [its for one in found if (its := one.ahead.get(other.parameter_set)) and not its.vanished])
            for other in ahead
        ),
    ]
    store.lock_sets(connection, *(rows.partition.parameter_set for rows in sets))
    # Only now: whoever forgets faces holds this lock while they go.
    forgotten = tombstones.faces(connection, [result.task.sha256 for result in batch])
    sets = [rows.without(forgotten) for rows in sets]
    # In one order, whatever set the run is of: two that write of the same photos would each wait for the other.
    for rows in sorted(sets, key=lambda rows: rows.partition.detector):
        store.write_detections(connection, rows.partition.detector, rows.detections)
    store.write_embedding_problems(
        connection, partition, {one.task.sha256: one.embedding_problem for one in batch if one.embedding_problem}
    )
    for rows in sets:
        store.write_embeddings(connection, rows.partition, rows.vectors)
    write_clothes(connection, partition.clothes, [one for rows in sets for one in rows.clothes])
    store.note_gone(connection, [result.task.sha256 for result in batch])
    own, *others = sets
    filled.decoded += len(found)
    filled.detected += len(own.detections)
    filled.ahead.update({rows.partition.parameter_set: len(rows.detections) for rows in others})
    filled.embedded += sum(len(rows.vectors) for rows in sets)
    filled.described += sum(len(rows.clothes) for rows in sets)


def _rows(partition: Partition, results: Sequence["PhotoFaces"]) -> _Rows:
    from facefind_pipeline.vision.sharpness import sharpness

    rows = _Rows(partition, [], [], [])
    for result in results:
        sha256 = result.task.sha256
        if result.task.known is None:
            sharp = [sharpness(jpeg) for jpeg in result.thumbnails]
            rows.detections.append(
                Detection(sha256, result.detection_seconds, result.problem, result.faces, result.thumbnails, sharp)
            )
        if result.vectors is not None:
            rows.vectors.extend(
                (sha256, face, vector) for face, vector in zip(result.embedded, result.vectors, strict=True)
            )
        rows.clothes.extend((sha256, face, one) for face, one in zip(result.described, result.clothes, strict=True))
    return rows
