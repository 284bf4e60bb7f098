"""The value types that detectors and embedders exchange."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]  # (h, w, 3) RGB or (h, w) grey, upright
Vectors = npt.NDArray[np.float32]  # (n, d)
Points = tuple[tuple[float, float], ...]  # x, y in upright full-size pixels


class Box(NamedTuple):
    """x and y of the top left corner, width and height; whole upright full-size pixels, inside the photo."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Face:
    """What a detector found. It may be false.

    Attributes:
        box: where, in upright full-size pixels whatever size the detector worked on.
        score: the detector's own confidence; higher is surer, scales differ between detectors.
        landmarks: right eye, left eye, nose tip, right and left mouth corner (the person's right), or None
            where the detector gives none.
    """

    box: Box
    score: float
    landmarks: Points | None = None
