"""OpenCV's cascade search within a bounded memory, however large the photo.

`CascadeClassifier` holds the integral images of all scales in one buffer of 32-bit integers, once for sums and once for
sums of squares, and addresses it by `int` (`FeatureEvaluator::updateScaleData` and `HaarEvaluator::computeChannels` in
modules/objdetect/src/cascadedetect.cpp, OpenCV 4). A photo of n pixels takes n / (1 - 1 / f**2) of them with a scale
factor f and the smallest windows: with f = 1.05 that is 9.4 GB for 100 megapixels, and at 200 the offset of the squares
passes 2**31 and the process dies.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from facefind_pipeline.vision.arrays import Image

BUFFER_BYTES = 2**30  # of one search; a single scale of a photo may take more, 1.6 GB for 200 megapixels
BYTES = 2 * 4  # per pixel of each scale: the sum and the sum of squares
GROUP_EPS = 0.2  # how unlike grouped rectangles may be: `detectMultiScale`'s own, in the same file

Rectangle = Sequence[int]  # x, y, w, h


class Cascade:
    """A cascade file for one thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._load()

    def search(
        self, grey: Image, *, scale_factor: float, min_neighbours: int, smallest: int, largest: int
    ) -> list[tuple[Rectangle, int]]:
        """What `detectMultiScale` finds: rectangles, each with the number of windows that were merged to it.

        Where the buffer would pass `BUFFER_BYTES`, a few scales at a time are searched and what they find is grouped
        afterwards. These are the same windows, except that OpenCV rounds the lowest row of a scale in or out by the
        scales beside it.

        Args:
            grey: (h, w).
            scale_factor: of each window size to the one before.
            min_neighbours: windows that a face needs; with 0 each window is one.
            smallest: the first window's least side, pixels.
            largest: the last window's; 0 is no limit.
        """
        import cv2

        scales = list(self._scales(grey.shape, scale_factor, smallest, largest))
        bands = list(_bands(scales))
        if len(bands) <= 1:
            self._forget_other_shapes(grey, sum(needed for _, needed in scales))
            boxes, counts = self._detect(grey, scale_factor, min_neighbours, smallest, largest)
        else:
            found = [box for low, high in bands for box in self._detect(grey, scale_factor, 0, low, high)[0]]
            self._load()  # lets go of the buffer
            boxes, counts = cv2.groupRectangles([box.tolist() for box in found], min_neighbours, GROUP_EPS)
        return list(zip(boxes, counts, strict=True))

    def buffer_bytes(self, shape: tuple[int, int], scale_factor: float, smallest: int, largest: int) -> int:
        """What `search` holds at most at a time, of a photo of this height and width."""
        needed = [needed for _, needed in self._scales(shape, scale_factor, smallest, largest)]
        return int(max(min(sum(needed), BUFFER_BYTES), max(needed, default=0)))

    def _load(self) -> None:
        import cv2

        self._cascade = cv2.CascadeClassifier(str(self._file))
        self._shape = (0, 0)

    def _detect(self, grey: Image, scale_factor: float, min_neighbours: int, smallest: int, largest: int) -> Any:
        return self._cascade.detectMultiScale2(
            grey,
            scaleFactor=scale_factor,
            minNeighbors=min_neighbours,
            minSize=(smallest, smallest),
            maxSize=(largest, largest),  # zeros are no limit
        )

    def _scales(
        self, shape: tuple[int, ...], scale_factor: float, smallest: int, largest: int
    ) -> Iterator[tuple[int, float]]:
        """Window side and bytes of the buffer of each scale, as `detectMultiScaleNoGrouping` steps through them."""
        window, factor = self._cascade.getOriginalWindowSize()[0], 1.0
        limit = min(shape if not largest else (*shape, largest))
        while (side := round(window * factor)) <= limit:
            if side >= smallest:
                yield side, BYTES * shape[0] * shape[1] / factor**2
            factor *= scale_factor

    def _forget_other_shapes(self, grey: Image, needed: float) -> None:
        """Loads the cascade anew where its buffer would pass the bound.

        The buffer stays as wide as the widest photo and as high as the highest: two panoramas, one of them upright,
        would be as bad as one photo of both their longer sides.
        """
        shape = (max(self._shape[0], grey.shape[0]), max(self._shape[1], grey.shape[1]))
        if shape != grey.shape and needed * shape[0] * shape[1] / grey.size > BUFFER_BYTES:
            self._load()
            shape = (grey.shape[0], grey.shape[1])
        self._shape = shape


def _bands(scales: Iterable[tuple[int, float]]) -> Iterator[tuple[int, int]]:
    """The smallest and the largest window of each search; scales of one window size can't be told apart."""
    low, high, held = 0, 0, 0.0
    for side, needed in scales:
        if held and held + needed > BUFFER_BYTES and side > high:
            yield low, high
            held = 0.0
        low = low if held else side
        high, held = side, held + needed
    if held:
        yield low, high
