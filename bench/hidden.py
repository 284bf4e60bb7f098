"""Whether other people are hidden in albums: on an event with truth boxes, whom detector and embedder know still.

    python -m bench.hidden EVENT [--params KEY] [--home DIR]

EVENT is laid out as `bench.quality` takes it; `truth.csv` has the boxes of all faces, those of strangers too. Each
person's album is made with other people hidden. A face is known still where the set's detector finds one in its truth
box whose vector lies as near to the one from before as 1 % of the pairs of two people do. DIR keeps the database for
the next time.
"""

import argparse
import csv
import os
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from facefind_pipeline.cli.run import find_people
from facefind_pipeline.faces import Face
from facefind_pipeline.ingest.faces import shared_embedder
from facefind_pipeline.ingest.names import key_of
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.publish.album import AlbumPhoto, Options, plan_album
from facefind_pipeline.publish.covering import on_one_face
from facefind_pipeline.publish.exports import picture
from facefind_pipeline.publish.selection import selected
from facefind_pipeline.search.calibration import read_calibration
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store import parameter_sets, people
from facefind_pipeline.store.database import open_database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline.vision.arrays import Image, Vectors
from facefind_pipeline.vision.decode import DecodedPhoto, decode
from facefind_pipeline.vision.detectors import load_detector
from facefind_pipeline.vision.pipeline import cores

IMPOSTORS = 0.01  # of the pairs of two people lie nearer than what is taken for the same face
WANTED = 0.995  # of other people's faces


@dataclass(frozen=True, slots=True)
class Truth:
    """A face of an event: its box, and whose it is, as a key."""

    box: tuple[float, float, float, float]
    person: str


@dataclass(frozen=True, slots=True)
class Known:
    """A face as the set knows it in the photo as it was taken; None where its detector does not find it."""

    truth: Truth
    face: Face | None
    vector: Vectors | None


class Recogniser:
    """The set's detector and embedder, and the distance up to which two faces are one person's. Serves one thread."""

    def __init__(self, parameters: ParameterSet, threshold: float) -> None:
        settings = read_settings()
        self._detector = load_detector(parameters.detector, settings.models)
        self._embedder = shared_embedder(settings, parameters)
        self._threshold = threshold

    def faces(self, pixels: Image, truths: Sequence[Truth]) -> list[Known]:
        """The truth's faces in a photo as it was taken."""
        found = self._detector.detect(DecodedPhoto(pixels, None))
        known = []
        for truth in truths:
            face = next((face for face in found if on_one_face(face.box, truth.box)), None)
            known.append(Known(truth, face, None if face is None else self._embed(pixels, face)))
        return known

    def known_still(self, known: Sequence[Known], pixels: Image) -> list[bool]:
        """Of each face whether it is still known in the photo with some hidden."""
        found = self._detector.detect(DecodedPhoto(pixels, None))
        return [any(self._is_same(one, face, pixels) for face in found) for one in known]

    def _is_same(self, known: Known, face: Face, pixels: Image) -> bool:
        if known.vector is None or not on_one_face(face.box, known.truth.box):
            return False
        return bool(np.linalg.norm(self._embed(pixels, face) - known.vector) <= self._threshold)

    def _embed(self, pixels: Image, face: Face) -> Vectors:
        return self._embedder.embed([self._embedder.crop(pixels, face)])[0]


def main() -> None:
    """Reads the arguments, works on the event, measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.hidden", description=__doc__.splitlines()[0])
    parser.add_argument("event", type=Path)
    parser.add_argument("--params", default="recommended", help="a set; `recommended` by default")
    parser.add_argument("--home", type=Path, help="keeps the database here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facefind-bench") as scratch:
        home = (chosen.home or Path(scratch) / "home").absolute()
        os.environ["FACEFIND_HOME"] = str(home)
        try:
            counts = measure(chosen.event.absolute(), ParameterSet.parse(chosen.params))
        finally:
            if read_settings().database_url is None and not chosen.home:
                EmbeddedServer(home).stop()
    if echo(counts) < WANTED or counts["own lost"]:
        sys.exit(1)


def measure(event: Path, parameters: ParameterSet) -> Counter[str]:
    """Counts of faces in the albums of everyone who has a reference."""
    references = {file.stem: file for file in sorted((event / "references").glob("*.*"))}
    photos = event / "photos" if (event / "photos").is_dir() else event
    find_people(photos, list(references.items()), parameters.key, largest=True, quiet=True)
    truths = _truths(event / "truth.csv")
    settings = read_settings()
    with open_database(settings).connect() as connection:
        registered = parameter_sets.find(connection, parameters.key)
        calibration = read_calibration(connection, parameters.key)
        assert calibration is not None
        options, today = Options(hide_others=True), date.today()
        everyone = selected(connection, registered, people.people(connection), all_bands=False)
        albums = [plan_album(connection, registered, one, options, today) for one in everyone]
    by_photo: defaultdict[Path, list[tuple[str, AlbumPhoto]]] = defaultdict(list)
    for album in albums:
        for photo in album.photos:
            if photo.match.file.name in truths:
                by_photo[photo.match.file].append((album.selection.person.key, photo))
    local = threading.local()

    def work(file: Path) -> Counter[str]:
        if not hasattr(local, "recogniser"):
            local.recogniser = Recogniser(parameters, calibration.threshold(IMPOSTORS))
        content = file.read_bytes()
        pixels = decode(content, rgb=True, grey=False).rgb
        assert pixels is not None
        before = local.recogniser.faces(pixels, truths[file.name])
        counts = Counter[str]()
        for person, photo in by_photo[file]:
            shown = picture(content, photo.export.hiding, settings.models).pixels
            counts.update(_counts(person, photo, before, local.recogniser.known_still(before, shown)))
        return counts

    counts = Counter({"left out": sum(len(album.left_out) for album in albums)})
    with ThreadPoolExecutor(cores()) as pool:
        for one in pool.map(work, by_photo):
            counts.update(one)
    return counts


def echo(counts: Counter[str]) -> float:
    """Prints what came of it; returns the share of other people's faces that are hidden."""
    others, own = counts["others"], counts["own"]
    hidden = others - counts["others known"]
    print(f"albums of {counts['photos']} photos, {counts['left out']} left out, with {others} faces of other people")
    print(f"hidden beyond recognition: {hidden} of {others}, {hidden / others:.2%}")
    print(f"  of those that the set knew before: {1 - counts['others known'] / counts['others knowable']:.2%}")
    print(f"the person's own: {own}, of which {counts['own lost']} not known any more")
    print(f"shown since the match took another's face for the person's: {counts['mistaken']}, not counted above")
    return hidden / others


def _counts(person: str, photo: AlbumPhoto, before: Sequence[Known], known_still: Sequence[bool]) -> Counter[str]:
    counts = Counter({"photos": 1})
    for known, still in zip(before, known_still, strict=True):
        if known.truth.person == person:
            counts["own"] += 1
            counts["own lost"] += known.face is not None and not still
        elif on_one_face(photo.match.box, known.truth.box):
            counts["mistaken"] += 1
        else:
            counts["others"] += 1
            counts["others knowable"] += known.face is not None
            counts["others known"] += still
            if still:
                print(f"  known still: {photo.match.photo} {known.truth.person} {known.truth.box}", file=sys.stderr)
    return counts


def _truths(file: Path) -> defaultdict[str, list[Truth]]:
    truths: defaultdict[str, list[Truth]] = defaultdict(list)
    with file.open(newline="", encoding="utf-8") as read:
        for row in csv.DictReader(read):
            x, y, w, h = (float(row[name]) for name in ("x", "y", "w", "h"))
            truths[row["filename"]].append(Truth((x, y, w, h), key_of(row["person"])))
    return truths


if __name__ == "__main__":
    main()
