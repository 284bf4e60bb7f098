"""YuNet's network on onnxruntime, with the boxes that OpenCV's FaceDetectorYN gives, in a third of its time."""

import logging
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facefind_pipeline.errors import lacking_memory
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.sessions import open_session

Floats = npt.NDArray[np.floating[Any]]
Find = Callable[[Image], Floats]  # (h, w, 3) RGB to (n, 15): x, y, w, h, five points' x and y, score; best first

STRIDES = (8, 16, 32)  # pixels of the photo a cell of each level
OUTPUTS = tuple(f"{kind}_{stride}" for stride in STRIDES for kind in ("cls", "obj", "bbox", "kps"))
TOP_K = 5000  # candidates that suppression looks at; FaceDetectorYN's default
TOLERANCE = 1e-3  # of an output, where one is a cell's 8 pixels or a factor e of a box's side

_log = logging.getLogger(__name__)


def load_yunet(model: Path, score_threshold: float, nms_threshold: float) -> Find:
    """The detector on a photo of any size; by OpenCV, with a warning, where onnxruntime can't be had or differs.

    What it returns serves one thread.

    Args:
        model: the zoo's file.
        score_threshold: faces below it are dropped.
        nms_threshold: of two boxes with a larger intersection over union the more confident one stays.
    """
    session = _checked_session(model)
    if session is None:
        return _opencv(model, score_threshold, nms_threshold)

    def find(rgb: Image) -> Floats:
        blob = to_blob(rgb)
        columns = blob.shape[3]
        candidates = decode_outputs(session.run(OUTPUTS, {"input": blob}), columns, score_threshold)
        return suppress(candidates, score_threshold, nms_threshold)

    return find


def to_blob(rgb: Image) -> Floats:
    """(1, 3, H, W) BGR in 0..255, black below and to the right up to multiples of 32, as FaceDetectorYN pads.

    `cv2.dnn.blobFromImage` takes 25 ms for 2000x1333 pixels, this 2.
    """
    import cv2

    height, width = rgb.shape[:2]
    block = STRIDES[-1]
    blob = np.zeros((1, 3, -(-height // block) * block, -(-width // block) * block), np.float32)
    for channel, colour in zip(blob[0], reversed(cv2.split(rgb)), strict=True):
        channel[:height, :width] = colour
    return blob


def decode_outputs(outputs: Sequence[Floats], width: int, score_threshold: float) -> Floats:
    """Candidates as (n, 15) rows, in the order of levels and cells; after OpenCV's face_detect.cpp.

    Args:
        outputs: of the network, in the order of `OUTPUTS`.
        width: of the padded photo, pixels.
        score_threshold: cells below it are left out.
    """
    rows = []
    for level, stride in enumerate(STRIDES):
        classes, objects, boxes, points = (output[0] for output in outputs[4 * level : 4 * level + 4])
        scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
        cells = np.flatnonzero(scores >= score_threshold)
        cell_rows, cell_columns = np.divmod(cells, width // stride)
        origins = np.stack([cell_columns, cell_rows], axis=1).astype(np.float32)
        centres, sizes = origins + boxes[cells, :2], np.exp(boxes[cells, 2:])
        landmarks = np.tile(origins, 5) + points[cells]
        pixels = np.hstack([centres - sizes / 2, sizes, landmarks]) * stride
        rows.append(np.hstack([pixels, scores[cells, None]]))
    return np.concatenate(rows)


def suppress(candidates: Floats, score_threshold: float, nms_threshold: float) -> Floats:
    """The candidates that overlap none of a higher score too much, best first; of whole pixels, as FaceDetectorYN."""
    import cv2

    boxes, scores = candidates[:, :4].astype(int), candidates[:, 14]
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), score_threshold, nms_threshold, top_k=TOP_K)
    best: Floats = candidates[np.asarray(kept, int)]
    return best


def with_any_size(model: bytes) -> bytes:
    """The zoo's file edited to take photos of any size.

    It fixes the input at 640x640, but nothing inside depends on that: the upsamplings are by factors and the reshapes
    leave the number of cells open.
    """
    import onnx

    edited = onnx.load_model_from_string(model)
    for dimension, name in zip(edited.graph.input[0].type.tensor_type.shape.dim[2:], ("height", "width"), strict=True):
        dimension.dim_param = name
    for output in edited.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"{output.name}_cells"
    del edited.graph.value_info[:]  # shapes inside, of a photo of 640x640
    serialised: bytes = edited.SerializeToString()
    return serialised


def compare_with_opencv(session: Any, model: Path) -> None:
    """Runs both on a picture of soft noise.

    Raises:
        ValueError: their outputs differ.
    """
    import cv2

    seed = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
    blob = to_blob(np.asarray(cv2.resize(seed, (160, 96), interpolation=cv2.INTER_CUBIC), np.uint8))
    network = cv2.dnn.readNetFromONNX(str(model))
    network.setInput(blob)
    pairs = zip(session.run(OUTPUTS, {"input": blob}), network.forward(OUTPUTS), strict=True)
    difference = max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)
    if not difference <= TOLERANCE:
        raise ValueError(f"onnxruntime's outputs differ from OpenCV's by {difference:.1e}")


@cache
def _checked_session(model: Path) -> Any:
    try:
        session = open_session(with_any_size(model.read_bytes()))
        compare_with_opencv(session, model)
    except Exception as error:  # whatever else it was, OpenCV still finds the faces
        if (lacking := lacking_memory(error)) is not None:
            raise lacking from error
        _log.warning("YuNet runs in OpenCV, three times slower: %s", error)
        return None
    return session


def _opencv(model: Path, score_threshold: float, nms_threshold: float) -> Find:
    import cv2

    detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), score_threshold, nms_threshold, TOP_K)

    def find(rgb: Image) -> Floats:
        detector.setInputSize((rgb.shape[1], rgb.shape[0]))
        _, rows = detector.detect(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        return np.empty((0, 15), np.float32) if rows is None else np.asarray(rows, np.float32)

    return find
