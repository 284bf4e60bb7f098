"""Slices: the share of true photos that are found, by what the face and the photo are like."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from facefind_pipeline.evaluation.figures import Slice
from facefind_pipeline.evaluation.losses import Loss, Reason
from facefind_pipeline.evaluation.truth_facts import TruthFact


def slices(losses: Iterable[tuple[TruthFact, Loss]]) -> list[Slice]:
    """All slices that any photo falls in; a photo falls in one of each kind that is known of it."""
    counted: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for fact, loss in losses:
        for by, name in _slices_of(fact):
            counted[by, name][loss.reason is Reason.FOUND] += 1
    return [
        Slice(by=by, slice=name, photos=counts.total(), found=counts[True] / counts.total())
        for (by, name), counts in sorted(counted.items())
    ]


def turned(landmarks: Sequence[float]) -> bool:
    """Whether the nose lies outside the middle third of the line between the eyes, along that line.

    Args:
        landmarks: x1, y1, x2, y2, ... of right eye, left eye and nose first.
    """
    right, left, nose = np.array(landmarks[:6], dtype=np.float64).reshape(3, 2)
    between = left - right
    place = float((nose - right) @ between)
    length = float(between @ between)
    return not length / 3 <= place <= 2 * length / 3


def _slices_of(fact: TruthFact) -> Iterator[tuple[str, str]]:
    """The slices that a true photo falls in."""
    yield (
        "faces in the photo",
        "none" if fact.faces == 0 else "1" if fact.faces == 1 else "2-5" if fact.faces <= 5 else "6 or more",
    )
    width = fact.w if fact.w is not None else fact.face_width
    if width is not None:
        yield "face width", "below 60 px" if width < 60 else "60-120 px" if width <= 120 else "above 120 px"
    if fact.sharpness is not None:
        yield "sharpness", "blurred" if fact.sharpness < 40 else "middling" if fact.sharpness < 200 else "sharp"
    if fact.landmarks is not None:
        yield "pose", "turned" if turned(fact.landmarks) else "frontal"
