"""Photos made small: a few sizes of each, made once per content in processes apart, kept in the home for all galleries.

They are upright JPEGs in sRGB that hold pixels alone: no EXIF, no position, no embedded thumbnail, no second image.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from facefind_pipeline.progress import Progress
from facefind_pipeline.publish.metadata import in_srgb
from facefind_pipeline.publish.sources import Source
from facefind_pipeline.vision.apart import cores
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.decode import UnreadablePhotoError, decode
from facefind_pipeline.vision.models import write_atomically

THUMBNAILS = (320, 640)  # pixels of the longer side: a cell of a grid, and the same on a dense screen
FULL = 2048  # fills a phone's screen three times over and a desktop's once
SIDES = (*THUMBNAILS, FULL)
# At 82 a 2048 px photo takes about 400 kB, and nobody sees the loss; a thumbnail's errors are smaller than its pixels.
_QUALITY = {320: 72, 640: 76, FULL: 82}


def preview_file(folder: Path, sha256: str, side: int) -> Path:
    """Where the preview of a photo lies; `side` is one of `SIDES`."""
    return folder / sha256[:2] / f"{sha256}-{side}.jpg"


def scaled_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height of a photo whose longer side has at most so many pixels."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def make_previews(folder: Path, sources: Sequence[Source], progress: Progress) -> dict[str, str]:
    """Makes the previews that are missing.

    Args:
        folder: where they are kept.
        sources: each content once.
        progress: told of each photo.

    Returns:
        The photos that can't be shown, by SHA-256 in hex, with the reason.

    Raises:
        OutageError: the disk is full.
        FacefindError: no process can be started to decode photos in.
    """
    missing = [source for source in sources if not _is_made(folder, source.sha256)]
    problems = {}
    progress.begin("previews", len(missing), "photo")
    with ThreadPoolExecutor(cores(), thread_name_prefix="previews") as pool:
        try:
            for source, problem in zip(missing, pool.map(lambda one: _make(folder, one), missing), strict=True):
                progress.advance()
                if problem is not None:
                    problems[source.sha256] = problem
        finally:
            pool.shutdown(cancel_futures=True)
    progress.end()
    return problems


def remove_previews(folder: Path, known: Collection[str]) -> None:
    """Removes the previews of all photos but those known, given as SHA-256 in hex."""
    for file in folder.glob("??/*.jpg"):
        if file.name.partition("-")[0] not in known:
            file.unlink(missing_ok=True)


def thumbnails(pixels: Image) -> dict[int, bytes]:
    """The JPEGs of all `THUMBNAILS` of a picture (h, w, 3), by the pixels of their longer side."""
    made = {}
    for side in reversed(THUMBNAILS):
        pixels = shrunk(pixels, side)
        made[side] = encode(pixels, side)
    return made


def encode(pixels: Image, side: int) -> bytes:
    """A JPEG of (h, w, 3) RGB pixels, as a preview of that side is encoded."""
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY[side], cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    return encoded.tobytes()


def shrunk(pixels: Image, side: int) -> Image:
    """The pixels with a longer side of at most `side`; never larger than they were."""
    import cv2

    size = scaled_size((pixels.shape[1], pixels.shape[0]), side)
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _is_made(folder: Path, sha256: str) -> bool:
    return all(preview_file(folder, sha256, side).is_file() for side in SIDES)


def _make(folder: Path, source: Source) -> str | None:
    try:
        made = source.make(_previews)
    except UnreadablePhotoError as error:
        return str(error)
    preview_file(folder, source.sha256, FULL).parent.mkdir(parents=True, exist_ok=True)
    for side, encoded in made.items():
        write_atomically(preview_file(folder, source.sha256, side), encoded)
    return None


def _previews(content: bytes) -> dict[int, bytes]:
    """The JPEGs of all `SIDES` of a photo."""
    decoded = decode(content, rgb=True, grey=False)
    assert decoded.rgb is not None
    pixels = in_srgb(shrunk(decoded.rgb, FULL), decoded.profile)
    return {FULL: encode(pixels, FULL)} | thumbnails(pixels)
