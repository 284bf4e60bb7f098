"""What a face is, for pixels and tables alike: a box in a photo with a score and, where there are any, landmarks."""

from dataclasses import dataclass
from typing import NamedTuple

SAME_FACE = 0.5  # intersection over union from which two boxes are one face (PASCAL VOC)

Points = tuple[tuple[float, float], ...]  # x, y in upright full-size pixels


class Box(NamedTuple):
    """x and y of the top left corner, width and height; whole upright full-size pixels."""

    x: int
    y: int
    w: int
    h: int

    def iou(self, other: "Box") -> float:
        """Intersection over union, from 0 to 1."""
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        shared = max(0, width) * max(0, height)
        return shared / (self.w * self.h + other.w * other.h - shared)


Place = tuple[Box, Points | None]  # a face's box and landmarks: what it is known by within its photo


@dataclass(frozen=True, slots=True)
class Face:
    """What a detector found. It may be false.

    Attributes:
        box: where, inside the photo, in upright full-size pixels whatever size the detector worked on.
        score: the detector's own confidence; a higher one is more confident, scales differ between detectors.
        landmarks: right eye, left eye, nose tip, right and left mouth corner (the person's right), or None
            where the detector gives none.
    """

    box: Box
    score: float
    landmarks: Points | None = None

    @property
    def place(self) -> Place:
        """Box and landmarks; another detector that finds the same has the same face, whatever its score."""
        return self.box, self.landmarks
