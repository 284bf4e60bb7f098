"""Photos as people have them: every odd format that is read, each showing the same person in a picture of its own."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import tifffile
from PIL import Image

from facefind_pipeline_tests.vision.test_png import chunk, png
from facefind_pipeline_tests.vision.tiff_files import dng, grey_or_rgb

DAMAGED = 3  # of those below


def encoded(image: Image.Image, image_format: str = "JPEG", **options: object) -> bytes:
    """The file of an image."""
    out = io.BytesIO()
    image.save(out, image_format, **options)
    return out.getvalue()


def numbered(portrait: Image.Image) -> Callable[[], Image.Image]:
    """Gives the portrait in a picture of its own each time, a little darker than the last."""
    count = 0

    def another() -> Image.Image:
        nonlocal count
        count += 1
        return portrait.point([value * (200 - count) // 200 for value in range(256)] * 3)

    return another


def write_odd_photos(folder: Path, person: Callable[[], Image.Image]) -> set[str]:
    """Writes the photos; returns the names of those that count, which is all but a RAW beside its JPEG."""
    pillow_heif.register_heif_opener()
    jpeg = encoded(person(), quality=92)
    pixels = np.asarray(person())
    deep = io.BytesIO()
    tifffile.imwrite(deep, (np.asarray(person()) / 255).astype(np.float32), photometric="rgb", compression="zlib")
    sensor = np.zeros((600, 512, 3), np.uint8)
    files = {name: encoded(person(), quality=92) for name in ("a.jfif", "b.mov", "no suffix")} | {
        "c.HIF": encoded(person(), "HEIF", quality=92),
        "d.avifs": encoded(person(), "AVIF", quality=92),
        "e.mpo": encoded(person(), "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))]),
        "no end.jpg": jpeg[:-2],
        "cut.jpg": jpeg[: int(len(jpeg) * 0.9)],
        "cut progressive.jpg": encoded(person(), progressive=True)[:-5000],
        "large text.png": png(np.asarray(person()), chunk(b"zTXt", b"h\0\0" + zlib.compress(b"x" * 9_000_000))),
        "twelve bits.tif": grey_or_rgb(pixels.astype(int) << 4, 12, 2),
        "float.tif": deep.getvalue(),
        "min is white.tif": grey_or_rgb(255 - np.asarray(person().convert("L")).astype(int), 8, 0),
        "raw.dng": dng(sensor, encoded(person(), quality=92), (512, 600)),
        "both.dng": dng(sensor, jpeg, (512, 600)),
        "both.jpg": jpeg,
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return set(files) - {"both.dng"}
