"""Whose faces are covered in a photo: all but those that are shown, by what all sets found and one more look."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.publish.covering import Head, on_one_face
from facefind_pipeline.search.calibration import read_calibration
from facefind_pipeline.store import versions
from facefind_pipeline.store.consents import people_who_agreed
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.detectors import reduce
from facefind_pipeline.vision.models import YUNET
from facefind_pipeline.vision.turned import tilt, turn_rows
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
_TURNED = 45  # degrees; where a face is turned by more, the photo may be on its side

Rectangle = tuple[int, int, int, int]


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


def plan_hiding(
    connection: Connection, chosen: RegisteredSet, shown: Mapping[str, Collection[Rectangle]], on: date
) -> dict[str, Hiding]:
    """What to hide in photos, by SHA-256 in hex.

    Args:
        connection: any.
        chosen: the set whose results say where people who agreed are: sure and confirmed ones alone count.
        shown: of each photo the boxes of the faces that stay by the match.
        on: the day for which consents must hold.

    Returns:
        Only photos in which a set looked for faces: the others can't be judged.
    """
    photos = [bytes.fromhex(sha256) for sha256 in shown]
    boxes: defaultdict[bytes, list[Head]] = defaultdict(list)
    for sha256, box in _faces_of_those_who_agreed(connection, chosen, photos, on):
        boxes[sha256].append(Head(*box))
    found: defaultdict[bytes, list[Head]] = defaultdict(list)
    turned: set[bytes] = set()
    with connection.cursor() as cursor:
        cursor.execute(query("faces_found"), {"photos": photos})
        for sha256, x, y, w, h, score, landmarks in cursor.fetchall():
            found[bytes(sha256)].append(Head(x, y, w, h, sure=landmarks is not None and score >= SURE))
            if landmarks and abs(tilt(tuple(zip(landmarks[::2], landmarks[1::2], strict=True)))) > _TURNED:
                turned.add(bytes(sha256))
        cursor.execute(
            """
            SELECT DISTINCT sha256 FROM detections WHERE sha256 = ANY (%s) AND problem IS NULL
              AND detector_fingerprint IN (SELECT fingerprint FROM fingerprints WHERE meaning ->> 'detector' <> 'whole')
            """,
            [photos],
        )
        judged = {bytes(sha256) for (sha256,) in cursor.fetchall()}
    return {
        photo.hex(): Hiding(
            (*(Head(*box) for box in shown[photo.hex()]), *boxes[photo]), tuple(found[photo]), photo in turned
        )
        for photo in photos
        if photo in judged
    }


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


def _faces_of_those_who_agreed(
    connection: Connection, chosen: RegisteredSet, photos: Sequence[bytes], on: date
) -> list[tuple[bytes, Rectangle]]:
    agreed, calibration = people_who_agreed(connection, on), read_calibration(connection, chosen.key)
    if not agreed:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            query("faces_of_people"), {"parameter_set": chosen.key, "people": agreed, "photos": list(photos)}
        )
        rows = cursor.fetchall()
    sure = calibration.sure_cut if calibration is not None else 0.0
    return [
        (bytes(sha256), (x, y, w, h)) for sha256, x, y, w, h, score, confirmed in rows if confirmed or score <= sure
    ]
