"""The stream: each photo read and decoded once, results in order, one bad photo no trouble for the others."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box, Face
from facefind_pipeline.vision import pipeline
from facefind_pipeline.vision.arrays import Image as Pixels
from facefind_pipeline.vision.arrays import Vectors
from facefind_pipeline.vision.decode import DecodedPhoto, UnreadablePhotoError, decode_opened
from facefind_pipeline.vision.detectors import Effort
from facefind_pipeline.vision.opening import OpenedPhoto
from facefind_pipeline.vision.pipeline import PhotoFaces, PhotoTask, find_faces
from facefind_pipeline.vision.watched_process import LostPhotoError

# What each test replaces is in this process; `test_apart.py` has what other processes do.
pytestmark = pytest.mark.usefixtures("in_this_process")

SIDE = 24


class CornerDetector:
    """Finds a face in the top left corner of every photo whose first pixel is bright."""

    needs_grey = False

    def detect(self, photo: DecodedPhoto) -> list[Face]:
        assert photo.rgb is not None
        return [Face(Box(0, 0, SIDE, SIDE), 1.0)] if photo.rgb[0, 0].mean() > 100 else []

    def effort(self, size: tuple[int, int]) -> Effort:
        return Effort()


class MeanEmbedder:
    """A face's vector is its mean colour."""

    dimension, metric, needs_grey = 3, "l2", False

    def __init__(self) -> None:
        self.batches: list[int] = []

    def crop(self, photo: Pixels, face: Face) -> Pixels:
        return photo[: face.box.h, : face.box.w].copy()

    def embed(self, crops: Sequence[Pixels]) -> Vectors:
        self.batches.append(len(crops))
        return np.array([crop.reshape(-1, 3).mean(axis=0) for crop in crops], np.float32)

    def fingerprint(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True)
class Given:
    """Models that are at hand."""

    detector: Callable[[], CornerDetector] = CornerDetector
    cropper: MeanEmbedder | None = None

    def embedder(self) -> MeanEmbedder | None:
        return self.cropper


def found_in(
    tasks: Iterable[PhotoTask],
    detector: Callable[[], CornerDetector],
    embedder: MeanEmbedder | None,
    workers: int | None = None,
) -> Iterator[PhotoFaces]:
    return find_faces(tasks, Given(detector, embedder), embedder, workers)


@pytest.fixture
def tasks(tmp_path: Path) -> list[PhotoTask]:
    """A hundred photos, each of a grey of its own; every third too dark to have a face."""
    made = []
    for number in range(100):
        level = 20 if number % 3 == 0 else 120 + number
        file = tmp_path / f"{number:03d}.png"
        Image.new("RGB", (40, 30), (level, level, level)).save(file)
        made.append(PhotoTask(hashlib.sha256(file.read_bytes()).digest(), file))
    return made


def test_results_come_in_order_with_their_own_vectors(tasks: list[PhotoTask]) -> None:
    embedder = MeanEmbedder()
    results = list(found_in(tasks, CornerDetector, embedder, workers=3))
    assert [result.task for result in results] == tasks
    for number, result in enumerate(results):
        if number % 3 == 0:
            assert (result.faces, result.thumbnails, result.vectors) == ((), (), None)
        else:
            assert len(result.faces) == len(result.thumbnails) == 1
            np.testing.assert_allclose(result.vectors, [[120 + number] * 3])
    assert sum(embedder.batches) == 66
    assert len(embedder.batches) <= 10 + 2 * 3  # at the end each photo under way is one


def test_each_photo_is_decoded_once(tasks: list[PhotoTask], monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def counting(photo: OpenedPhoto, **wanted: bool) -> DecodedPhoto:
        decoded.append(photo)
        return decode_opened(photo, **wanted)

    monkeypatch.setattr(pipeline, "decode_opened", counting)
    list(found_in(tasks, CornerDetector, MeanEmbedder()))
    assert len(decoded) == len({id(photo) for photo in decoded}) == len(tasks)


@pytest.mark.parametrize("embedder", [None, MeanEmbedder()])
def test_few_photos_are_ahead_of_what_is_taken(tasks: list[PhotoTask], embedder: MeanEmbedder | None) -> None:
    taken, results = [], 0
    for _ in found_in((taken.append(task) or task for task in tasks), CornerDetector, embedder, workers=2):
        assert len(taken) - results <= 2 * 2 + pipeline.PHOTOS_WAITING + 1
        results += 1
    assert results == len(tasks)


def test_known_faces_are_embedded_and_not_detected_again(tasks: list[PhotoTask]) -> None:
    class NoDetector(CornerDetector):
        def detect(self, photo: DecodedPhoto) -> list[Face]:
            raise AssertionError("detected again")

    face = Face(Box(1, 2, 10, 10), 0.5)
    known = [PhotoTask(task.sha256, task.path, (face,)) for task in tasks[:5]]
    for result in found_in(known, NoDetector, MeanEmbedder()):
        assert result.faces == (face,)
        assert result.vectors is not None
        assert result.thumbnails == ()


def test_faces_are_described_with_what_was_detected_each_once(tasks: list[PhotoTask]) -> None:
    found = list(found_in(tasks[:3], CornerDetector, MeanEmbedder()))
    assert [result.described for result in found] == [result.faces for result in found]
    assert [len(result.clothes) for result in found] == [0, 1, 1]
    described = frozenset({found[1].faces[0].place})
    again = found_in([replace(task, have_clothes=described) for task in tasks[:3]], CornerDetector, MeanEmbedder())
    assert [(result.described, result.clothes) for result in again] == [((), ())] * 3


def test_clothes_of_known_faces_are_described_without_detecting_or_embedding(
    tasks: list[PhotoTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unused(CornerDetector, MeanEmbedder):
        def detect(self, photo: DecodedPhoto) -> list[Face]:
            raise AssertionError("detected again")

        def crop(self, photo: Pixels, face: Face) -> Pixels:
            raise AssertionError("embedded again")

    decoded: list[dict[str, bool]] = []
    monkeypatch.setattr(
        pipeline, "decode_opened", lambda photo, **wanted: decoded.append(wanted) or decode_opened(photo, **wanted)
    )
    face = Face(Box(10, 2, 8, 8), 0.5)
    known = [PhotoTask(task.sha256, task.path, (face,), frozenset({face.place})) for task in tasks[:5]]
    results = list(found_in(known, Unused, Unused()))
    assert [result.described for result in results] == [(face,)] * 5
    assert all(result.clothes[0] and result.vectors is None for result in results)
    assert decoded == [{"rgb": True, "grey": False}] * 5


def test_clothes_are_described_in_colour_where_detector_and_embedder_see_none(tmp_path: Path) -> None:
    class GreyDetector(CornerDetector):
        needs_grey = True

        def detect(self, photo: DecodedPhoto) -> list[Face]:
            assert photo.grey is not None
            return [Face(Box(8, 0, 8, 8), 1.0)]

    class GreyEmbedder(MeanEmbedder):
        needs_grey = True

    found = {}
    for colour in ("darkred", "navy"):
        file = tmp_path / f"{colour}.jpg"
        Image.new("RGB", (40, 40), colour).save(file)
        task = PhotoTask(hashlib.sha256(file.read_bytes()).digest(), file)
        (grey,) = found_in([task], GreyDetector, GreyEmbedder())
        (coloured,) = found_in([replace(task, known=grey.faces)], CornerDetector, MeanEmbedder())
        assert grey.clothes == coloured.clothes
        (found[colour],) = grey.clothes
    assert found["darkred"] != found["navy"]


def test_known_faces_of_a_photo_that_can_not_be_decoded_any_more_are_without_clothes(tmp_path: Path) -> None:
    file = tmp_path / "broken.jpg"
    file.write_text("no photo")
    face = Face(Box(10, 2, 8, 8), 0.5)
    task = PhotoTask(hashlib.sha256(file.read_bytes()).digest(), file, (face,), frozenset({face.place}))
    (result,) = found_in([task], CornerDetector, None)
    assert (result.described, result.clothes, result.embedding_problem) == ((face,), (None,), None)
    assert result.problem == "not an image"


def test_a_failure_in_clothes_costs_clothes_only(tasks: list[PhotoTask], monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(pixels: Pixels, faces: Sequence[Face]) -> list[bytes | None]:
        raise MemoryError

    monkeypatch.setattr(pipeline, "describe", failing)
    (found,) = found_in(tasks[1:2], CornerDetector, MeanEmbedder())
    assert (len(found.faces), len(found.thumbnails)) == (1, 1)
    assert found.vectors is not None
    assert (found.described, found.clothes) == ((), ())
    assert (found.problem, found.embedding_problem, found.failed) == (None, None, False)
    assert found.clothes_problem == "describing clothes failed: out of memory"


def test_a_photo_whose_colours_can_not_be_decoded_keeps_its_faces(
    tasks: list[PhotoTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_colours(photo: OpenedPhoto, *, rgb: bool, grey: bool) -> DecodedPhoto:
        if rgb:
            raise UnreadablePhotoError("truncated")
        return decode_opened(photo, rgb=rgb, grey=grey)

    class GreyDetector(CornerDetector):
        needs_grey = True

        def detect(self, photo: DecodedPhoto) -> list[Face]:
            return [Face(Box(0, 0, SIDE, SIDE), 1.0)]

    monkeypatch.setattr(pipeline, "decode_opened", without_colours)
    (found,) = found_in(tasks[1:2], GreyDetector, None)
    assert (len(found.faces), found.problem, found.described) == (1, None, ())
    assert found.clothes_problem == "describing clothes failed: truncated"


def test_clothes_of_known_faces_are_tried_again_where_decoding_failed(
    tasks: list[PhotoTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(photo: OpenedPhoto, *, rgb: bool, grey: bool) -> DecodedPhoto:
        raise RuntimeError

    monkeypatch.setattr(pipeline, "decode_opened", failing)
    face = Face(Box(10, 2, 8, 8), 0.5)
    (found,) = found_in([replace(tasks[1], known=(face,))], CornerDetector, MeanEmbedder())
    assert (found.faces, found.described, found.clothes, found.failed) == ((face,), (), (), True)


def test_a_face_that_has_a_vector_is_found_but_not_embedded(tasks: list[PhotoTask]) -> None:
    known, new = Face(Box(0, 0, SIDE, SIDE), 1.0), Face(Box(2, 2, SIDE // 2, SIDE // 2), 0.5)

    class TwoFaces(CornerDetector):
        def detect(self, photo: DecodedPhoto) -> list[Face]:
            return [known, new]

    other_score = replace(known, score=7.0)  # another detector's; the face is the same
    places = frozenset({(other_score.box, other_score.landmarks)})
    embedder = MeanEmbedder()
    for result in found_in([replace(task, have_vectors=places) for task in tasks[:3]], TwoFaces, embedder):
        assert result.faces == (known, new)
        assert len(result.thumbnails) == 2
        assert result.embedded == (new,)
        assert result.vectors is not None
        assert result.vectors.shape == (1, 3)
    assert sum(embedder.batches) == 3


def test_a_bad_photo_does_not_stop_the_others(tasks: list[PhotoTask]) -> None:
    gone, changed, broken = tasks[1], tasks[2], tasks[4]
    gone.path.unlink()
    changed.path.write_bytes(b"another content")
    content = broken.path.read_bytes()[:60]
    broken.path.write_bytes(content)
    tasks[4] = PhotoTask(hashlib.sha256(content).digest(), broken.path)
    results = list(found_in(tasks, CornerDetector, MeanEmbedder()))
    assert [n for n, result in enumerate(results) if result.vanished] == [1, 2]
    assert [n for n, result in enumerate(results) if result.problem] == [4]
    assert "truncated" in str(results[4].problem)
    assert sum(result.vectors is not None for result in results) == 63


class FailingDetector(CornerDetector):
    """Fails on the photos of some grey levels."""

    def __init__(self, errors: dict[int, Exception]) -> None:
        self._errors = errors

    def detect(self, photo: DecodedPhoto) -> list[Face]:
        assert photo.rgb is not None
        if error := self._errors.get(int(photo.rgb[0, 0, 0])):
            raise error
        return super().detect(photo)


class FailingEmbedder(MeanEmbedder):
    """Fails on any batch with a crop of some grey level, and on the crop of another."""

    def crop(self, photo: Pixels, face: Face) -> Pixels:
        if photo[0, 0, 0] == 122:
            raise RuntimeError("no landmarks\nat line 7")
        return super().crop(photo, face)

    def embed(self, crops: Sequence[Pixels]) -> Vectors:
        if any(crop[0, 0, 0] == 124 for crop in crops):
            raise MemoryError
        return super().embed(crops)


def _allocation_error() -> cv2.error:
    """OpenCV's own, by asking for more than there is."""
    with pytest.raises(cv2.error) as raised:
        cv2.resize(np.zeros((1, 1), np.uint8), (2**31 - 2, 2**30))
    return raised.value


def test_an_exception_on_one_photo_is_that_photos_problem(tasks: list[PhotoTask]) -> None:
    errors = {121: MemoryError(), 125: _allocation_error(), 131: RuntimeError("bad\nluck")}
    results = list(found_in(tasks, lambda: FailingDetector(errors), FailingEmbedder()))
    assert [result.task for result in results] == tasks
    assert {number: result.problem for number, result in enumerate(results) if result.problem} == {
        1: "decoding or detecting failed: out of memory",
        4: "embedding failed: out of memory",
        5: "decoding or detecting failed: out of memory",
        11: "decoding or detecting failed: bad",
    }
    assert [n for n, result in enumerate(results) if result.vanished] == [1, 4, 5]  # the next run tries them again
    problems = {n: result.embedding_problem for n, result in enumerate(results) if result.embedding_problem}
    assert problems == {2: "embedding failed: no landmarks"}
    assert [n for n, result in enumerate(results) if result.failed] == [1, 2, 4, 5, 11]
    for number in problems:
        assert (len(results[number].faces), len(results[number].thumbnails)) == (1, 1)
        assert results[number].vectors is None
    assert sum(result.vectors is not None for result in results) == 66 - 5


@pytest.mark.parametrize("known", [None, (Face(Box(0, 0, SIDE, SIDE), 1.0),)])
def test_of_a_photo_that_the_machine_ended_nothing_is_known(
    known: tuple[Face, ...] | None, tasks: list[PhotoTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    def apart(function: Callable[..., object], *arguments: object) -> object:
        if arguments[0] == tasks[1]:
            raise LostPhotoError("crashed (Killed)", by_machine=True)
        return function(*arguments)

    tasks = [replace(task, known=known) for task in tasks[:3]]
    monkeypatch.setattr(pipeline, "apart", apart)
    lost = list(found_in(tasks, CornerDetector, MeanEmbedder()))[1]
    assert lost == PhotoFaces(
        tasks[1], problem="decoding or detecting failed: crashed (Killed)", failed=True, vanished=True
    )


def test_a_missing_model_is_nobodys_photo(tasks: list[PhotoTask]) -> None:
    class WithoutModel(MeanEmbedder):
        def embed(self, crops: Sequence[Pixels]) -> Vectors:
            raise FacefindError("fetch it")

    with pytest.raises(FacefindError, match="fetch it"):
        list(found_in(tasks, CornerDetector, WithoutModel()))
