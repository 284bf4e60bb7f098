"""Turned faces: photos on their side and people lying down, in quarter turns counterclockwise, as `numpy.rot90` counts.

Of an upside-down face YuNet finds the box, of one on its side mostly nothing, and its landmarks are those of an upright
face whatever the angle. So where a face may be turned, the photo is turned and searched again: that gives boxes and
landmarks that hold.
"""

from collections.abc import Callable
from functools import reduce

import numpy as np

from facefind_pipeline.faces import Points
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.yunet import Find, Floats

TURNED_LOOKS = 1  # in the detector's fingerprint: raise it whenever what is found here changes
# Of 316 upright faces in composed and stock photos 15 % score below it, of 340 found in the same photos turned 99 %.
SURELY_UPRIGHT = 0.9
SURELY_UPRIGHT_ALONE = 0.92  # of a photo's only face: there a test more costs nothing beside the rest
TESTED = 3  # of a photo's doubtful faces, the largest; 2 ms each
EIGHTHS = 8  # of a full turn
PATCH = 64  # pixels; the face fills half of it
# By which a face must score higher turned. With these three, 3 of 209 doubtful faces of two composed events are taken
# for turned, and of 33 labelled portraits in 24 turns all but one of 792 lie within .3 of the upright one.
GAIN = 0.03
LEAST = 0.8  # of a turned face: what scores less is mostly half a face, or none
LOSS = 0.04  # of score, that a face may have in its patch, since it is smaller there


def look_all_round(look: Find, find: Find, rgb: Image, probe: Callable[[], Image]) -> Floats:
    """(n, 15) rows of a photo's faces at any angle; where all are surely upright exactly what `look` gives.

    A photo that may be on its side, or has a turned face, is searched in the quarter turns that promise more.

    Args:
        look: searches a full-size photo.
        find: the network on small pictures.
        rgb: (h, w, 3), full-size.
        probe: makes the photo smaller; where no face is sure, that one's turns show which of the photo's to search.
    """
    found = look(rgb)
    rows, turns = _straighten(find, rgb, found)
    best = found[:, 14].max(initial=0.0)
    if best < SURELY_UPRIGHT:
        turns |= _turns_of_photo(find, probe(), best)
    return _together({0: rows} | {turn: _look_turned(look, find, rgb, turn) for turn in sorted(turns)})


def tilt(landmarks: Points) -> float:
    """Degrees, -180 to 180, by which a face is turned clockwise: those of the way from its eyes to its mouth."""
    points = np.array(landmarks)
    right, down = points[3:5].mean(axis=0) - points[0:2].mean(axis=0)
    return float(np.degrees(np.arctan2(-right, down)))


def turn_rows(rows: Floats, turn: int, shape: tuple[int, ...]) -> Floats:
    """(n, 15) rows, as `Find` gives them for a photo of `shape`, after it was turned by so many quarters."""
    boxes, points, scores = rows[:, :4], rows[:, 4:14].reshape(-1, 5, 2), rows[:, 14:]
    for _ in range(turn % 4):
        x, y, w, h = boxes.T
        boxes = np.stack([y, shape[1] - x - w, h, w], axis=1)
        points = np.stack([points[..., 1], shape[1] - points[..., 0]], axis=-1)
        shape = shape[1], shape[0]
    return np.hstack([boxes, points.reshape(-1, 10), scores])


def _turns_of_photo(find: Find, probe: Image, best: float) -> set[int]:
    """The quarter turns, of 1 to 3, in which the photo made smaller shows a more confident face than was found."""
    scores = {turn: find(np.ascontiguousarray(np.rot90(probe, turn)))[:, 14] for turn in (1, 2, 3)}
    return {turn for turn in scores if scores[turn].max(initial=0.0) > best}


def _look_turned(look: Find, find: Find, rgb: Image, turn: int) -> Floats:
    turned = np.ascontiguousarray(np.rot90(rgb, turn))
    rows, _ = _straighten(find, turned, look(turned))
    return turn_rows(rows, -turn, turned.shape)


def _straighten(find: Find, rgb: Image, rows: Floats) -> tuple[Floats, set[int]]:
    """The rows, the largest doubtful ones as the network finds them turned; and the quarter turns nearest to that."""
    doubtful = np.flatnonzero(rows[:, 14] < (SURELY_UPRIGHT if len(rows) > 1 else SURELY_UPRIGHT_ALONE))
    largest = doubtful[np.argsort(-rows[doubtful, 2:4].max(axis=1), kind="stable")][:TESTED]
    straight, turns = rows.copy(), set()
    for place in largest:
        eighth, straight[place] = _best_turn(find, rgb, rows[place])
        turns |= {eighth // 2 % 4, (eighth + 1) // 2 % 4}  # between two quarter turns either may find more
    return straight, turns - {0}


def _together(looks: dict[int, Floats]) -> Floats:
    """What the looks found, by the turn of each, every face once.

    The photo is upright in the turn with the most sure faces. What scores low in another is false more often than not.
    """
    upright = max(looks, key=lambda turn: int((looks[turn][:, 14] >= SURELY_UPRIGHT).sum()))
    return reduce(_merged, [rows if turn == upright else rows[rows[:, 14] >= LEAST] for turn, rows in looks.items()])


def _merged(first: Floats, second: Floats) -> Floats:
    """What two looks found; a face that both did as the more confident one has it, though the boxes may differ much."""
    again = np.array([[_on_one_face(one, other) for other in second] for one in first], bool)
    again = again.reshape(len(first), len(second))
    ahead = first[:, None, 14] >= second[None, :, 14]
    return np.concatenate([first[~(again & ~ahead).any(axis=1)], second[~(again & ahead).any(axis=0)]])


def _on_one_face(row: Floats, other: Floats) -> bool:
    """Whether one box has the middle of the other."""
    apart = np.abs(row[:2] + row[2:4] / 2 - other[:2] - other[2:4] / 2)
    return bool((apart <= np.maximum(row[2:4], other[2:4]) / 2).all())


def _best_turn(find: Find, rgb: Image, row: Floats) -> tuple[int, Floats]:
    """How many eighth turns, 0 to 7, make the network most confident of a face, and its row so: all in one picture."""
    patches, matrices = _turned_patches(rgb, row)
    best = np.zeros((EIGHTHS, 15))
    for found in find(np.hstack(patches)):
        number, from_left = divmod(found[0] + found[2] / 2, PATCH)
        from_middle = max(abs(from_left - PATCH / 2), abs(found[1] + found[3] / 2 - PATCH / 2))
        # One farther from the middle is a neighbour's face.
        if 0 <= number < EIGHTHS and from_middle < PATCH / 4 and found[14] > best[int(number), 14]:
            best[int(number)] = found
    eighth = int(best[:, 14].argmax())
    if best[eighth, 14] < max(best[0, 14] + GAIN, row[14] - LOSS, LEAST):
        return 0, row
    return eighth, _from_patch(best[eighth], eighth, matrices[eighth])


def _from_patch(found: Floats, eighth: int, matrix: Floats) -> Floats:
    """A row of the picture of patches in the photo's pixels; the box of a face that is turned askew is a square."""
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    points = np.concatenate([[found[:2] + found[2:4] / 2], found[4:14].reshape(5, 2)]) - (eighth * PATCH, 0)
    centre, *landmarks = points @ back[:, :2].T + back[:, 2]
    width, height = found[2:4] * np.linalg.norm(back[:, 0])
    size = {0: (width, height), 2: (height, width)}.get(eighth % 4, (max(width, height),) * 2)
    return np.concatenate([centre - np.array(size) / 2, size, np.ravel(landmarks), found[14:]])


def _turned_patches(rgb: Image, row: Floats) -> tuple[list[Image], list[Floats]]:
    """The face and half as much on each side, in eighth turns, (PATCH, PATCH, 3); black beyond the photo's border.

    Returns:
        The patches, and the (2, 3) matrices that lead from the photo's pixels to theirs.
    """
    import cv2

    x, y, w, h = (float(value) for value in row[:4])
    centre, side = np.array([x + w / 2, y + h / 2]), 2 * max(w, h)
    reach = side * 0.75  # the corner of a patch that is turned by an eighth
    (left, top), (right, bottom) = np.maximum(0, (centre - reach).astype(int)), (centre + reach).astype(int)
    scale = min(1.0, PATCH / side)
    cut = rgb[top:bottom, left:right]
    if scale < 1:
        cut = np.asarray(cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    patches, matrices = [], []
    for eighth in range(EIGHTHS):
        matrix = cv2.getRotationMatrix2D(((centre - (left, top)) * scale).tolist(), 45 * eighth, PATCH / side / scale)
        matrix[:, 2] += PATCH / 2 - (centre - (left, top)) * scale
        patches.append(np.asarray(cv2.warpAffine(cut, matrix, (PATCH, PATCH)), np.uint8))
        linear = matrix[:, :2] * scale
        matrices.append(np.column_stack([linear, matrix[:, 2] - linear @ (left, top)]))
    return patches, matrices
