"""Turned faces: found, boxed and aligned at any angle; upright photos are searched as if nobody ever lay down."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facefind_pipeline.faces import Face
from facefind_pipeline.parameters import DlibSettings, ParameterSet
from facefind_pipeline.vision.arrays import Image as Pixels
from facefind_pipeline.vision.decode import DecodedPhoto
from facefind_pipeline.vision.detectors import Detector, load_detector
from facefind_pipeline.vision.embedders import Embedder, load_embedder
from facefind_pipeline.vision.turned import PATCH, look_all_round, tilt, turn_rows
from facefind_pipeline.vision.yunet import Floats
from facefind_pipeline_tests.conftest import Portraits, turned_portrait

LEVEL_FACE = ((3.0, 4.0), (7.0, 4.0), (5.0, 6.0), (4.0, 8.0), (6.0, 8.0))


@pytest.fixture(scope="module")
def detector(models: Path) -> Detector:
    return load_detector(ParameterSet.parse("recommended").detector, models)


@pytest.fixture(scope="module")
def embedder(network_cache: Path) -> Embedder:
    return load_embedder(DlibSettings(), models=Path("unused"), derived=network_cache, clip_model=None)


def _faces(detector: Detector, image: Image.Image) -> tuple[Pixels, list[Face]]:
    rgb = np.asarray(image)
    return rgb, detector.detect(DecodedPhoto(rgb, None))


@pytest.mark.parametrize("who", ["hopper", "collins"])
def test_a_portrait_in_24_turns_lies_near_the_upright_one(
    who: str, portraits: Portraits, detector: Detector, embedder: Embedder
) -> None:
    portrait = getattr(portraits, who)
    distances = {}
    rgb, faces = _faces(detector, turned_portrait(portrait, 0))
    upright = embedder.embed([embedder.crop(rgb, max(faces, key=lambda face: face.score))])[0]
    for degrees in range(15, 360, 15):
        rgb, faces = _faces(detector, turned_portrait(portrait, degrees))
        vectors = embedder.embed([embedder.crop(rgb, face) for face in faces])
        distances[degrees] = min(np.linalg.norm(vectors - upright, axis=1), default=9.0)
    assert max(distances.values()) < 0.3, distances


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_photo_on_its_side_gives_the_faces_of_the_upright_one(
    turn: int, portraits: Portraits, detector: Detector
) -> None:
    rgb, upright = _faces(detector, portraits.together())
    _, turned = _faces(detector, Image.fromarray(np.rot90(rgb, turn)))
    surest = sorted(upright, key=lambda face: -face.score)[:2]
    for face in surest:
        rows = np.array([[*face.box, *np.ravel(face.landmarks or ()), face.score]])
        (x, y, w, h, *_), *_ = turn_rows(rows, turn, rgb.shape)
        near = [f for f in turned if abs(f.box.x - x) < w / 4 and abs(f.box.y - y) < h / 4 and abs(f.box.w - w) < w / 4]
        assert len(near) == 1
        assert near[0].landmarks is not None
        assert abs((tilt(near[0].landmarks) + 90 * turn + 180) % 360 - 180) < 20


@given(
    turn=st.integers(-4, 8),
    x=st.integers(0, 20),
    y=st.integers(0, 30),
    w=st.integers(1, 10),
    h=st.integers(1, 10),
)
def test_boxes_and_landmarks_turn_as_pixels_do(turn: int, x: int, y: int, w: int, h: int) -> None:
    photo = np.zeros((40, 30), np.uint8)
    photo[y : y + h, x : x + w] = 1
    rows = np.array([[x, y, w, h, *([x, y] * 5), 0.9]], float)
    ((left, top, width, height, *points, score),) = turn_rows(rows, turn, photo.shape)
    lines, columns = np.nonzero(np.rot90(photo, turn))
    assert (left, top) == (columns.min(), lines.min())
    assert (left + width, top + height) == (columns.max() + 1, lines.max() + 1)
    assert points[0] in (left, left + width)
    assert points[1] in (top, top + height)
    assert score == 0.9


@pytest.mark.parametrize("turn", range(4))
def test_tilt_is_counted_clockwise_from_the_upright_face(turn: int) -> None:
    rows = np.array([[0, 0, 10, 10, *np.ravel(LEVEL_FACE), 0.9]])
    turned = turn_rows(rows, -turn, (10, 10))[0, 4:14].reshape(5, 2)
    assert (tilt(tuple(map(tuple, turned))) - 90 * turn) % 360 == pytest.approx(0)


def _rows(*scores: float) -> Floats:
    return np.array([[20.0 + 60 * n, 20, 30, 40, *np.ravel(LEVEL_FACE), score] for n, score in enumerate(scores)])


def test_a_photo_of_surely_upright_faces_is_searched_once() -> None:
    looks: list[tuple[int, ...]] = []

    def look(rgb: Pixels) -> Floats:
        looks.append(rgb.shape)
        return _rows(0.93, 0.91)

    def find(rgb: Pixels) -> Floats:
        raise AssertionError("no patch is looked at")

    rgb = np.zeros((100, 200, 3), np.uint8)
    np.testing.assert_array_equal(look_all_round(look, find, rgb, lambda: rgb), _rows(0.93, 0.91))
    assert looks == [rgb.shape]


def _patch_row(number: int, score: float) -> Floats:
    """A face in the middle of one of the eight patches."""
    return np.array([[(number + 0.25) * PATCH, PATCH / 4, PATCH / 2, PATCH / 2, *np.ravel(LEVEL_FACE), score]])


@pytest.mark.parametrize(("number", "score"), [(0, 0.7), (2, 0.75)])
def test_a_doubtful_face_that_is_not_surer_turned_stays_as_it_was_found(number: int, score: float) -> None:
    patches: list[tuple[int, ...]] = []

    def find(picture: Pixels) -> Floats:
        patches.append(picture.shape)
        return _patch_row(number, score)

    rgb = np.zeros((100, 200, 3), np.uint8)
    rows = look_all_round(lambda rgb: _rows(0.93, 0.65), find, rgb, lambda: rgb)
    np.testing.assert_array_equal(rows, _rows(0.93, 0.65))
    assert patches == [(PATCH, 8 * PATCH, 3)]


@pytest.mark.parametrize(("score", "kept"), [(0.7, False), (0.85, True)])
def test_what_scores_low_in_another_turn_than_the_photos_own_is_dropped(score: float, kept: bool) -> None:
    def look(rgb: Pixels) -> Floats:
        return _rows(0.93, 0.65) if rgb.shape == (100, 200, 3) else _rows(0, 0, score)[2:]

    patches = iter([_patch_row(2, 0.86)])  # a quarter turn: the doubtful face makes the photo be searched in it

    def find(picture: Pixels) -> Floats:
        return next(patches, np.empty((0, 15)))

    rgb = np.zeros((100, 200, 3), np.uint8)
    scores = look_all_round(look, find, rgb, lambda: rgb)[:, 14]
    assert 0.93 in scores
    assert (score in scores) is kept


def test_a_photo_without_faces_is_searched_only_in_the_turns_that_promise_some() -> None:
    looks: list[tuple[int, ...]] = []

    def look(rgb: Pixels) -> Floats:
        looks.append(rgb.shape)
        return _rows(0.93, 0.93) if rgb.shape[0] > rgb.shape[1] else np.empty((0, 15))

    def find(probe: Pixels) -> Floats:
        return _rows(0.9, 0.9) if probe[0, 0, 0] else np.empty((0, 15))

    rgb, probe = np.zeros((100, 200, 3), np.uint8), np.zeros((50, 100, 3), np.uint8)
    assert len(look_all_round(look, find, rgb, lambda: probe)) == 0
    assert looks == [(100, 200, 3)]
    probe[0, -1] = 255  # in the corner that a quarter turn brings to the top left
    assert len(look_all_round(look, find, rgb, lambda: probe)) == 2
    assert looks[1:] == [(100, 200, 3), (200, 100, 3)]
