"""Fills a partition: faces, clothes and vectors of an event day under a parameter set, only what is not known yet."""

import socket
import time
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.batches import batches
from facefind_pipeline.parameters import EmbedderSettings, ParameterSet
from facefind_pipeline.plan.due import would_be_made_from
from facefind_pipeline.progress import Progress
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import faces as store
from facefind_pipeline.store import parameter_sets, photos, to_do, versions
from facefind_pipeline.store.clothes import write_clothes
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Detection, Partition
from facefind_pipeline.store.made import day_set, record_made
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.to_do import KnownFaces, PhotoToDo
from facefind_pipeline.store.tombstones import Tombstones, is_covered
from facefind_pipeline.store.versions import Fingerprints

if TYPE_CHECKING:
    from facefind_pipeline.vision.embedders import Embedder
    from facefind_pipeline.vision.pipeline import PhotoFaces, PhotoTask
    from facefind_pipeline.vision.set_models import SetModels


@dataclass(slots=True)
class Filled:
    """What was done for a partition, and what was there already.

    Attributes:
        photos: of the day, readable, by content.
        decoded: photos that were decoded now, to detect, to embed or to describe clothes.
        detected: photos the detector ran on now; the others were known.
        adopted: vectors taken over from other sets.
        embedded: faces the embedder ran on now.
        described: faces whose clothes were described now.
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


def fill(
    database: Database, settings: Settings, event_day: str, key: str, progress: Progress, *, embed: bool = True
) -> Filled:
    """Detects, embeds and describes what the day lacks under the set, waiting for whoever is at the same partition.

    Args:
        database: whose tables are filled.
        settings: where models are.
        event_day: the day's key.
        key: the parameter set's.
        progress: told of each photo.
        embed: False leaves vectors, and clothes of known faces, alone, and does not call the partition finished.

    Raises:
        FacefindError: an unknown day or set, a model file that is missing, or three photos that failed in a row.
    """
    parameters = ParameterSet.parse(key)
    filled = Filled()
    # One fill a machine: it uses all cores, and two at once might embed a box that both sets found twice.
    with (
        database.lock("faces", socket.gethostname()),
        database.lock("faces", event_day, key),
        database.connect() as connection,
    ):
        opened = time.perf_counter()
        day = photos.find_day(connection, event_day)
        shared_embedder(settings, parameters).fetch()
        partition = present_partition(settings, event_day, parameters)
        record_fingerprints(connection, settings, parameters)
        made_from = would_be_made_from(connection, "detected_faces", day_set(event_day, key))
        work = to_do.photos_to_do(connection, partition)
        known = to_do.known_faces(connection, partition) if work else {}
        connection.commit()  # no transaction stays open while photos are worked on
        if not embed:
            work = [photo for photo in work if photo.faces is None]
        progress.begin(f"faces of {event_day}", len(work), "photo")
        paths = {photo.sha256: photo.path for photo in work}
        tasks = _tasks(day, work, known)
        embedder = _load_embedder(settings, parameters, tasks) if embed else None
        models = set_models(settings, parameters, crops=embedder is not None)
        started, busy = time.perf_counter(), _cpu_seconds()
        filled.loading_seconds = started - opened
        with closing(_with_progress(_find_faces(tasks, models, embedder), progress)) as results:
            for batch in batches(results):
                _write(connection, partition, batch, filled, paths, Tombstones(settings.home))
                connection.commit()
        progress.end()
        filled.photos, filled.faces = store.count(connection, partition)
        _finish(connection, partition, filled, made_from, embed=embed)
        filled.seconds, filled.cpu_seconds = time.perf_counter() - started, _cpu_seconds() - busy
    return filled


def present_fingerprints(settings: Settings, parameters: ParameterSet) -> Fingerprints:
    """What the set's detector and embedder are now, and by which rules clothes are described.

    Raises:
        FacefindError: a model file is missing.
    """
    from facefind_pipeline.vision.clothes import FINGERPRINT

    meanings = _meanings(settings, parameters)
    return Fingerprints(
        versions.fingerprint(meanings["detector"]), versions.fingerprint(meanings["embedder"]), FINGERPRINT
    )


def fingerprints_of(settings: Settings, keys: Collection[str]) -> dict[str, Fingerprints]:
    """`present_fingerprints` of sets, by key; without those whose model file is missing now."""
    present = {}
    for key in keys:
        with suppress(FacefindError):
            present[key] = present_fingerprints(settings, ParameterSet.parse(key))
    return present


def present_partition(settings: Settings, event_day: str, parameters: ParameterSet) -> Partition:
    """The partition with the fingerprints of now.

    Raises:
        FacefindError: as `present_fingerprints`.
    """
    return Partition(event_day, parameters.key, *present_fingerprints(settings, parameters))


def present_version(settings: Settings, key: str) -> str:
    """`present_fingerprints` as one data version.

    Raises:
        FacefindError: as `present_fingerprints`.
    """
    return versions.hash_rows([present_fingerprints(settings, ParameterSet.parse(key))])


def present_versions(database: Database, settings: Settings) -> dict[str, str]:
    """`present_version` of each registered set; without those whose model file is missing now.

    A sensor asks this every few seconds: no network is loaded, nothing is fetched.
    """
    with database.connect() as connection:
        keys = [one.key for one in parameter_sets.registered(connection)]
    return {key: versions.hash_rows([present]) for key, present in fingerprints_of(settings, keys).items()}


def record_fingerprints(connection: Connection, settings: Settings, parameters: ParameterSet) -> None:
    """Remembers what the set's detector and embedder really are; rows made by them refer to that."""
    for kind, meaning in _meanings(settings, parameters).items():
        parameter_sets.record_fingerprint(connection, kind, meaning)


def _meanings(settings: Settings, parameters: ParameterSet) -> dict[str, dict[str, object]]:
    from facefind_pipeline.vision.detectors import detector_fingerprint

    return {
        "detector": detector_fingerprint(parameters.detector, settings.models),
        "embedder": embedder_meaning(settings, parameters),
    }


def embedder_meaning(settings: Settings, parameters: ParameterSet) -> dict[str, object]:
    """What the set's embedder really is, on the faces that its detector finds."""
    from facefind_pipeline.vision.detectors import finds_landmarks

    return shared_embedder(settings, parameters).fingerprint(landmarks=finds_landmarks(parameters.detector))


def shared_embedder(settings: Settings, parameters: ParameterSet) -> "Embedder":
    """The set's embedder, which it shares with sets of other detectors; its network is loaded when it first embeds."""
    return _embedder(parameters.embedder, settings.models, settings.derived, settings.clip_model)


@lru_cache(maxsize=4)  # each holds a network of up to 150 MB
def _embedder(embedder: EmbedderSettings, models: Path, derived: Path, clip_model: Path | None) -> "Embedder":
    from facefind_pipeline.vision.embedders import load_embedder

    return load_embedder(embedder, models=models, derived=derived, clip_model=clip_model)


def _tasks(day: EventDay, work: Collection[PhotoToDo], known: Mapping[bytes, KnownFaces]) -> list["PhotoTask"]:
    if not work:
        return []
    from facefind_pipeline.vision.pipeline import PhotoTask

    nothing = KnownFaces(set(), set())
    return [
        PhotoTask(photo.sha256, day.file(photo.path), photo.faces, *known.get(photo.sha256, nothing)) for photo in work
    ]


def set_models(settings: Settings, parameters: ParameterSet, *, crops: bool = True) -> "SetModels":
    """What processes apart load for a set; without `crops` its detector alone."""
    from facefind_pipeline.vision.set_models import SetModels

    return SetModels(
        parameters.detector,
        parameters.embedder if crops else None,
        models=settings.models,
        derived=settings.derived,
        clip_model=settings.clip_model,
    )


def _load_embedder(settings: Settings, parameters: ParameterSet, tasks: Collection["PhotoTask"]) -> "Embedder | None":
    """The embedder with its network loaded; None if it has nothing to do."""
    from facefind_pipeline.vision.embedders import warm_up

    if not any(task.known is None or task.to_embed(task.known) for task in tasks):
        return None
    embedder = shared_embedder(settings, parameters)
    warm_up(embedder)
    return embedder


def _cpu_seconds() -> float:
    from facefind_pipeline.vision import apart

    return time.process_time() + apart.cpu_seconds()


def _find_faces(
    tasks: Collection["PhotoTask"], models: "SetModels", embedder: "Embedder | None"
) -> Iterator["PhotoFaces"]:
    if not tasks:
        return
    from facefind_pipeline.vision.pipeline import find_faces

    yield from find_faces(tasks, models, embedder)


def _with_progress(results: Iterator["PhotoFaces"], progress: Progress) -> Generator["PhotoFaces", None, None]:
    for result in results:
        progress.advance(1, result.detection_seconds)
        yield result


def _write(
    connection: Connection,
    partition: Partition,
    batch: list["PhotoFaces"],
    filled: Filled,
    paths: dict[bytes, str],
    tombstones: Tombstones,
) -> None:
    from facefind_pipeline.vision.sharpness import sharpness

    detections, vectors, clothes = [], [], []
    for result in batch:
        sha256 = result.task.sha256
        if result.vanished:
            filled.vanished.append(paths[sha256])
            continue
        filled.decoded += 1
        if result.task.known is None:
            sharp = [sharpness(jpeg) for jpeg in result.thumbnails]
            detections.append(
                Detection(sha256, result.detection_seconds, result.problem, result.faces, result.thumbnails, sharp)
            )
        if problem := result.problem or result.embedding_problem or result.clothes_problem:
            filled.problems[paths[sha256]] = problem
        if result.vectors is not None:
            vectors += [(sha256, face, vector) for face, vector in zip(result.embedded, result.vectors, strict=True)]
        clothes += [(sha256, face, found) for face, found in zip(result.described, result.clothes, strict=True)]
    store.lock_sets(connection, partition.parameter_set)
    # Only now: whoever forgets faces holds this lock while they go.
    forgotten = tombstones.faces(connection, [result.task.sha256 for result in batch])
    detections = [detection.without(forgotten.get(detection.sha256, ())) for detection in detections]
    vectors = [one for one in vectors if not is_covered(one[1].box, forgotten.get(one[0], ()))]
    clothes = [one for one in clothes if not is_covered(one[1].box, forgotten.get(one[0], ()))]
    store.write_detections(connection, partition.detector, detections)
    store.write_embedding_problems(
        connection, partition, {r.task.sha256: r.embedding_problem for r in batch if r.embedding_problem}
    )
    store.write_embeddings(connection, partition, vectors)
    write_clothes(connection, partition.clothes, clothes)
    store.note_gone(connection, [result.task.sha256 for result in batch])
    filled.detected += len(detections)
    filled.embedded += len(vectors)
    filled.described += len(clothes)


def _finish(connection: Connection, partition: Partition, filled: Filled, made_from: str, *, embed: bool) -> None:
    """Records what was made; a photo of which nothing is known leaves it incomplete, to be filled again."""
    key, complete = day_set(partition.event_day, partition.parameter_set), not filled.vanished
    filled.faces_version = store.faces_version(connection, partition)
    if embed:
        gone = store.photos_gone(connection)
        store.lock_sets(connection, None if gone else partition.parameter_set)
        filled.adopted = store.adopt_embeddings(connection, partition)
        filled.removed = store.remove_stale(connection, partition)
        if gone:
            filled.removed += store.remove_gone(connection, gone)[partition.parameter_set]
        filled.embeddings_version = store.embeddings_version(filled.faces_version, partition.embedder)
        store.finish(connection, partition)
        record_made(
            *(connection, "face_embeddings", key, f"{made_from} {filled.faces_version}", filled.embeddings_version),
            complete=complete,
        )
    record_made(connection, "detected_faces", key, made_from, filled.faces_version, complete=complete)
