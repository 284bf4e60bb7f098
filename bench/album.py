"""An album with other people hidden, beside decoding and encoding the same photos bare, in one run.

    python -m bench.album [EVENT] [--photos 500] [--size full] [--params KEY]

EVENT is a folder of photos, used again and again up to the number; composed photos of 3000x2000 by default. Both sides
read, decode, encode and write on all cores, in turn: the bare one in threads, the other in processes apart. What a set
found in the photos is known before, as it is when an album is made.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import cv2

from bench.setting import full_size_event
from facefind_pipeline.ingest.faces import set_models
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.publish.covering import Head
from facefind_pipeline.publish.exports import QUALITY, Size, ToExport, encode, export
from facefind_pipeline.publish.hiding import Hiding
from facefind_pipeline.settings import read_settings
from facefind_pipeline.vision import apart
from facefind_pipeline.vision.decode import decode
from facefind_pipeline.vision.detectors import reduce
from facefind_pipeline.vision.models import write_atomically
from facefind_pipeline.vision.pipeline import PhotoFaces, PhotoTask, cores, find_faces

WANTED = 1.3  # times bare
COMPOSED = 40
ROUNDS = 3


def main() -> None:
    """Reads the arguments, runs both sides and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.album", description=__doc__.splitlines()[0])
    parser.add_argument("event", nargs="?", type=Path)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--size", default="full", choices=[size.value for size in Size])
    parser.add_argument("--params", default="recommended")
    chosen = parser.parse_args()
    size = Size(chosen.size)
    photos = _photos(chosen.event or full_size_event(COMPOSED) / "event", chosen.params, size)
    album = list(islice(cycle(photos), chosen.photos))
    heads = sum(len(photo.hiding.found) - 1 for photo in album if photo.hiding)
    with tempfile.TemporaryDirectory(prefix="facefind-bench") as scratch:
        folder = Path(scratch)
        costs: dict[str, list[tuple[float, float]]] = {"bare": [], "hidden": []}
        for _ in range(ROUNDS):
            costs["bare"].append(_cost(lambda: _bare(album, folder)))
            costs["hidden"].append(_cost(lambda: _hidden(album, folder)))
    print(f"{len(album)} photos, {heads} heads of other people found before, size {size.value}, {cores()} cores")
    for number, what in enumerate(("wall", "CPU")):
        bare, hidden = ([cost[number] for cost in costs[side]] for side in ("bare", "hidden"))
        ratio = statistics.median(one / other for one, other in zip(hidden, bare, strict=True))
        print(
            f"{what}: bare {statistics.median(bare):.1f} s, hidden {statistics.median(hidden):.1f} s, "
            f"ratio {ratio:.2f} (wanted: at most {WANTED})"
        )


def _photos(folder: Path, params: str, size: Size) -> list[ToExport]:
    """The folder's photos with faces, the first of which is the person's."""
    settings, parameters = read_settings(), ParameterSet.parse(params)
    files = sorted(folder.glob("*.jpg"))
    tasks = [PhotoTask(hashlib.sha256(file.read_bytes()).digest(), file) for file in files]
    found = find_faces(tasks, set_models(settings, parameters, crops=False), None)
    return [_to_export(one, size) for one in found if one.faces]


def _to_export(found: PhotoFaces, size: Size) -> ToExport:
    heads = tuple(Head(*face.box) for face in found.faces)
    return ToExport(found.task.sha256.hex(), (found.task.path,), size, Hiding(heads[:1], heads))


def _bare(album: Sequence[ToExport], folder: Path) -> None:
    cv2.setNumThreads(1)

    def work(number: int) -> None:
        photo = album[number]
        pixels = decode(photo.files[0].read_bytes(), rgb=True, grey=False).rgb
        assert pixels is not None
        pixels, _ = reduce(pixels, photo.size.side, fast=True)
        write_atomically(folder / f"{number}.jpg", encode(pixels, QUALITY[photo.size]))

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(work, range(len(album))))


def _hidden(album: Sequence[ToExport], folder: Path) -> None:
    for number, made in enumerate(export(album, read_settings().models)):
        assert made.data is not None, made.problem
        write_atomically(folder / f"{number}.jpg", made.data)


def _cost(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of all cores: on a busy machine only the latter hold."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    work()
    return time.perf_counter() - wall, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    return time.process_time() + apart.cpu_seconds()


if __name__ == "__main__":
    main()
