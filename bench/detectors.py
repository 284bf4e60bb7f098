"""Detectors on photos whose faces are known: recall beside time.

    python -m bench.detectors EVENT [--photos N]

EVENT holds photos and a `truth.csv` with the columns filename, x, y, w, h, and `visible`, the share of the face that
nobody covers; faces of which more than half is hidden do not count.
"""

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.results import publish
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import read_settings
from facefind_pipeline.vision.decode import decode
from facefind_pipeline.vision.detectors import load_detector
from facefind_pipeline.vision.faces import Box
from facefind_pipeline.vision.models import YUNET

HOG = ("hog-up1-px2000", "hog-up1-px1800", "hog-up1-px1600", "hog-up0-px0")
YUNETS = ("yunet-st0.60-px2000", "yunet-st0.60-px1600", "yunet-st0.60-px1280")
HAAR = ("haar-sf1.05-mn2-ms100",)


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
    names = sorted(truth)[: options.photos]
    models = read_settings().models
    keys = HAAR + HOG + (YUNETS if YUNET.present(models) else ())
    publish("detectors", [_measure(key, models, options.event, {name: truth[name] for name in names}) for key in keys])


def _measure(key: str, models: Path, event: Path, truth: dict[str, list[Box]]) -> dict[str, object]:
    detector = load_detector(ParameterSet.parse(f"{key}@dlib").detector, models)
    found = boxes = 0
    seconds = 0.0
    for name, faces in truth.items():
        photo = decode((event / name).read_bytes(), rgb=True, grey=True)
        started = time.thread_time()
        seen = [face.box for face in detector.detect(photo)]
        seconds += time.thread_time() - started
        boxes += len(seen)
        found += sum(_covered(face, seen) for face in faces)
    total = sum(map(len, truth.values()))
    return {
        "detector": f"`{key}`",
        "faces": total,
        "found": found,
        "boxes": boxes,
        "CPU s a photo": seconds / len(truth),
    }


def _covered(face: Box, boxes: Sequence[Box]) -> bool:
    """Whether a box of about its size lies over the middle of the face."""
    x, y = face.x + face.w / 2, face.y + face.h / 2
    return any(b.x < x < b.x + b.w and b.y < y < b.y + b.h and 0.4 < b.w / face.w < 2.5 for b in boxes)


if __name__ == "__main__":
    main()
