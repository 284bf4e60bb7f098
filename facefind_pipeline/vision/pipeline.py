"""The stream from photo files to faces, clothes and vectors. The caller stores.

Processes apart read, decode, detect, describe and crop; this one embeds the crops, with one copy of the network. Each
photo is read and decoded once. At most a few photos per core are under way, whatever the event's size.
"""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Face, Place
from facefind_pipeline.vision.apart import apart, cores
from facefind_pipeline.vision.arrays import Image, Vectors
from facefind_pipeline.vision.clothes import describe
from facefind_pipeline.vision.decode import DecodedPhoto, decode_opened, require_memory
from facefind_pipeline.vision.detectors import Detector, Effort
from facefind_pipeline.vision.embedders import Embedder
from facefind_pipeline.vision.failures import OUT_OF_MEMORY, UnreadablePhotoError, reason
from facefind_pipeline.vision.memory import read_whole
from facefind_pipeline.vision.opening import OpenedPhoto, open_photo
from facefind_pipeline.vision.sheet import thumbnail
from facefind_pipeline.vision.watched_process import LostPhotoError

__all__ = ["Models", "PhotoFaces", "PhotoTask", "cores", "find_faces", "load"]

EMBEDDING_BATCH = 16  # faces; the dlib network gains 2 % above it, and small batches spread over the workers
SETS_LOADED = 2  # whose detectors stay in a process
PHOTOS_WAITING = 10  # at most in a batch, whatever few faces they have: so soon results are reported and stored


@dataclass(frozen=True, slots=True)
class PhotoTask:
    """A photo to work on: detect its faces, or embed those that are known and describe their clothes.

    Attributes:
        sha256: the content that is expected.
        path: one file that holds it.
        known: faces that still need a vector or a descriptor of their clothes, or None to detect.
        have_vectors: box and landmarks of faces that need no vector, should the detector find them: another did before.
        have_clothes: of those that need no descriptor.
    """

    sha256: bytes
    path: Path
    known: tuple[Face, ...] | None = None
    have_vectors: Set[Place] = frozenset()
    have_clothes: Set[Place] = frozenset()

    def to_embed(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """Those of the photo's faces that need a vector."""
        return tuple(face for face in faces if face.place not in self.have_vectors)

    def to_describe(self, faces: Sequence[Face]) -> tuple[Face, ...]:
        """Those of the photo's faces that need a descriptor of their clothes."""
        return tuple(face for face in faces if face.place not in self.have_clothes)


@dataclass(frozen=True, slots=True)
class PhotoFaces:
    """What became of a task.

    Attributes:
        faces: detected, or those that were known.
        thumbnails: a JPEG a face; empty where the faces were known.
        embedded: the faces that the vectors are of, in their order.
        vectors: (embedded, d), or None where nothing was to embed.
        described: the faces that the descriptors are of, in their order.
        clothes: their descriptors; None where no body is visible.
        detection_seconds: of the detector alone.
        problem: why the pixels could not be read, or how the detector failed; such a photo has no faces, or where they
            were known no clothes.
        embedding_problem: why the faces could not be embedded; such a photo has no vectors.
        clothes_problem: why the clothes alone could not be described; such a photo has no descriptors.
        failed: whether one of the first two was an exception of a library, which may be the machine's fault and not the
            photo's. Where faces were known, they are without descriptors then.
        vanished: nothing is known of the photo: the file is gone or holds another content, or the machine ended what
            worked on it or gave it no memory; `problem` says so then.
    """

    task: PhotoTask
    faces: tuple[Face, ...] = ()
    thumbnails: tuple[bytes, ...] = ()
    embedded: tuple[Face, ...] = ()
    vectors: Vectors | None = None
    described: tuple[Face, ...] = ()
    clothes: tuple[bytes | None, ...] = ()
    detection_seconds: float = 0.0
    problem: str | None = None
    embedding_problem: str | None = None
    clothes_problem: str | None = None
    failed: bool = False
    vanished: bool = False


@dataclass(slots=True)
class _Work:
    result: PhotoFaces
    crops: list[Image] = field(default_factory=list)


class Models(Protocol):
    """What a process loads to work on photos: hashed, compared and pickled by what it names, not by what it loads."""

    def detector(self) -> Detector:
        """A detector for one thread.

        Raises:
            FacefindError: its file is missing.
        """
        ...

    def embedder(self) -> Embedder | None:
        """The embedder, of which only `crop` is called; None to detect only.

        Raises:
            FacefindError: it is not there.
        """
        ...


def find_faces(
    tasks: Iterable[PhotoTask], models: Models, embedder: Embedder | None, workers: int | None = None
) -> Iterator[PhotoFaces]:
    """Works the tasks off, in their order.

    As many threads as cores wait for a photo that a process apart works on, or embed a batch of crops, and what runs
    uses one thread: so the cores are busy and nothing fights over them.

    Args:
        tasks: taken one by one, at most two a worker and `PHOTOS_WAITING` ahead of what is yielded.
        models: by which faces are detected and cropped.
        embedder: of the crops, in this process; None to detect only.
        workers: threads, `cores()` by default; the libraries release the GIL in all heavy parts.

    Raises:
        FacefindError: a model is missing, or the processes crash whatever the photo.
    """
    workers = workers or cores()
    photos: deque[Future[_Work]] = deque()
    batches: deque[Future[list[PhotoFaces]]] = deque()
    waiting: list[_Work] = []
    ahead = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="faces") as pool:
        try:
            for task in tasks:
                photos.append(pool.submit(_work_apart, task, models))
                ahead += 1
                if len(photos) > 2 * workers:
                    waiting.append(photos.popleft().result())
                    if _is_batch(waiting, embedder):
                        batches.append(pool.submit(_embed, waiting, embedder))
                        waiting = []
                while batches and (batches[0].done() or ahead > 2 * workers + PHOTOS_WAITING):
                    results = batches.popleft().result()
                    ahead -= len(results)
                    yield from results
            for photo in photos:
                waiting.append(photo.result())
                if _is_batch(waiting, embedder):
                    batches.append(pool.submit(_embed, waiting, embedder))
                    waiting = []
            batches.append(pool.submit(_embed, waiting, embedder))
            for batch in batches:
                yield from batch.result()
        finally:
            pool.shutdown(cancel_futures=True)


def load(models: Models) -> None:
    """Loads what finds and crops faces, for the thread that calls it.

    Raises:
        FacefindError: a file is missing.
    """
    _worker(models)


def _is_batch(waiting: list[_Work], embedder: Embedder | None) -> bool:
    """Whether enough faces wait, or so many photos with few that their results should go out."""
    faces = sum(len(work.crops) for work in waiting)
    return embedder is None or faces >= EMBEDDING_BATCH or len(waiting) >= PHOTOS_WAITING


def _embed(waiting: list[_Work], embedder: Embedder | None) -> list[PhotoFaces]:
    crops = [crop for work in waiting for crop in work.crops]
    try:
        vectors = embedder.embed(crops) if embedder is not None and crops else None
    except FacefindError:
        raise
    except Exception as error:  # noqa: BLE001 - onnxruntime's and dlib's errors have no common class but this
        if len(waiting) == 1:
            return [_not_embedded(waiting[0].result, error)]
        return [result for work in waiting for result in _embed([work], embedder)]
    results, start = [], 0
    for work in waiting:
        end = start + len(work.crops)
        results.append(
            replace(work.result, vectors=vectors[start:end] if vectors is not None and end > start else None)
        )
        start = end
    return results


def _not_embedded(result: PhotoFaces, error: Exception) -> PhotoFaces:
    why = reason(error)
    problem = f"embedding failed: {why}"
    if why == OUT_OF_MEMORY:
        return _by_machine(result.task, problem)
    return replace(result, embedded=(), embedding_problem=problem, failed=True)


def _detect(task: PhotoTask, detector: Detector, photo: DecodedPhoto) -> PhotoFaces:
    started = time.perf_counter()
    faces = tuple(detector.detect(photo))
    seconds = time.perf_counter() - started
    pixels = photo.rgb if photo.rgb is not None else photo.grey
    assert pixels is not None
    return PhotoFaces(task, faces, tuple(thumbnail(pixels, face.box) for face in faces), detection_seconds=seconds)


def _crop(embedder: Embedder, photo: DecodedPhoto, result: PhotoFaces) -> _Work:
    source = photo.grey if embedder.needs_grey else photo.rgb
    assert source is not None
    new = result.task.to_embed(result.faces)
    try:
        return _Work(replace(result, embedded=new), [embedder.crop(source, face) for face in new])
    except FacefindError:
        raise
    except Exception as error:  # noqa: BLE001 - as in `_Worker.work`
        return _Work(_not_embedded(result, error))


def _describe(photo: DecodedPhoto, opened: OpenedPhoto, result: PhotoFaces) -> PhotoFaces:
    """The clothes of faces that lack a descriptor, in colour whatever the set's detector and embedder see.

    A failure costs no more than these: the faces stay ones to describe.
    """
    faces = result.task.to_describe(result.faces)
    if not faces:
        return result
    try:
        pixels = photo.rgb if photo.rgb is not None else decode_opened(opened, rgb=True, grey=False).rgb
        assert pixels is not None
        return replace(result, described=faces, clothes=tuple(describe(pixels, faces)))
    except FacefindError:
        raise
    except Exception as error:  # noqa: BLE001 - as in `_Worker.work`
        return replace(result, clothes_problem=f"describing clothes failed: {reason(error)}")


def _by_machine(task: PhotoTask, problem: str) -> PhotoFaces:
    """A photo that the machine had no means for: nothing is known of it, and the next run tries it again."""
    return PhotoFaces(task, problem=problem, failed=True, vanished=True)


def _unusable(task: PhotoTask, problem: str, *, failed: bool = False) -> PhotoFaces:
    """A photo without faces; or, where they were known, without vectors and clothes.

    What failed may be the machine's fault: then clothes are not called invisible, but tried again.
    """
    if task.known is None:
        return PhotoFaces(task, problem=problem, failed=failed)
    without_clothes = () if failed else task.to_describe(task.known)
    to_embed = bool(task.to_embed(task.known))
    return PhotoFaces(
        task,
        task.known,
        described=without_clothes,
        clothes=(None,) * len(without_clothes),
        problem=None if to_embed else problem,
        embedding_problem=problem if to_embed else None,
        failed=failed,
    )


def _decode(photo: OpenedPhoto, *parts: Detector | Embedder | None) -> DecodedPhoto:
    """What the parts that are to work on a photo need of it; its colours if there are none."""
    needs = {part.needs_grey for part in parts if part is not None} or {False}
    return decode_opened(photo, rgb=False in needs, grey=True in needs)


def _work_apart(task: PhotoTask, models: Models) -> _Work:
    try:
        return apart(_work, task, models)
    except LostPhotoError as error:
        problem = f"decoding or detecting failed: {error}"
        lost = _Work(_by_machine(task, problem) if error.by_machine else _unusable(task, problem))
    try:
        apart(load, models)
    except LostPhotoError as error:
        want = ", most often for want of memory" if error.by_machine else ""
        raise FacefindError(
            f"photos can't be worked on: {error}, before it had one{want}; what was done is kept, and "
            "`facefind doctor` may say what this machine lacks"
        ) from None
    return lost


def _work(task: PhotoTask, models: Models) -> _Work:
    return _worker(models).work(task)


_loaded = threading.local()


def _worker(models: Models) -> "_Worker":
    workers: dict[Models, _Worker] = _loaded.__dict__.setdefault("workers", {})
    worker = workers.pop(models, None) or _Worker(models)
    while len(workers) >= SETS_LOADED:
        del workers[next(iter(workers))]
    workers[models] = worker
    return worker


class _Worker:
    """What one thread works on photos with."""

    def __init__(self, models: Models) -> None:
        self._detector = models.detector()
        self._embedder = models.embedder()

    def work(self, task: PhotoTask) -> _Work:
        try:
            with task.path.open("rb") as file:
                data = read_whole(file)
        except OSError:
            return _Work(PhotoFaces(task, vanished=True))
        except UnreadablePhotoError as error:
            return _Work(_unusable(task, str(error)))
        if hashlib.sha256(data).digest() != task.sha256:
            return _Work(PhotoFaces(task, vanished=True))
        detector = self._detector if task.known is None else None
        embedder = self._embedder if task.known is None or task.to_embed(task.known) else None
        try:
            opened = open_photo(data)
            effort = detector.effort(opened.size) if detector is not None else Effort()
            require_memory(opened, working=effort.memory, seconds=effort.seconds)
            photo = _decode(opened, detector, embedder)
            result = PhotoFaces(task, task.known or ()) if detector is None else _detect(task, detector, photo)
            result = _describe(photo, opened, result)
        except UnreadablePhotoError as error:
            return _Work(_unusable(task, str(error)))
        except FacefindError:
            raise
        except Exception as error:  # noqa: BLE001 - cv2.error, RuntimeError of dlib, MemoryError and what else there is
            why = reason(error)
            problem = f"decoding or detecting failed: {why}"
            return _Work(_by_machine(task, problem) if why == OUT_OF_MEMORY else _unusable(task, problem, failed=True))
        return _Work(result) if embedder is None else _crop(embedder, photo, result)
