"""Which heads are covered in a photo: all but those that are shown, by what all sets found and one more look.

Processes apart load this: it knows no database.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facefind_pipeline.publish.covering import Head, on_one_face
from facefind_pipeline.store import versions
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.detectors import SLOWEST, YUNET_BYTES, YUNET_SECONDS, Effort, reduce, reduced_size
from facefind_pipeline.vision.models import YUNET
from facefind_pipeline.vision.turned import turn_rows
from facefind_pipeline.vision.yunet import Floats, load_yunet

RULES = "covered-1"  # in what an exported photo was made from: change it whenever what is covered, or how, changes
# It finds faces that the recommended set missed, blurred, in profile or half hidden, and hands and backs of heads:
# of 105 things that it added in 90 photos of races and parties about a third were faces.
LOOK_THRESHOLD = 0.3
LOOK_REDUCTION = 6.5  # of a large photo: so the look takes a fifth of decoding and encoding it
LARGEST_LOOK = 1280  # pixels of the longer side
# What YuNet finds at one size it may miss at another, so smaller photos, where that costs little time, get two looks.
SMALL_PHOTO, SMALL_LOOK = 2048, 640
SURE = 0.6  # YuNet's score from which on a face is one: where the recommended set's threshold lies
_NMS = 0.3
_loaded = threading.local()


@dataclass(frozen=True, slots=True)
class Hiding:
    """What is known of the faces of a photo before it is looked at once more; upright full-size pixels.

    Attributes:
        shown: faces that stay: the match's, and those of people who agreed.
        found: all that the sets found, faces that are shown among them.
        turned: one of them is turned by more than an eighth of a turn.
    """

    shown: tuple[Head, ...]
    found: tuple[Head, ...]
    turned: bool = False

    @property
    def version(self) -> str:
        """Hash of what is covered, and how."""
        return versions.hash_rows([(RULES, self.turned), *self.shown, *self.found])


class LowLook:
    """One more look at a photo, at a low threshold. An instance serves one thread."""

    def __init__(self, models: Path) -> None:
        """Loads the network.

        Raises:
            FacefindError: its file is not there; the message names the command that fetches it.
        """
        self._find = load_yunet(YUNET.require(models), LOOK_THRESHOLD, _NMS)

    def heads(self, rgb: Image, *, turned: bool) -> list[Head]:
        """What may be faces in an upright photo (h, w, 3); `turned` looks at its three quarter turns too."""
        rows = np.concatenate([self._rows(rgb, side, turned=turned) for side in _sides(max(rgb.shape[:2]))])
        scored = zip(rows[:, :4].tolist(), rows[:, 14].tolist(), strict=True)
        return [Head(x, y, w, h, score >= SURE) for (x, y, w, h), score in scored]

    @staticmethod
    def effort(size: tuple[int, int], *, turned: bool) -> Effort:
        """What that takes of an upright photo of this width and height."""
        searched = [width * height for width, height in (reduced_size(size, side) for side in _sides(max(size)))]
        seconds = SLOWEST * YUNET_SECONDS * sum(searched) / 1e6
        return Effort(YUNET_BYTES * max(searched), 4 * seconds if turned else seconds)

    def _rows(self, rgb: Image, side: int, *, turned: bool) -> Floats:
        """What the network finds in the photo made so small, in the photo's own pixels."""
        small, scale = reduce(rgb, side, fast=True)
        looks = [self._find(small)]
        for turn in (1, 2, 3) if turned else ():
            on_its_side = np.ascontiguousarray(np.rot90(small, turn))
            looks.append(turn_rows(self._find(on_its_side), -turn, on_its_side.shape))
        rows: Floats = np.concatenate(looks)
        rows[:, :4] *= scale
        return rows


def low_look(models: Path) -> LowLook:
    """The one of the thread that asks, loaded once.

    Raises:
        FacefindError: the network's file is missing.
    """
    looks: dict[Path, LowLook] = _loaded.__dict__.setdefault("looks", {})
    if models not in looks:
        looks[models] = LowLook(models)
    return looks[models]


def heads_to_cover(hiding: Hiding, looked: Sequence[Head]) -> list[Head]:
    """The heads of the others, each once: by what the sets found and one more look, boxes of one face joined."""
    distinct: list[Head] = []
    for head in (*hiding.found, *looked):
        if any(on_one_face(head, face) for face in hiding.shown):
            continue
        place = next((place for place, one in enumerate(distinct) if on_one_face(head, one)), None)
        if place is None:
            distinct.append(head)
        else:
            distinct[place] = distinct[place].joined(head)
    return distinct


def _sides(longest: int) -> set[int]:
    """Of the longer side, at which a photo is looked at once more; pixels."""
    if longest <= SMALL_PHOTO:
        return {min(longest, SMALL_LOOK), min(longest, LARGEST_LOOK)}
    return {min(LARGEST_LOOK, round(longest / LOOK_REDUCTION))}
