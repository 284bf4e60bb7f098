"""Detectors on photos whose faces are known: recall beside time, and what more looking would bring.

    python -m bench.detectors EVENT [--photos N]

EVENT holds photos, or has them in `photos`, and a `truth.csv` with the columns filename, x, y, w, h, and `visible`, the
share of the face that nobody covers; faces of which more than half is hidden do not count.
"""

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.results import publish
from facefind_pipeline.faces import Box
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import read_settings
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.decode import DecodedPhoto, decode
from facefind_pipeline.vision.detectors import load_detector

HOG = ("hog-up1-px2000", "hog-up1-px1800", "hog-up1-px1600", "hog-up0-px0")
YUNETS = ("yunet-st0.60-px2000", "yunet-st0.60-px1600", "yunet-st0.60-px1280", "yunet-st0.60-px1280-sl2000")
HAAR = ("haar-sf1.05-mn2-ms100",)
THRESHOLDS = (
    *(f"yunet-st{threshold}-px1280-sl2000" for threshold in ("0.30", "0.45", "0.75", "0.85", "0.90")),
    *(f"haar-sf1.05-mn{neighbours}-ms100" for neighbours in (2, 5, 10, 20)),
)
RECOMMENDED, LARGER = "yunet-st0.60-px1280-sl2000", "yunet-st0.60-px3000"
SMALL = 60  # pixels a side
ONE_FACE = 0.4  # intersection over union from which two looks have found the same face

Look = Callable[[Image], list[Box]]  # (h, w, 3) upright RGB to boxes


def main() -> None:
    """Measures and prints."""
    import cv2

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("event", type=Path)
    parser.add_argument("--photos", type=int, default=24)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    truth: dict[str, list[Box]] = defaultdict(list)
    with (options.event / "truth.csv").open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if float(row["visible"]) > 0.5:
                truth[row["filename"]].append(Box(*(round(float(row[side])) for side in "xywh")))
    folder = options.event / "photos" if (options.event / "photos").is_dir() else options.event
    photos = {name: truth[name] for name in sorted(truth)[: options.photos]}
    models = read_settings().models
    keys = HAAR + HOG + YUNETS
    publish("detectors", [_measure(f"`{key}`", _look(key, models), folder, photos) for key in keys])
    publish("detector-extras", _extras(models, folder, photos))


def _extras(models: Path, event: Path, photos: Mapping[str, list[Box]]) -> list[dict[str, object]]:
    """Other thresholds, a second scale, and photos that lie on their side without saying so."""
    once, larger = _look(RECOMMENDED, models), _look(LARGER, models)
    looks: dict[str, Look] = {f"`{RECOMMENDED}`": once}
    looks |= {f"`{key}`": _look(key, models) for key in THRESHOLDS}
    looks |= {f"`{LARGER}`": larger, "both always": lambda rgb: _merge(once(rgb), larger(rgb))}
    looks["all four ways up"] = lambda rgb: _all_ways_up(once, rgb)
    rows = [_measure(name, look, event, photos) for name, look in looks.items()]
    for name in (f"`{RECOMMENDED}`", "all four ways up"):
        look = looks[name]
        rows.append(
            _measure(f"photos on their side, {name}", lambda rgb, look=look: _on_its_side(look, rgb), event, photos)
        )
    return rows


def _look(key: str, models: Path) -> Look:
    detector = load_detector(ParameterSet.parse(f"{key}@dlib").detector, models)

    def look(rgb: Image) -> list[Box]:
        import cv2

        grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8) if detector.needs_grey else None
        return [face.box for face in detector.detect(DecodedPhoto(rgb, grey))]

    return look


def _measure(name: str, look: Look, event: Path, truth: Mapping[str, list[Box]]) -> dict[str, object]:
    seen: dict[str, list[Box]] = {}
    seconds = 0.0
    for file in truth:
        photo = decode((event / file).read_bytes(), rgb=True, grey=False)
        assert photo.rgb is not None
        started = time.thread_time()
        seen[file] = look(photo.rgb)
        seconds += time.thread_time() - started
    found = [(face, _covered(face, seen[file])) for file, faces in truth.items() for face in faces]
    small = [covered for face, covered in found if face.w < SMALL]
    return {
        "detector": name,
        "faces": len(found),
        "found": sum(covered for _, covered in found),
        f"of {len(small)} below {SMALL} pixels": sum(small),
        "boxes": sum(map(len, seen.values())),
        "CPU s per photo": seconds / len(truth),
    }


def _all_ways_up(look: Look, rgb: Image) -> list[Box]:
    """What is found in the photo as it is and turned by one, two and three quarters."""
    boxes: list[Box] = []
    for quarters in range(4):
        turned = np.ascontiguousarray(np.rot90(rgb, quarters))
        boxes = _merge(boxes, [_turn_back(box, quarters, rgb.shape[1], rgb.shape[0]) for box in look(turned)])
    return boxes


def _on_its_side(look: Look, rgb: Image) -> list[Box]:
    """What is found in the photo turned by a quarter, in the pixels of the upright one."""
    return [_turn_back(box, 1, rgb.shape[1], rgb.shape[0]) for box in look(np.ascontiguousarray(np.rot90(rgb)))]


def _turn_back(box: Box, quarters: int, width: int, height: int) -> Box:
    """A box of a photo that was turned anticlockwise, in the pixels it had before: `width` x `height`."""
    x, y, w, h = box
    if quarters == 0:
        return box
    if quarters == 1:
        return Box(width - y - h, x, h, w)
    if quarters == 2:
        return Box(width - x - w, height - y - h, w, h)
    return Box(y, height - x - w, h, w)


def _merge(boxes: list[Box], more: Sequence[Box]) -> list[Box]:
    """The boxes, and those of another look that are no face of theirs."""
    return boxes + [new for new in more if all(new.iou(box) < ONE_FACE for box in boxes)]


def _covered(face: Box, boxes: Sequence[Box]) -> bool:
    """Whether a box of about its size lies over the middle of the face."""
    x, y = face.x + face.w / 2, face.y + face.h / 2
    return any(b.x < x < b.x + b.w and b.y < y < b.y + b.h and 0.4 < b.w / face.w < 2.5 for b in boxes)


if __name__ == "__main__":
    main()
