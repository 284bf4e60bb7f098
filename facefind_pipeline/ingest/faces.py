"""Fills a partition: faces, clothes and vectors of an event day under a parameter set, only what is not known yet."""

import socket
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.batches import batches
from facefind_pipeline.ingest.found_faces import Filled, write
from facefind_pipeline.parameters import EmbedderSettings, ParameterSet
from facefind_pipeline.plan.due import would_be_made_from
from facefind_pipeline.progress import Progress
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import faces as store
from facefind_pipeline.store import parameter_sets, photos, to_do, versions
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.store.made import day_set, record_made
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.to_do import KnownFaces, PhotoToDo
from facefind_pipeline.store.tombstones import Tombstones
from facefind_pipeline.store.versions import Fingerprints

if TYPE_CHECKING:
    from facefind_pipeline.vision.embedders import Embedder
    from facefind_pipeline.vision.pipeline import PhotoFaces, PhotoTask
    from facefind_pipeline.vision.set_models import SetModels


@dataclass(frozen=True, slots=True)
class _Ahead:
    """Another set of the day, whose photos are detected in the same pass.

    Attributes:
        partition: of the day under that set.
        models: by which it detects.
        photos: that lack detection under it, and are worked on now.
        known: what is known of faces, by photo.
    """

    partition: Partition
    models: "SetModels"
    photos: Set[bytes]
    known: Mapping[bytes, KnownFaces]


def fill(
    database: Database,
    settings: Settings,
    event_day: str,
    key: str,
    progress: Progress,
    *,
    embed: bool = True,
    ahead: Sequence[str] = (),
) -> Filled:
    """Detects, embeds and describes what the day lacks under the set, waiting for whoever is at the same partition.

    A photo that is decoded for it and lacks detection under sets `ahead`, too, is detected for them in the same pass,
    and what is found is stored: their own fills find it known. Nothing else of theirs is recorded, and what fails for
    them is left to these.

    Args:
        database: whose tables are filled.
        settings: where models are.
        event_day: the day's key.
        key: the parameter set's.
        progress: told of each photo.
        embed: False leaves vectors, and clothes of known faces, alone, and does not call the partition finished.
        ahead: keys of sets that are to be filled next. Those of another embedder are left out, and of those that
            another process is at, or whose model file is missing.

    Raises:
        FacefindError: an unknown day or set, a model file that is missing, or three photos that failed in a row.
    """
    parameters = ParameterSet.parse(key)
    filled = Filled()
    # One fill a machine: it uses all cores, and two at once might embed a box that both sets found twice.
    with (
        database.lock("faces", socket.gethostname()),
        database.lock("faces", event_day, key),
        ExitStack() as held,
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
        if not embed:
            work = [photo for photo in work if photo.faces is None]
        photos_now = {photo.sha256 for photo in work} if embed else set()
        others = _sets_ahead(database, connection, settings, held, partition, ahead, photos_now)
        connection.commit()  # no transaction stays open while photos are worked on
        progress.begin(f"faces of {event_day}", len(work), "photo")
        paths, partitions = {photo.sha256: photo.path for photo in work}, [one.partition for one in others]
        tasks = _tasks(day, work, known, others)
        models, embedder = _load(settings, parameters, tasks, embed=embed)
        started, busy = time.perf_counter(), _cpu_seconds()
        filled.loading_seconds = started - opened
        with closing(_with_progress(_find_faces(tasks, models, embedder), progress)) as results:
            for batch in batches(results):
                write(connection, partition, partitions, batch, filled, paths, Tombstones(settings.home))
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


def _sets_ahead(
    database: Database,
    connection: Connection,
    settings: Settings,
    held: ExitStack,
    partition: Partition,
    keys: Sequence[str],
    photos: Set[bytes],
) -> list[_Ahead]:
    """Those of the sets that these photos can be detected for, too; their partitions are `held` from now on."""
    if not photos or not keys:
        return []
    from facefind_pipeline.vision.pipeline import SETS_AT_ONCE

    taken: list[_Ahead] = []
    registered = {one.key for one in parameter_sets.registered(connection)}
    embedder = ParameterSet.parse(partition.parameter_set).embedder
    for key in keys:
        if key not in registered or key == partition.parameter_set:
            continue
        if len(taken) == SETS_AT_ONCE - 1:
            break
        parameters = ParameterSet.parse(key)
        if parameters.embedder != embedder:
            continue
        try:
            other = present_partition(settings, partition.event_day, parameters)
        except FacefindError:  # its model file is missing: its own run says so
            continue
        if not held.enter_context(database.lock_if_free("faces", partition.event_day, key)):
            continue
        connection.commit()  # or two that record the same fingerprints in another order would wait for one another
        record_fingerprints(connection, settings, parameters)
        lacking = {photo.sha256 for photo in to_do.photos_to_do(connection, other) if photo.faces is None}
        if lacking & photos:
            models = set_models(settings, parameters, crops=False)
            taken.append(_Ahead(other, models, lacking & photos, to_do.known_faces(connection, other)))
    return taken


def _tasks(
    day: EventDay, work: Collection[PhotoToDo], known: Mapping[bytes, KnownFaces], ahead: Sequence[_Ahead]
) -> list["PhotoTask"]:
    if not work:
        return []
    from facefind_pipeline.vision.pipeline import PhotoTask, TaskAhead

    nothing = KnownFaces(set(), set())
    return [
        PhotoTask(
            *(sha256, day.file(photo.path), photo.faces, *known.get(sha256, nothing)),
            ahead=tuple(
                TaskAhead(one.partition.parameter_set, one.models, *one.known.get(sha256, nothing))
                for one in ahead
                if sha256 in one.photos
            ),
        )
        for photo in work
        for sha256 in [photo.sha256]
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


def _load(
    settings: Settings, parameters: ParameterSet, tasks: Collection["PhotoTask"], *, embed: bool
) -> tuple["SetModels", "Embedder | None"]:
    """What processes apart have loaded, and the embedder with its network loaded; None if it has nothing to do."""
    embed = embed and any(task.known is None or task.ahead or task.to_embed(task.known) for task in tasks)
    models = set_models(settings, parameters, crops=embed)
    if not embed:
        return models, None
    from facefind_pipeline.vision.embedders import warm_up
    from facefind_pipeline.vision.pipeline import load_apart

    embedder = shared_embedder(settings, parameters)
    with ThreadPoolExecutor(1) as beside:
        loaded = beside.submit(load_apart, models, len(tasks))
        warm_up(embedder)
        loaded.result()
    return models, embedder


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


def _finish(connection: Connection, partition: Partition, filled: Filled, made_from: str, *, embed: bool) -> None:
    """Records what was made; a photo of which nothing is known leaves it incomplete, to be filled again."""
    key, complete = day_set(partition.event_day, partition.parameter_set), not filled.vanished
    filled.faces_version = store.faces_version(connection, partition)
    if embed:
        gone = store.photos_gone(connection)
        store.lock_sets(connection, *([] if gone else [partition.parameter_set]))
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
