"""The stream from photo files to faces, clothes and vectors. The caller stores.

Processes apart read, decode, detect, describe and crop; this one embeds the crops, with one copy of the network. Each
photo is read and decoded once, also where it is detected for several sets. At most a few photos per core are under way,
whatever the event's size.
"""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.vision.apart import apart, cores, in_each
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.clothes import describe
from facefind_pipeline.vision.decode import DecodedPhoto, decode_opened, require_memory
from facefind_pipeline.vision.detectors import Detector, Effort
from facefind_pipeline.vision.embedders import Embedder
from facefind_pipeline.vision.failures import OUT_OF_MEMORY, UnreadablePhotoError, reason
from facefind_pipeline.vision.memory import read_whole
from facefind_pipeline.vision.opening import OpenedPhoto, open_photo
from facefind_pipeline.vision.photo_tasks import Models, PhotoFaces, PhotoTask, TaskAhead
from facefind_pipeline.vision.sheet import thumbnail
from facefind_pipeline.vision.watched_process import LostPhotoError

__all__ = ["Models", "PhotoFaces", "PhotoTask", "TaskAhead", "cores", "find_faces", "load", "load_apart"]

EMBEDDING_BATCH = 16  # faces; the dlib network gains 2 % above it, and small batches spread over the workers
SETS_AT_ONCE = 6  # whose detectors work on a photo in one pass, at most: they all stay in a process
AHEAD_BYTES = 1 << 30  # that detectors ahead may take together in a process, and keep; Haar's take up to so much each
LOSSES_AHEAD = 3  # photos whose process was lost with sets ahead, after which these are left to their own runs
PHOTOS_WAITING = 10  # at most in a batch, whatever few faces they have: so soon results are reported and stored


@dataclass(slots=True)
class _Work:
    result: PhotoFaces
    crops: list[Image] = field(default_factory=list)
    ahead: dict[str, "_Work"] = field(default_factory=dict)

    @property
    def parts(self) -> "list[_Work]":
        return [self, *self.ahead.values()]


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
    lost: list[PhotoTask] = []
    under_way = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="faces") as pool:
        try:
            for task in tasks:
                photos.append(pool.submit(_work_apart, task, models, lost))
                under_way += 1
                if len(photos) > 2 * workers:
                    waiting.append(photos.popleft().result())
                    if _is_batch(waiting, embedder):
                        batches.append(pool.submit(_embed, waiting, embedder))
                        waiting = []
                while batches and (batches[0].done() or under_way > 2 * workers + PHOTOS_WAITING):
                    results = batches.popleft().result()
                    under_way -= len(results)
                    yield from results
            for photo in photos:  # at the end in small batches, so that no core waits for another's large one
                waiting.append(photo.result())
                batches.append(pool.submit(_embed, waiting, embedder))
                waiting = []
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


def load_apart(models: Models, photos: int) -> None:
    """Has as many processes as so many photos keep busy load what finds and crops faces, all at once."""
    in_each(min(photos, cores()), load, models)


def _is_batch(waiting: list[_Work], embedder: Embedder | None) -> bool:
    """Whether enough faces wait, or so many photos with few that their results should go out."""
    faces = sum(len(part.crops) for work in waiting for part in work.parts)
    return embedder is None or faces >= EMBEDDING_BATCH or len(waiting) >= PHOTOS_WAITING


def _embed(waiting: list[_Work], embedder: Embedder | None) -> list[PhotoFaces]:
    embedded = iter(_embed_parts([part for work in waiting for part in work.parts], embedder))
    return [replace(next(embedded), ahead={key: next(embedded) for key in work.ahead}) for work in waiting]


def _embed_parts(parts: list[_Work], embedder: Embedder | None) -> list[PhotoFaces]:
    crops = [crop for part in parts for crop in part.crops]
    try:
        vectors = embedder.embed(crops) if embedder is not None and crops else None
    except FacefindError:
        raise
    except Exception as error:  # noqa: BLE001 - onnxruntime's and dlib's errors have no common class but this
        if len(parts) == 1:
            return [_not_embedded(parts[0].result, error)]
        return [result for part in parts for result in _embed_parts([part], embedder)]
    results, start = [], 0
    for part in parts:
        end = start + len(part.crops)
        results.append(
            replace(part.result, vectors=vectors[start:end] if vectors is not None and end > start else None)
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


def _describe(pixels: "_Pixels", result: PhotoFaces) -> PhotoFaces:
    """The clothes of faces that lack a descriptor, in colour whatever the set's detector and embedder see.

    A failure costs no more than these: the faces stay ones to describe.
    """
    faces = result.task.to_describe(result.faces)
    if not faces:
        return result
    try:
        return replace(result, described=faces, clothes=tuple(describe(pixels.colours(), faces)))
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


class _Pixels:
    """A photo's pixels: what the parts that are to work on it need; its colours if there are none, and for clothes."""

    def __init__(self, opened: OpenedPhoto, *parts: Detector | Embedder | None) -> None:
        self._opened = opened
        self._decoded = _decode(opened, *parts)

    def seen_by(self, *parts: Detector | Embedder | None) -> DecodedPhoto:
        """What these see, as if nobody else needed more."""
        rgb, grey = _channels(*parts)
        return replace(self._decoded, rgb=self._decoded.rgb if rgb else None, grey=self._decoded.grey if grey else None)

    def colours(self) -> Image:
        if self._decoded.rgb is None:
            self._decoded = replace(self._decoded, rgb=decode_opened(self._opened, rgb=True, grey=False).rgb)
        assert self._decoded.rgb is not None
        return self._decoded.rgb


def _channels(*parts: Detector | Embedder | None) -> tuple[bool, bool]:
    """Whether the parts need colours, and whether grey; colours if there are none."""
    needs = {part.needs_grey for part in parts if part is not None} or {False}
    return False in needs, True in needs


def _decode(photo: OpenedPhoto, *parts: Detector | Embedder | None) -> DecodedPhoto:
    rgb, grey = _channels(*parts)
    return decode_opened(photo, rgb=rgb, grey=grey)


def _work_apart(task: PhotoTask, models: Models, lost_ahead: list[PhotoTask]) -> _Work:
    if task.ahead and len(lost_ahead) >= LOSSES_AHEAD:
        task = replace(task, ahead=())
    try:
        return apart(_work, task, models)
    except LostPhotoError as error:
        if task.ahead:  # whose detectors may have done that
            alone = _work_apart(replace(task, ahead=()), models, lost_ahead)
            if alone.result.problem is None:
                lost_ahead.append(task)
            return alone
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
    while len(workers) >= SETS_AT_ONCE:
        del workers[next(iter(workers))]
    workers[models] = worker
    return worker


class _Worker:
    """What one thread works on photos with."""

    def __init__(self, models: Models) -> None:
        self.detector = models.detector()
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
        detector = self.detector if task.known is None else None
        embedder = self._embedder if task.known is None or task.to_embed(task.known) else None
        try:
            opened = open_photo(data)
            ahead, effort = _detectors_ahead(task.ahead, opened.size)
            if detector is not None:
                effort += detector.effort(opened.size)
            require_memory(opened, working=effort.memory, seconds=effort.seconds)
            try:
                others = [part for _, part in ahead]
                pixels = _Pixels(opened, detector, embedder, *others, self._embedder if others else None)
            except Exception:
                if not ahead:
                    raise
                ahead, pixels = [], _Pixels(opened, detector, embedder)
            work = _find(task, pixels, detector, embedder)
        except UnreadablePhotoError as error:
            return _Work(_unusable(task, str(error)))
        except FacefindError:
            raise
        except Exception as error:  # noqa: BLE001 - cv2.error, RuntimeError of dlib, MemoryError and what else there is
            why = reason(error)
            problem = f"decoding or detecting failed: {why}"
            return _Work(_by_machine(task, problem) if why == OUT_OF_MEMORY else _unusable(task, problem, failed=True))
        for other, its_detector in ahead:
            with suppress(Exception):  # its own run will meet that again, and say so
                work.ahead[other.parameter_set] = _find(
                    _task_ahead(task, other, work.parts), pixels, its_detector, self._embedder
                )
        return work


def _detectors_ahead(
    ahead: Iterable[TaskAhead], size: tuple[int, int]
) -> tuple[list[tuple[TaskAhead, Detector]], Effort]:
    """Those that can be loaded and that there is room for, and what a photo of this size takes of them together."""
    detectors: list[tuple[TaskAhead, Detector]] = []
    together = Effort()
    for other in ahead:
        with suppress(Exception):  # as above
            detector = _worker(other.models).detector
            more = together + detector.effort(size)
            if more.memory <= AHEAD_BYTES:
                detectors.append((other, detector))
                together = more
    return detectors, together


def _task_ahead(task: PhotoTask, other: TaskAhead, done: Sequence[_Work]) -> PhotoTask:
    """The photo's task for another set: what was found for sets before it needs no second vector or descriptor."""
    return PhotoTask(
        task.sha256,
        task.path,
        have_vectors=other.have_vectors | {face.place for one in done for face in one.result.embedded},
        have_clothes=other.have_clothes | {face.place for one in done for face in one.result.described},
    )


def _find(task: PhotoTask, pixels: _Pixels, detector: Detector | None, embedder: Embedder | None) -> _Work:
    photo = pixels.seen_by(detector, embedder)
    result = PhotoFaces(task, task.known or ()) if detector is None else _detect(task, detector, photo)
    result = _describe(pixels, result)
    return _Work(result) if embedder is None else _crop(embedder, photo, result)
