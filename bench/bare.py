"""The same functions on the same files by as many processes as cores: no Dagster, no database, no queue.

    python -m bench.bare KEY[,KEY...] FOLDER

What the pipeline's overhead is measured against. Under several sets a photo is decoded and searched for each, and a box
that several found is embedded once.
"""

import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.setting import WARM_UP
from facefind_pipeline.vision.pipeline import cores


class Worker:
    """Detectors and embedder of one process."""

    def __init__(self, keys: Sequence[str]) -> None:
        import cv2

        from facefind_pipeline.parameters import ParameterSet
        from facefind_pipeline.settings import read_settings
        from facefind_pipeline.vision.detectors import load_detector
        from facefind_pipeline.vision.embedders import load_embedder

        cv2.setNumThreads(1)
        settings, sets = read_settings(), [ParameterSet.parse(key) for key in keys]
        self._detectors = [load_detector(one.detector, settings.models) for one in sets]
        self._embedder = load_embedder(
            sets[0].embedder, models=settings.models, derived=settings.derived, clip_model=settings.clip_model
        )

    def work(self, photo: Path) -> int:
        """Faces of a photo, each once, with everything the pipeline makes of them."""
        from facefind_pipeline.vision.clothes import describe
        from facefind_pipeline.vision.decode import decode
        from facefind_pipeline.vision.sheet import thumbnail

        embedded: set[object] = set()
        for detector in self._detectors:
            data = photo.read_bytes()
            hashlib.sha256(data).digest()
            decoded = decode(data, rgb=True, grey=detector.needs_grey)
            assert decoded.rgb is not None
            faces = detector.detect(decoded)
            for face in faces:
                thumbnail(decoded.rgb, face.box)
            new = [face for face in faces if face.place not in embedded]
            describe(decoded.rgb, new)
            self._embedder.embed([self._embedder.crop(decoded.rgb, face) for face in new])
            embedded |= {face.place for face in new}
        return len(embedded)


def run(keys: str, folder: str) -> dict[str, float]:
    """Seconds for a folder's day `event`, each process warmed up before."""
    photos = sorted((Path(folder) / "event").iterdir())
    (warm_up,) = (Path(folder) / WARM_UP).iterdir()
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(cores() + 1)
    with context.Pool(cores(), _start, (keys.split(","), warm_up, ready)) as pool:
        ready.wait()
        started = time.perf_counter()
        done = list(pool.imap_unordered(_work, photos))
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "busy": sum(cpu for _, cpu in done), "faces": sum(faces for faces, _ in done)}


def _start(keys: Sequence[str], warm_up: Path, ready: object) -> None:
    global _worker  # noqa: PLW0603 - what a pool's process keeps between tasks has no other place
    _worker = Worker(keys)
    _worker.work(warm_up)
    ready.wait()  # type: ignore[attr-defined]


def _work(photo: Path) -> tuple[int, float]:
    started = time.process_time()
    return _worker.work(photo), time.process_time() - started


_worker: Worker

if __name__ == "__main__":
    print(json.dumps(run(*sys.argv[1:])))
