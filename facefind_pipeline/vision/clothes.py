"""Clothes: the colours of the body below a face, as one short descriptor per face.

Faces of one person can be told by their clothes within one event day, and only there. A descriptor is a square-rooted
histogram, so that the cosine of two is the Bhattacharyya coefficient of their colours (1 for equal ones).
"""

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.turned import tilt

TOP, BOTTOM = 1.3, 3.8  # of the body, in face heights below the upper edge of the face
WIDTH = 2.0  # of the body, in face widths
LEAST_VISIBLE = 0.5  # face heights of the body; with less of it inside the photo, no body is visible
PARTS = 2  # of equal height, from the shoulders down
BINS = (6, 8, 8)  # of lightness, of green to red and of blue to yellow
LENGTH = PARTS * BINS[0] * BINS[1] * BINS[2]  # bytes of a descriptor
SIDE = 48  # pixels of the longer side of a body that is described: larger ones are reduced
# Rules by which clothes are described; a change of them changes the fingerprint. Descriptors of two are never compared.
RULES: dict[str, object] = {
    "clothes": "lab-histogram-1",
    "body": [TOP, BOTTOM, WIDTH, LEAST_VISIBLE, PARTS],
    "bins": BINS,
    "side": SIDE,
    "opencv": version("opencv-python-headless"),
}
FINGERPRINT = hashlib.sha256(json.dumps(RULES, sort_keys=True).encode()).hexdigest()[:32]


def describe(pixels: Image, faces: Sequence[Face]) -> list[bytes | None]:
    """Describes the clothes below each face.

    Args:
        pixels: (h, w, 3) RGB, upright and full-size.
        faces: of that photo.

    Returns:
        `LENGTH` bytes per face, to be read as uint8; None where no body is visible below the face.
    """
    return [_descriptor(body) if (body := _body(pixels, face)) is not None else None for face in faces]


def _body(pixels: Image, face: Face) -> Image | None:
    """The body below a face, its shoulders up, as far as the photo shows it."""
    # A head that leans to a side still has its body below it; one that lies has it in the direction of its chin.
    turn = round(tilt(face.landmarks) / 90) % 4 if face.landmarks else 0
    x, y, w, h = _turned(face.box, turn, pixels.shape)
    upright = np.rot90(pixels, turn)
    height, width = upright.shape[:2]
    top, bottom = round(y + TOP * h), min(height, round(y + BOTTOM * h))
    left, right = max(0, round(x + w / 2 - WIDTH * w / 2)), min(width, round(x + w / 2 + WIDTH * w / 2))
    if bottom - top < max(PARTS, LEAST_VISIBLE * h):
        return None
    return upright[top:bottom, left:right]


def _turned(box: Box, turn: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The box in a photo of `shape` that was turned counterclockwise by so many quarters."""
    x, y, w, h = box
    height, width = shape[:2]
    for _ in range(turn):
        x, y, w, h = y, width - x - w, h, w
        height, width = width, height
    return x, y, w, h


def _descriptor(body: Image) -> bytes:
    import cv2

    scale = min(1.0, SIDE / max(body.shape[:2]))
    size = (max(1, round(body.shape[1] * scale)), max(PARTS, round(body.shape[0] * scale)))
    small = cv2.resize(np.ascontiguousarray(body), size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    parts = [_histogram(np.asarray(part, np.uint8)) for part in np.array_split(lab, PARTS)]
    return np.rint(255 * np.sqrt(np.concatenate(parts))).astype(np.uint8).tobytes()


def _histogram(lab: Image) -> npt.NDArray[np.float32]:
    """Shares of the pixels in each bin; they sum to 1."""
    import cv2

    counts = cv2.calcHist([lab], [0, 1, 2], None, list(BINS), [0, 256] * 3)
    return np.asarray(counts, np.float32).ravel() / (lab.shape[0] * lab.shape[1])
