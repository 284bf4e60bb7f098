"""Heads covered in a photo's pixels, in a way that nothing brings back."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from facefind_pipeline.vision.arrays import Image

HEAD = (0.95, 0.9)  # half axes of the ellipse that is covered, in widths and heights of the face's box
FACE = 0.7  # of that ellipse: what always stays of a face that is shown
BLOCKS = 3  # colours across and down that remain of a head: nine means, of its surroundings too
SAMPLES = 12  # pixels across and down that each of them is the mean of: a mean of all takes 1 ms per head
COVER_BYTES = 4  # per pixel of a head: what covers it, and where
BAND, BAND_BYTES = 1_000_000, 24  # pixels whose distances are taken at a time, and what each of them takes
_SHIFT = 4  # sixteenths of a pixel


class Head(NamedTuple):
    """A face's box in pixels of the picture at hand; `sure` where it certainly is a face, and one that no other is."""

    x: float
    y: float
    w: float
    h: float
    sure: bool = True

    def joined(self, other: "Head") -> "Head":
        """One that holds both boxes."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        right, bottom = max(self.x + self.w, other.x + other.w), max(self.y + self.h, other.y + other.h)
        return Head(x, y, right - x, bottom - y, self.sure or other.sure)

    def scaled(self, factor: float) -> "Head":
        """The same in a picture made so many times larger."""
        return Head(self.x * factor, self.y * factor, self.w * factor, self.h * factor, self.sure)


def cover_heads(pixels: Image, others: Sequence[Head], shown: Sequence[Head]) -> None:
    """Covers the heads of the others, in place.

    What lies in two ellipses belongs to the face whose middle is nearer, in its own measure. A doubtful head takes
    nothing of a face that is shown.

    Args:
        pixels: (h, w, 3).
        others: are covered, wherever their boxes lie.
        shown: their faces stay.
    """
    for other in others:
        stay = [
            (face, [head for head in others if head.sure and _meet(face, head)]) for face in shown if _meet(face, other)
        ]
        _cover(pixels, other, stay)


def _cover(pixels: Image, other: Head, stay: Sequence[tuple[Head, Sequence[Head]]]) -> None:
    """Covers one head but for the faces that stay, each with the heads that it shares with."""
    import cv2

    window = _window(other, pixels)
    patch = pixels[window]
    if not patch.size:
        return
    hidden = _ellipse(other, window)
    for rows in _bands(window) if stay else ():
        band = hidden[rows.start - window[0].start : rows.stop - window[0].start]
        for face, rivals in stay:
            band[_stays(face, rivals, (rows, window[1]))] = 0
    step = max(1, min(patch.shape[:2]) // (SAMPLES * BLOCKS))
    colours = cv2.resize(patch[::step, ::step], (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(colours, patch.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    cv2.copyTo(soft, hidden, patch)


def covering_bytes(size: tuple[int, int]) -> int:
    """What covering takes at most beside a picture of this width and height: that of a head that fills it."""
    pixels = size[0] * size[1]
    return COVER_BYTES * pixels + BAND_BYTES * min(BAND, pixels)


def on_one_face(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two boxes, x y w h, are of one face: each has the middle of the other."""
    apart = (abs(one[i] + one[i + 2] / 2 - other[i] - other[i + 2] / 2) for i in (0, 1))
    return all(distance <= min(one[i + 2], other[i + 2]) / 2 for i, distance in enumerate(apart))


def _bands(window: tuple[slice, slice]) -> Iterator[slice]:
    """The window's rows, so many at a time that distances in them take little memory however large the head is."""
    rows, columns = window
    height = max(1, BAND // (columns.stop - columns.start))
    for top in range(rows.start, rows.stop, height):
        yield slice(top, min(top + height, rows.stop))


def _ellipse(head: Head, window: tuple[slice, slice]) -> Image:
    """(h, w) of the window, 1 where the head is."""
    import cv2

    rows, columns = window
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    x, y = head.x + head.w / 2 - columns.start, head.y + head.h / 2 - rows.start
    fine = 1 << _SHIFT
    axes = (round(HEAD[0] * head.w * fine), round(HEAD[1] * head.h * fine))
    cv2.ellipse(mask, (round(x * fine), round(y * fine)), axes, 0, 0, 360, 1, cv2.FILLED, shift=_SHIFT)
    return mask


def _stays(face: Head, rivals: Sequence[Head], window: tuple[slice, slice]) -> npt.NDArray[np.bool_]:
    distance = _distances(face, window)
    stays: npt.NDArray[np.bool_] = distance < FACE
    for rival in rivals:
        stays &= distance <= _distances(rival, window)
    return stays


def _distances(head: Head, window: tuple[slice, slice]) -> npt.NDArray[np.floating[Any]]:
    """How far each pixel of the window lies from the head's middle; 1 on the ellipse."""
    rows, columns = (np.arange(part.start, part.stop, dtype=np.float32) + 0.5 for part in window)
    across = (columns - head.x - head.w / 2) / (HEAD[0] * head.w)
    down = (rows - head.y - head.h / 2) / (HEAD[1] * head.h)
    distances: npt.NDArray[np.floating[Any]] = np.sqrt(across[None, :] ** 2 + down[:, None] ** 2)
    return distances


def _window(head: Head, pixels: Image) -> tuple[slice, slice]:
    """The part of the picture that the head's ellipse touches."""
    height, width = pixels.shape[:2]
    x, y = head.x + head.w / 2, head.y + head.h / 2
    dx, dy = HEAD[0] * head.w, HEAD[1] * head.h
    return (
        slice(min(height, max(0, int(y - dy))), max(0, min(height, int(y + dy) + 1))),
        slice(min(width, max(0, int(x - dx))), max(0, min(width, int(x + dx) + 1))),
    )


def _meet(one: Head, other: Head) -> bool:
    """Whether the rectangles around two ellipses overlap."""
    return all(
        abs(one[i] + one[i + 2] / 2 - other[i] - other[i + 2] / 2) < HEAD[i] * (one[i + 2] + other[i + 2])
        for i in (0, 1)
    )
