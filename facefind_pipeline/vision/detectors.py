"""Detectors: a decoded photo in, faces in upright full-size pixels out."""

import pickle
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from facefind_pipeline.faces import Box, Face, Points
from facefind_pipeline.parameters import DetectorSettings, HaarSettings, HogSettings, WholeSettings, YunetSettings
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.decode import DecodedPhoto
from facefind_pipeline.vision.haar import Cascade
from facefind_pipeline.vision.library_versions import library_version
from facefind_pipeline.vision.models import YUNET, file_sha256
from facefind_pipeline.vision.turned import TURNED_LOOKS, look_all_round
from facefind_pipeline.vision.yunet import Find, Floats, load_yunet, suppress

CASCADES = {
    "default": "haarcascade_frontalface_default.xml",
    "alt": "haarcascade_frontalface_alt.xml",
    "alt2": "haarcascade_frontalface_alt2.xml",
    "alt_tree": "haarcascade_frontalface_alt_tree.xml",
    "profile": "haarcascade_profileface.xml",
}
# Seconds a megapixel of one core, measured side by side on group photos.
HOG_SECONDS, YUNET_SECONDS, HAAR_SECONDS = 0.085, 0.034, 0.2
WHOLE_SECONDS = 1e-4  # a photo: nothing is searched for
FULL_SIDE = 3000  # pixels; assumed where a set does not reduce
YUNET_REDUCTION = "halved by area, then bilinear"  # in the fingerprint: change it whenever `reduce` changes
# Bytes per searched pixel at the worst moment, and per pixel of the photo, of which a turned copy may be searched.
HOG_BYTES, YUNET_BYTES, TURNED_BYTES = 20, 85, 4
BESIDE_BUFFER = 1.3  # times the cascade's buffer
SLOWEST = 60  # times as slow as measured may a machine be, with all that is at work on it
SMALL_FACE = 20  # pixels of the reduced photo; YuNet finds most faces from 16 on
PROBE_SIDE = 640  # of a photo without a face; its three turns take 27 ms
LANDMARK_STEP = 16  # sixteenths of a pixel come back from a `real[]` column as they went in


@dataclass(frozen=True, slots=True)
class Effort:
    """What searching a photo takes at most: bytes beside its pixels, and seconds beyond what any photo takes."""

    memory: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(self.memory + other.memory, self.seconds + other.seconds)


class Detector(Protocol):
    """Finds faces. One instance serves one thread: none of the libraries' detectors is safe in two."""

    needs_grey: bool

    def effort(self, size: tuple[int, int]) -> Effort:
        """What a photo of this width and height takes."""
        ...

    def detect(self, photo: DecodedPhoto) -> list[Face]:
        """Faces sorted by box, each box once and inside the photo."""
        ...


def load_detector(settings: DetectorSettings, models: Path) -> Detector:
    """The detector of these settings.

    Raises:
        FacefindError: its model file is not in the folder `models`; the message names the command that fetches it.
    """
    if isinstance(settings, HaarSettings):
        return HaarDetector(settings)
    if isinstance(settings, HogSettings):
        return HogDetector(settings)
    if isinstance(settings, WholeSettings):
        return WholePhoto()
    return YunetDetector(settings, models)


def finds_landmarks(settings: DetectorSettings) -> bool:
    """Whether the detector finds five landmarks with each face."""
    return isinstance(settings, YunetSettings)


def detector_fingerprint(settings: DetectorSettings, models: Path) -> dict[str, object]:
    """What this detector really is: settings, library version, SHA-256 of its file. Loads nothing.

    Raises:
        FacefindError: its model file is missing.
    """
    meaning: dict[str, object] = {"detector": settings.name, **settings.options}
    if isinstance(settings, WholeSettings):
        return meaning
    if isinstance(settings, HogSettings):
        return meaning | {"dlib": library_version("dlib-bin")}
    if isinstance(settings, YunetSettings):
        meaning |= {
            "onnxruntime": library_version("onnxruntime"),
            "reduction": YUNET_REDUCTION,
            "small_face": SMALL_FACE,
        }
        meaning["turned_looks"] = TURNED_LOOKS
    file = _cascade(settings) if isinstance(settings, HaarSettings) else YUNET.require(models)
    return meaning | {
        "opencv": library_version("opencv-python-headless"),
        "file": file.name,
        "sha256": file_sha256(file),
    }


def relative_cost(settings: DetectorSettings) -> float:
    """Roughly the seconds a 3000x2000 photo costs on one core; only ratios hold. For estimates shown to people."""
    if isinstance(settings, WholeSettings):
        return WHOLE_SECONDS
    side = min(settings.longest_side or FULL_SIDE, FULL_SIDE)
    return _seconds(settings, side * side * 2 // 3)


def _seconds(settings: HaarSettings | HogSettings | YunetSettings, pixels: int) -> float:
    """Of one core, for so many pixels that are searched."""
    if isinstance(settings, HogSettings):
        return HOG_SECONDS * pixels / 1e6 * float(4**settings.upsample)
    return (YUNET_SECONDS if isinstance(settings, YunetSettings) else HAAR_SECONDS) * pixels / 1e6


class HaarDetector:
    """OpenCV's cascade on the grey photo, as in the talk."""

    needs_grey = True

    def __init__(self, settings: HaarSettings) -> None:
        self._settings = settings
        self._cascade = Cascade(_cascade(settings))

    def effort(self, size: tuple[int, int]) -> Effort:
        """The buffer of all scales, or of as many as are searched at a time."""
        width, height = reduced_size(size, self._settings.longest_side)
        smallest, largest = self._sides(max(size) / max(width, height))
        buffer = self._cascade.buffer_bytes((height, width), self._settings.scale_factor, smallest, largest)
        return Effort(int(BESIDE_BUFFER * buffer), SLOWEST * _seconds(self._settings, width * height))

    def detect(self, photo: DecodedPhoto) -> list[Face]:
        """Scores are the number of merged neighbours. Sizes in the settings count full-size pixels."""
        assert photo.grey is not None
        grey, scale = reduce(photo.grey, self._settings.longest_side)
        smallest, largest = self._sides(scale)
        found = self._cascade.search(
            grey,
            scale_factor=self._settings.scale_factor,
            min_neighbours=self._settings.min_neighbours,
            smallest=smallest,
            largest=largest,
        )
        return _faces(photo, ((box, count, None) for box, count in found), scale)

    def _sides(self, scale: float) -> tuple[int, int]:
        """Of the smallest and the largest face, in pixels of a photo made smaller by this."""
        return round(self._settings.min_size / scale), round(self._settings.max_size / scale)


class HogDetector:
    """dlib's five-view HOG detector; its smallest face is about 66 pixels, half that an upsampling."""

    needs_grey = False

    def __init__(self, settings: HogSettings) -> None:
        self._settings = settings
        self._detector = pickle.loads(_pickled_hog())

    def effort(self, size: tuple[int, int]) -> Effort:
        """The pyramid of the photo made larger, and its features."""
        width, height = reduced_size(size, self._settings.longest_side)
        searched = width * height * 4**self._settings.upsample
        return Effort(HOG_BYTES * searched, SLOWEST * _seconds(self._settings, width * height))

    def detect(self, photo: DecodedPhoto) -> list[Face]:
        """Scores are distances from the separating plane, above 0."""
        assert photo.rgb is not None
        rgb, scale = reduce(photo.rgb, self._settings.longest_side)
        boxes, scores, _ = self._detector.run(rgb, self._settings.upsample, 0.0)
        found = (
            ((b.left(), b.top(), b.width(), b.height()), score, None) for b, score in zip(boxes, scores, strict=True)
        )
        return _faces(photo, found, scale)


class YunetDetector:
    """YuNet with the boxes of OpenCV's FaceDetectorYN, and five landmarks."""

    needs_grey = False

    def __init__(self, settings: YunetSettings, models: Path) -> None:
        self._settings = settings
        self._find = load_yunet(YUNET.require(models), settings.score_threshold, settings.nms_threshold)

    def effort(self, size: tuple[int, int]) -> Effort:
        """The network's activations, and the photo turned; in each quarter turn up to two looks."""
        width, height = reduced_size(size, max(self._settings.longest_side, self._settings.second_look))
        memory = YUNET_BYTES * width * height + TURNED_BYTES * size[0] * size[1]
        return Effort(memory, 4 * SLOWEST * _seconds(self._settings, width * height))

    def detect(self, photo: DecodedPhoto) -> list[Face]:
        """Scores lie between the threshold and 1."""
        assert photo.rgb is not None
        rgb, settings = photo.rgb, self._settings
        rows = look_all_round(
            look=lambda turned: look_twice(self._find, turned, settings),
            find=self._find,
            rgb=rgb,
            probe=lambda: reduce(rgb, PROBE_SIDE, fast=True)[0],
        )
        return _faces(photo, ((row[:4], row[14], row[4:14].reshape(5, 2)) for row in rows), 1.0)


class WholePhoto:
    """Takes the photo itself for a face: embedded whole, photos that look alike are near each other."""

    needs_grey = False

    def effort(self, size: tuple[int, int]) -> Effort:
        """The crop is a copy of all."""
        return Effort(3 * size[0] * size[1])

    def detect(self, photo: DecodedPhoto) -> list[Face]:
        """One box, of score 1."""
        width, height = photo.size
        return [Face(Box(0, 0, width, height), 1.0)]


def look_twice(find: Find, rgb: Image, settings: YunetSettings) -> Floats:
    """Rows of (n, 15) as `find` gives them, in full-size pixels.

    Where a set has a second look, a photo with a small face, or with none, is searched larger too; of two boxes on one
    face the more confident one stays. In crowds that finds what the larger size alone finds, other photos cost less
    than half of it (`python -m bench.detectors`).
    """
    rows, scale = _look(find, rgb, settings.longest_side)
    smallest = rows[:, 2:4].max(axis=1).min(initial=np.inf) if len(rows) else 0.0
    if not settings.second_look or scale == 1 or smallest >= SMALL_FACE * scale:
        return rows
    larger, _ = _look(find, rgb, settings.second_look)
    return suppress(np.concatenate([larger, rows]), settings.score_threshold, settings.nms_threshold)


def _look(find: Find, rgb: Image, longest_side: int) -> tuple[Floats, float]:
    """What is found in the photo reduced, in full-size pixels; and how many of those a searched pixel is."""
    reduced, scale = reduce(rgb, longest_side, fast=True)
    rows = find(reduced)
    return np.hstack([rows[:, :14].astype(np.float64) * scale, rows[:, 14:]]), scale


def reduce(image: Image, longest_side: int, *, fast: bool = False) -> tuple[Image, float]:
    """The image with its longest side at most that long (0: as it is), and full-size pixels a reduced pixel.

    By area; or, `fast`, halved by area while it is more than twice too long, then bilinear: from 3000 to 2000 pixels in
    5 ms instead of 34. YuNet finds the same faces either way (mean average precision .993 and .992 on a composed
    event); HOG lost a few (.989 against .992), and takes a second anyway.
    """
    height, width = image.shape[:2]
    size = reduced_size((width, height), longest_side)
    if size == (width, height):
        return image, 1.0
    import cv2

    scale = max(width, height) / longest_side
    while fast and max(image.shape[:2]) >= 2 * longest_side:
        half = (-(-image.shape[1] // 2), -(-image.shape[0] // 2))
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(
        cv2.resize(image, size, interpolation=cv2.INTER_LINEAR if fast else cv2.INTER_AREA), np.uint8
    ), scale


def reduced_size(size: tuple[int, int], longest_side: int) -> tuple[int, int]:
    """Width and height, made so small that neither is larger than `longest_side`; 0 leaves them."""
    if not longest_side or max(size) <= longest_side:
        return size
    scale = max(size) / longest_side
    return max(1, round(size[0] / scale)), max(1, round(size[1] / scale))


def clip(x: float, y: float, w: float, h: float, size: tuple[int, int]) -> Box | None:
    """The part of a rectangle that lies in a photo of `size` (width, height), in whole pixels; None where none does."""
    left, top = max(0, round(x)), max(0, round(y))
    right, bottom = min(size[0], round(x + w)), min(size[1], round(y + h))
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def _faces(photo: DecodedPhoto, found: Any, scale: float) -> list[Face]:
    faces: dict[tuple[Box, Points], Face] = {}
    for rectangle, score, points in found:
        x, y, w, h = (float(value) * scale for value in rectangle)
        box = clip(x, y, w, h, photo.size)
        if box is not None:
            face = Face(box, float(np.float32(score)), _landmarks(points, scale))
            faces.setdefault((face.box, face.landmarks or ()), face)
    return [faces[key] for key in sorted(faces)]


def _landmarks(points: Any, scale: float) -> Points | None:
    if points is None:
        return None
    return tuple(
        (
            round(float(x) * scale * LANDMARK_STEP) / LANDMARK_STEP,
            round(float(y) * scale * LANDMARK_STEP) / LANDMARK_STEP,
        )
        for x, y in points
    )


@cache
def _pickled_hog() -> bytes:
    """A detector for each thread to copy, in 4 ms; dlib takes 0.5 s to unpack one."""
    import dlib

    return pickle.dumps(dlib.get_frontal_face_detector())


@cache
def _cascade(settings: HaarSettings) -> Path:
    from importlib.util import find_spec

    package = find_spec("cv2")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "data" / CASCADES[settings.cascade]
