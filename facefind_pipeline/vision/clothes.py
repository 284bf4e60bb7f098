"""Clothes: the colours of the body below a face, as one short descriptor per face.

A descriptor holds a square-rooted histogram for each third of the body, in CIE Lab. So the cosine of two descriptors is
the mean Bhattacharyya coefficient of their thirds: 1 for equal colours, 0 where no colour is shared.
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.library_versions import library_version
from facefind_pipeline.vision.turned import tilt

TOP, BOTTOM = 1.3, 3.8  # of the body, in face heights below the upper edge of the face
WIDTH = 2.0  # of the body, in face widths
LEAST = 0.5  # face heights of the body that the photo has to show
THIRDS = 3
SIDE = 32  # pixels; a longer body is reduced to it
# Few bins, and pixels shared between the two nearest in each dimension: of 15 true pairs and 19 likely ones of a race,
# light changed by a fifth puts half as many strangers ahead as with 6 x 8 x 8 bins that have hard borders.
LIGHTNESS, HUES = 4, 5  # bins of L, and of a and of b each, evenly over the ranges; an odd count has one for grey
DARK, BRIGHT = 16, 240  # L of the outer bins, in 8 bits as OpenCV has it
COLOURFUL = 40  # distance of the outer bins of a and b from grey
LENGTH = THIRDS * LIGHTNESS * HUES * HUES  # bytes of a descriptor
FULL = 255  # of a bin that holds all of a third
RULES: dict[str, object] = {
    "clothes": "lab-thirds-1",
    "body": [TOP, BOTTOM, WIDTH, LEAST, SIDE],
    "bins": [THIRDS, LIGHTNESS, HUES, DARK, BRIGHT, COLOURFUL, FULL],
    "opencv": library_version("opencv-python-headless"),
}
FINGERPRINT = hashlib.sha256(json.dumps(RULES, sort_keys=True).encode()).hexdigest()[:32]

Floats = npt.NDArray[np.float32]


def describe(pixels: Image, faces: Sequence[Face]) -> list[bytes | None]:
    """Describes the clothes below each face, from the photo and that face alone.

    Heads of others in front of a body are not left out: in the race's crowds that changed no ranking for certain, and a
    descriptor would differ with what else a detector finds.

    Args:
        pixels: (h, w, 3) RGB, upright and full-size.
        faces: of that photo.

    Returns:
        `LENGTH` bytes per face, to be read as uint8; None where no body is visible below the face.
    """
    return [_descriptor(pixels, face) for face in faces]


def _descriptor(pixels: Image, face: Face) -> bytes | None:
    # A head that leans to a side still has its body below it; one that lies has it in the direction of its chin.
    turn = round(tilt(face.landmarks) / 90) % 4 if face.landmarks else 0
    x, y, w, h = _turned(face.box, turn, pixels.shape)
    upright = np.rot90(pixels, turn)
    height, width = upright.shape[:2]
    top, bottom = round(y + TOP * h), round(y + BOTTOM * h)
    left, right = round(x + w / 2 - WIDTH * w / 2), round(x + w / 2 + WIDTH * w / 2)
    if height - top < max(1, LEAST * h):
        return None
    visible = upright[top : min(bottom, height), max(left, 0) : min(right, width)]
    return _histograms(_reduced(visible), len(visible) / (bottom - top))


def _turned(box: Box, turn: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The box in a photo of `shape` that was turned counterclockwise by so many quarters."""
    x, y, w, h = box
    height, width = shape[:2]
    for _ in range(turn):
        x, y, w, h = y, width - x - w, h, w
        height, width = width, height
    return x, y, w, h


def _reduced(body: Image) -> Image:
    import cv2

    # Every nth pixel of a large body: averaging over all of them takes milliseconds, and tells no more of its colours.
    step = max(1, max(body.shape[:2]) // (4 * SIDE))
    body = np.ascontiguousarray(body[::step, ::step])
    scale = min(1.0, SIDE / max(body.shape[:2]))
    size = max(1, round(body.shape[1] * scale)), max(1, round(body.shape[0] * scale))
    return np.asarray(cv2.resize(body, size, interpolation=cv2.INTER_AREA), np.uint8)


def _histograms(body: Image, shown: float) -> bytes:
    """Of the thirds of a body, of which this share is shown; one that is not counts as the one above it.

    That garment mostly goes on. Of the race's bodies with half cut off, left empty such a third puts four times as many
    strangers ahead, and half as many again where what is shown is stretched over all three.
    """
    import cv2

    lab = np.asarray(cv2.cvtColor(body, cv2.COLOR_RGB2LAB), np.uint8)
    borders = np.ceil(np.arange(THIRDS + 1) * len(body) / shown / THIRDS).astype(int)
    width = lab.shape[1]
    lightness, a, b = (
        table.take(lab[..., channel].ravel(), axis=1) for channel, table in enumerate((_LIGHTNESS, _HUES, _HUES))
    )
    colours = (a[:, None] * b).reshape(HUES * HUES, -1)
    histograms: list[Floats] = []
    for start, end in pairwise(borders):
        third = slice(start * width, end * width)
        shares = lightness[:, third] @ colours[:, third].T  # of its pixels in each bin, once divided by their number
        count = len(lab[start:end]) * width
        histograms.append(shares.ravel() / count if count else histograms[-1])
    return bytes(np.rint(FULL * np.sqrt(np.concatenate(histograms))).astype(np.uint8))


def _bins(lowest: int, highest: int, count: int) -> Floats:
    """(count, 256): how much of a pixel of each value is in each bin; the outer ones take what lies beyond them."""
    place = np.interp(np.arange(256), [lowest, highest], [0, count - 1])
    return np.asarray(np.maximum(0, 1 - np.abs(place - np.arange(count)[:, None])), np.float32)


_LIGHTNESS, _HUES = _bins(DARK, BRIGHT, LIGHTNESS), _bins(128 - COLOURFUL, 128 + COLOURFUL, HUES)
