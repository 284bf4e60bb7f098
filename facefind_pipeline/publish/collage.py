"""One picture of many: photos in rows of one width each, none cut."""

import math
from collections.abc import Sequence

import numpy as np

from facefind_pipeline.vision.arrays import Image

WIDTH = 2048  # pixels
GAP = 12  # pixels between photos, and around them
MOST = 12  # photos
SHAPE = 5 / 4  # height over width that is aimed at: what phones show largest
_GROUND = 255


def collage(photos: Sequence[Image]) -> Image:
    """The photos (h, w, 3), at least one, in their order, in the number of rows that comes nearest to `SHAPE`."""
    import cv2

    ratios = [photo.shape[1] / photo.shape[0] for photo in photos]
    layouts = [_split(ratios, count) for count in range(1, len(photos) + 1)]
    rows = min(layouts, key=lambda layout: abs(math.log(sum(_heights(ratios, layout)) / WIDTH / SHAPE)))
    heights = _heights(ratios, rows)
    made = np.full((sum(heights) + GAP * (len(rows) + 1), WIDTH, 3), _GROUND, np.uint8)
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        left = GAP
        for place in row:
            # The last one takes what rounding left.
            width = WIDTH - GAP - left if place == row[-1] else round(height * ratios[place])
            made[top : top + height, left : left + width] = cv2.resize(
                photos[place], (width, height), interpolation=cv2.INTER_AREA
            )
            left += width + GAP
        top += height + GAP
    return made


def _split(ratios: Sequence[float], count: int) -> list[list[int]]:
    """Places of the photos in rows, each about as wide as the others at one height."""
    middles = np.cumsum(ratios) - np.array(ratios) / 2
    numbers = np.minimum((middles / sum(ratios) * count).astype(int), count - 1)
    return [[int(place) for place in np.flatnonzero(numbers == row)] for row in range(count) if (numbers == row).any()]


def _heights(ratios: Sequence[float], rows: Sequence[Sequence[int]]) -> list[int]:
    """Of rows that are each as wide as the collage."""
    return [max(1, round((WIDTH - GAP * (len(row) + 1)) / sum(ratios[place] for place in row))) for row in rows]
