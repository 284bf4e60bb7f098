"""What the parts cost bare, on one thread: decoding, detectors, alignment, embedders, storing.

python -m bench.kernels
"""

import hashlib
import os
import statistics
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np

from bench.faces import load
from bench.results import publish, record
from bench.setting import Bench, full_size_event, prepared
from facefind_pipeline.faces import Face
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import open_database
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.decode import decode
from facefind_pipeline.vision.detectors import load_detector, reduce
from facefind_pipeline.vision.dlib_network import WEIGHTS, load_network, packaged_model
from facefind_pipeline.vision.embedders import load_embedder
from facefind_pipeline.vision.sheet import thumbnail

REPEATS = 5
CHIPS = 32
PHOTOS = 6


def main() -> None:
    """Measures, prints and records."""
    import cv2

    cv2.setNumThreads(1)
    with prepared() as bench:
        os.environ.update(bench.environment)
        paths = sorted((full_size_event(60) / "event").iterdir())[:PHOTOS]
        photos = [decode(path.read_bytes(), rgb=True, grey=True) for path in paths]
        faces = load_detector(ParameterSet.parse("recommended").detector, bench.models).detect(photos[1])
        assert photos[1].rgb is not None
        rows = [
            *_decoding(paths),
            *_detecting(bench, paths[1]),
            *_embedding(bench, photos[1].rgb, faces),
            _storing(bench),
        ]
        publish("kernels", rows)


def _decoding(paths: list[Path]) -> list[dict[str, object]]:
    import cv2
    import simplejpeg
    from PIL import Image as Pillow

    data = paths[1].read_bytes()
    flat = np.frombuffer(data, np.uint8)
    kernels: dict[str, Callable[[], object]] = {
        "SHA-256 of the file": lambda: hashlib.sha256(data).digest(),
        "decode, Pillow": lambda: Pillow.open(BytesIO(data)).load(),
        "decode, cv2, colour": lambda: cv2.imdecode(flat, cv2.IMREAD_COLOR_RGB),
        "decode, cv2, grey": lambda: cv2.imdecode(flat, cv2.IMREAD_GRAYSCALE),
        "decode, cv2, colour at half size": lambda: cv2.imdecode(flat, cv2.IMREAD_REDUCED_COLOR_2),
        "decode, libjpeg-turbo itself, colour": lambda: simplejpeg.decode_jpeg(data),
        "decode, libjpeg-turbo itself, colour at half size": lambda: simplejpeg.decode_jpeg(data, min_height=1000),
    }
    return [_row(name, "photo of 3000x2000", _milliseconds(kernel)) for name, kernel in kernels.items()]


def _detecting(bench: Bench, path: Path) -> list[dict[str, object]]:
    import cv2

    photo = decode(path.read_bytes(), rgb=True, grey=True)
    assert photo.rgb is not None
    rgb = photo.rgb
    size = (2000, 1333)
    rows = [
        _row("reduce to 2000 pixels", "photo", _milliseconds(lambda: reduce(rgb, 2000))),
        _row(
            "the same by area alone",
            "photo",
            _milliseconds(lambda: cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)),
        ),
    ]
    haar, hog = "haar-sf1.05-mn2-ms100", ("hog-up0-px2000", "hog-up1-px2000")
    for key in (haar, *hog, "yunet-st0.60-px2000", "yunet-st0.60-px1280"):
        settings = ParameterSet.parse(f"{key}@dlib").detector
        detector = load_detector(settings, bench.models)
        side = settings.longest_side or 3000
        milliseconds = _milliseconds(lambda detector=detector: detector.detect(photo))
        rows.append(
            _row(f"`{key}`", f"megapixel at {side}x{side * 2 // 3}", milliseconds / (side * side * 2 / 3 / 1e6))
        )
    return rows


def _embedding(bench: Bench, rgb: Image, faces: list[Face]) -> list[dict[str, object]]:
    import dlib

    folders = {"models": bench.models, "derived": bench.models}
    aligned = load_embedder(ParameterSet.parse("recommended").embedder, **folders, clip_model=None)
    clip = load_embedder(ParameterSet.parse("talk").embedder, **folders, clip_model=bench.clip)
    chips = [aligned.crop(rgb, face) for face in faces]
    batch = np.stack((chips * CHIPS)[:CHIPS])
    weights = packaged_model(WEIGHTS)
    network, itself = load_network(bench.models, weights), dlib.face_recognition_model_v1(str(weights))
    slow, fast, by_size = [], [], {1: [], 8: [], CHIPS: []}
    for _ in range(REPEATS):  # alternating
        slow.append(_once(lambda: itself.compute_face_descriptor(list(batch[:8]))) / 8)
        for size, times in by_size.items():
            times.append(_once(lambda size=size: network(batch[:size])) / size)
    fast = by_size[CHIPS]
    vectors = np.array(itself.compute_face_descriptor(chips), np.float32)
    record(
        {
            "dlib_network_speedup": statistics.median(slow) / statistics.median(fast),
            "dlib_network_max_diff": float(np.abs(network(np.stack(chips)) - vectors).max()),
        }
    )
    grey = np.ascontiguousarray(rgb[:, :, 1])
    crops = ([clip.crop(grey, face) for face in faces] * CHIPS)[:CHIPS]
    return [
        _row("thumbnail", "face", _milliseconds(lambda: thumbnail(rgb, faces[0].box))),
        _row("align and cut out a chip", "face", _milliseconds(lambda: aligned.crop(rgb, faces[0]))),
        _row("dlib's network in dlib-bin", "face", statistics.median(slow)),
        *(
            _row(f"dlib's network on onnxruntime, {size} at once", "face", statistics.median(times))
            for size, times in by_size.items()
        ),
        *(
            _row(
                f"imgbeddings on a CLIP-sized model, {size} at once",
                "face",
                _milliseconds(lambda size=size: clip.embed(crops[:size])) / size,
            )
            for size in by_size
        ),
    ]


def _storing(bench: Bench) -> dict[str, object]:
    home = bench.server.home
    database = open_database(Settings(home, bench.server.url("storing"), home / "models", home / "references", None))
    started = time.perf_counter()
    load(database, 0, 10_000)
    return _row("photos, boxes, thumbnails and vectors by COPY", "face", (time.perf_counter() - started) / 10)


def _row(name: str, unit: str, milliseconds: float) -> dict[str, object]:
    return {"kernel": name, "unit": unit, "ms": milliseconds}


def _milliseconds(kernel: Callable[[], object]) -> float:
    """CPU time of this thread, the median of a few calls after a first one."""
    kernel()
    return statistics.median(_once(kernel) for _ in range(REPEATS))


def _once(kernel: Callable[[], object]) -> float:
    started = time.thread_time()
    kernel()
    return 1000 * (time.thread_time() - started)


if __name__ == "__main__":
    main()
