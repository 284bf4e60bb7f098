"""YuNet on onnxruntime: the faces that OpenCV's FaceDetectorYN finds, and OpenCV itself where that can't be had."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image as Pillow

from facefind_pipeline.vision import yunet
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.models import YUNET
from facefind_pipeline.vision.sessions import open_session
from facefind_pipeline.vision.yunet import Floats, load_yunet, suppress, to_blob
from facefind_pipeline_tests.conftest import Portraits

MODEL = YUNET.require(Path())  # the package's
NOTHING = np.empty((0, 15), np.float32)


def opencvs(rgb: Image, score_threshold: float, nms_threshold: float = 0.3) -> Floats:
    """What FaceDetectorYN says of the photo."""
    size = (rgb.shape[1], rgb.shape[0])
    detector = cv2.FaceDetectorYN.create(str(MODEL), "", size, score_threshold, nms_threshold)
    _, rows = detector.detect(rgb[:, :, ::-1].copy())
    return NOTHING if rows is None else np.asarray(rows, np.float32)


@pytest.mark.parametrize("size", [(1024, 600), (1000, 611), (333, 200), (600, 1024)])
@pytest.mark.parametrize(("score", "overlap"), [(0.6, 0.3), (0.05, 0.3), (0.05, 0.9)])
def test_faces_are_those_of_opencv(
    portraits: Portraits, size: tuple[int, int], score: float, overlap: float, caplog: pytest.LogCaptureFixture
) -> None:
    photo = np.asarray(portraits.together().resize(size))
    expected = opencvs(photo, score, overlap)
    assert len(expected) >= 2
    np.testing.assert_allclose(load_yunet(MODEL, score, overlap)(photo), expected, rtol=0, atol=0.01)
    assert caplog.records == []  # or OpenCV would have been compared with itself


def test_a_photo_without_faces_has_none() -> None:
    assert load_yunet(MODEL, 0.6, 0.3)(np.zeros((200, 300, 3), np.uint8)).shape == (0, 15)


def test_a_network_that_differs_from_opencvs_is_refused() -> None:
    import onnx

    changed = onnx.load(MODEL)
    bias = next(w for w in changed.graph.initializer if w.name == "bbox_head.multi_level_obj.0.conv2.bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.array([0.5], np.float32), bias.name))
    session = open_session(yunet.with_any_size(changed.SerializeToString()))
    with pytest.raises(ValueError, match="differ from OpenCV's"):
        yunet.compare_with_opencv(session, MODEL)


def test_opencv_takes_over_with_a_warning(
    portraits: Portraits, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yunet, "TOLERANCE", -1)
    copy = tmp_path / "yunet.onnx"  # the session of a path is made and checked once
    copy.write_bytes(MODEL.read_bytes())
    photo = np.asarray(portraits.together())
    find = load_yunet(copy, 0.6, 0.3)
    assert [(record.levelno, "YuNet runs in OpenCV" in record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, True)
    ]
    np.testing.assert_array_equal(find(photo), opencvs(photo, 0.6))
    assert find(np.zeros((64, 64, 3), np.uint8)).shape == (0, 15)


def test_the_network_sees_blue_green_red_and_black_borders() -> None:
    photo = np.asarray(Pillow.new("RGB", (33, 20), (10, 20, 30)))
    blob = to_blob(photo)
    assert blob.shape == (1, 3, 32, 64)
    assert blob[0, :, 19, 32].tolist() == [30, 20, 10]
    assert not blob[0, :, 20:].any()
    assert not blob[0, :, :, 33:].any()


@given(arrays(np.float32, st.tuples(st.integers(0, 40), st.just(15)), elements=st.floats(1, 100, width=16)))
def test_what_is_kept_overlaps_no_surer_face_and_what_is_dropped_does(rows: Floats) -> None:
    rows[:, 14] /= 101
    kept = suppress(rows, 0.3, 0.3)
    assert (np.diff(kept[:, 14]) <= 0).all()
    for row in rows[rows[:, 14] > 0.3]:
        surer = [_overlap(row, other) for other in kept if other[14] >= row[14]]
        assert max(surer, default=0) > 0.3
    for number, row in enumerate(kept):
        assert all(_overlap(row, other) <= 0.3 for other in kept[:number])


def _overlap(a: Floats, b: Floats) -> float:
    """Intersection over union of boxes of whole pixels."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = (box[:4].astype(int).tolist() for box in (a, b))
    shared = max(0, min(ax + aw, bx + bw) - max(ax, bx)) * max(0, min(ay + ah, by + bh) - max(ay, by))
    return float(shared / (aw * ah + bw * bh - shared))
