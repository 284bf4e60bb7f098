"""How well faces are put together without any reference, on events whose truth is known, and how long many take.

    python -m bench.groups EVENT...
    python -m bench.groups --faces 100000

An EVENT has photos and `truth.csv` with the columns `person`, `filename`, `x`, `y`, `w`, `h`, strangers among them.
Printed are BCubed precision and recall (Bagga and Baldwin, 1998): of each face, the share of its group that is its
person, and the share of its person that is in its group; in the mean over all faces that the truth names, those of
strangers too. Faces of nobody in the truth (people of the background, boxes that are none) are grouped like all others,
but count neither as true nor as false, since nobody knows whose they are. The same of average linkage of all pairs, cut
at .50. With --faces: seconds and megabytes for so many faces drawn at random.
"""

import argparse
import csv
import hashlib
import resource
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import csr_array

from bench.portraits import FoundFaces, faces_in
from bench.results import markdown
from facefind_pipeline.faces import Box
from facefind_pipeline.search.distances import L2, Floats, Numbers, on_grid
from facefind_pipeline.search.grouping import SetFaces, group
from facefind_pipeline.search.priors import DLIB
from facefind_pipeline.search.said_groups import Said
from facefind_pipeline.set_names import ALIASES

TRUE_BOX = 0.2  # intersection over union: boxes of truth are drawn more loosely than detectors do
AVERAGE_LINKAGE = 0.5
FACES_PER_PHOTO = 8
# Variances of dlib's vectors between people and within one's, of so many dimensions that tell most, and how often
# people are seen: guests and passers-by.
BETWEEN, WITHIN, TELLING = 0.228, 0.092, 15
GUEST_FACES, OF_GUESTS = 120, 1 / 4


def main() -> None:
    """Groups, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="*", type=Path, metavar="EVENT")
    parser.add_argument("--faces", type=int, help="that are drawn at random and grouped")
    chosen = parser.parse_args()
    if chosen.events:
        print(markdown([row for event in chosen.events for row in _rows(event)]))
    if chosen.faces:
        print(markdown([_timed(chosen.faces)]))


def bcubed(labels: Numbers, people: Sequence[str]) -> tuple[float, float]:
    """BCubed precision and recall of faces whose person is known."""
    groups, persons = (np.unique(names, return_inverse=True)[1] for names in (labels, np.asarray(people)))
    counts = csr_array((np.ones(len(groups)), (groups, persons)))
    counts.sum_duplicates()
    squares = counts.power(2)
    precision = (squares.sum(axis=1) / counts.sum(axis=1)).sum() / len(groups)
    recall = (squares.sum(axis=0) / counts.sum(axis=0)).sum() / len(groups)
    return float(precision), float(recall)


def _rows(event: Path) -> list[dict[str, object]]:
    found = _by_content(event, faces_in(event, ALIASES["recommended"]))
    people = _people(event, found)
    named = np.flatnonzero(people != "")
    vectors = on_grid(found.vectors, L2)
    methods = {
        "facefind": _grouped(found, vectors),
        f"average linkage, cut at {AVERAGE_LINKAGE:.2f}": fcluster(
            linkage(vectors, "average"), AVERAGE_LINKAGE, "distance"
        ),
    }
    rows = []
    for method, labels in methods.items():
        precision, recall = bcubed(labels[named], people[named].tolist())
        rows.append(
            {
                "event": event.name,
                "method": method,
                "faces": len(people),
                "of them named": len(named),
                "people": len(set(people[named])),
                "BCubed precision": f"{precision:.3f}",
                "BCubed recall": f"{recall:.3f}",
            }
        )
    return rows


def _by_content(event: Path, found: FoundFaces) -> FoundFaces:
    """The faces of the event's photos, in the order in which a home has them: by the photos' SHA-256."""
    contents = {name: hashlib.sha256((event / name).read_bytes()).digest() for name in np.unique(found.photos).tolist()}
    mine = [face for face, name in enumerate(found.photos.tolist()) if not name.startswith("references/")]
    order = np.array(sorted(mine, key=lambda face: contents[str(found.photos[face])]))
    return FoundFaces(*(part[order] for part in (found.photos, found.boxes, found.scores, found.vectors)))


def _people(event: Path, found: FoundFaces) -> np.ndarray:
    """(n,) whom the truth has at each face, empty where nobody; each of its boxes names one face."""
    truth: Mapping[str, list[tuple[str, Box]]] = defaultdict(list)
    with (event / "truth.csv").open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            x, y, w, h = (round(float(row[side])) for side in "xywh")
            truth[row["filename"]].append((row["person"], Box(x, y, w, h)))
    names = np.zeros(len(found.photos), dtype=object)
    names[:] = ""
    for photo, boxes in truth.items():
        faces = np.flatnonzero([Path(name).name == photo for name in found.photos.tolist()])
        pairs = [
            (Box(*found.boxes[face].tolist()).iou(box), face, number)
            for face in faces.tolist()
            for number, (_, box) in enumerate(boxes)
        ]
        taken: set[int] = set()
        for overlap, face, number in sorted(pairs, reverse=True):
            if overlap >= TRUE_BOX and not names[face] and number not in taken:
                names[face] = boxes[number][0]
                taken.add(number)
    return names.astype(str)


def _grouped(found: FoundFaces, vectors: Floats) -> Numbers:
    order = {name: number for number, name in enumerate(dict.fromkeys(found.photos.tolist()))}
    photos = np.array([order[name] for name in found.photos.tolist()])
    return group(SetFaces(photos, vectors, found.boxes, found.scores), Said(), DLIB, L2)


def _timed(count: int) -> dict[str, object]:
    random = np.random.default_rng(0)
    guests = round(count * OF_GUESTS / GUEST_FACES)
    people = np.concatenate([np.repeat(np.arange(guests), GUEST_FACES), np.arange(guests, count)])[:count]
    weights = np.exp(-np.arange(128) / TELLING)
    spread = np.sqrt(weights / weights.sum())
    centres = random.normal(0, np.sqrt(BETWEEN) * spread, (count, 128))
    people = random.permutation(people)
    vectors = on_grid(centres[people] + random.normal(0, np.sqrt(WITHIN) * spread, (count, 128)), L2)
    del centres
    photos = np.arange(count) // FACES_PER_PHOTO
    boxes = np.column_stack([100 * (np.arange(count) % FACES_PER_PHOTO), *np.full((3, count), 90)])
    faces = SetFaces(photos, vectors, boxes, random.random(count))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, busy = time.perf_counter(), time.process_time()
    labels = group(faces, Said(), DLIB, L2)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    precision, recall = bcubed(labels, people.astype(str).tolist())
    return {
        "faces drawn": count,
        "seconds": seconds,
        "CPU seconds": busy,
        "MB more": more / 1024,
        "groups": len(np.unique(labels)),
        "BCubed precision": f"{precision:.3f}",
        "BCubed recall": f"{recall:.3f}",
    }


if __name__ == "__main__":
    main()
