"""TIFF files beyond 8 bits as viewers show them (Pillow reads some, and clips them); and which TIFF is a RAW."""

import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facefind_pipeline.vision.arrays import Image

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage
    from tifffile import TiffPage

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# What the values of a wide or floating image are counted in: the least of these that holds them.
_WHITES = (1.0, 2.0**8 - 1, 2.0**16 - 1, 2.0**32 - 1)


@dataclass(frozen=True, slots=True)
class Header:
    """What the first image of a TIFF is.

    Attributes:
        raw: it is a sensor's data, to be developed.
        deep: its samples have more than 8 bits.
        size: width and height as stored.
        orientation: the flag, 1 to 8.
    """

    raw: bool
    deep: bool
    size: tuple[int, int]
    orientation: int


def read_header(data: bytes) -> Header | None:
    """What the first image is; None where the directories are damaged."""
    from PIL.ExifTags import Base
    from tifffile import PHOTOMETRIC

    shown = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.SEPARATED)
    try:
        with _open(data) as file:
            page = file.pages.first
            flag = page.tags.valueof(Base.Orientation)
            return Header(
                raw=_is_raw(page),
                deep=page.bitspersample > 8 and page.photometric in shown,
                size=(page.imagewidth, page.imagelength),
                orientation=flag if flag in range(1, 9) else 1,
            )
    except Exception:  # noqa: BLE001 - damaged directories gave TiffFileError, struct.error, TypeError and others
        return None


def deep_pixels(data: bytes) -> "PillowImage":
    """The first image in 8 bits, as stored: RGB or CMYK, grey as RGB, over white where it is transparent."""
    from PIL import Image as PILImage
    from tifffile import PHOTOMETRIC, SAMPLEFORMAT

    with _open(data) as file:
        page = file.pages.first
        samples = page.asarray()
        if page.planarconfig == 2 and samples.ndim == 3:
            samples = np.moveaxis(samples, 0, -1)
        samples = samples.reshape(page.imagelength, page.imagewidth, -1)
        photometric, floating = page.photometric, page.sampleformat == SAMPLEFORMAT.IEEEFP
        bits = page.bitspersample
    shown = _eight_bits(samples, bits, floating=floating)
    if photometric == PHOTOMETRIC.SEPARATED:
        return PILImage.fromarray(np.ascontiguousarray(shown[..., :4]), "CMYK")
    colours = 3 if photometric == PHOTOMETRIC.RGB else 1
    light = shown[..., :colours]
    if photometric == PHOTOMETRIC.MINISWHITE:
        light = 255 - light
    if shown.shape[2] > colours:
        opaque = shown[..., colours : colours + 1] / np.float32(255)
        light = np.rint(light * opaque + 255 * (1 - opaque)).astype(np.uint8)
    return PILImage.fromarray(np.ascontiguousarray(np.broadcast_to(light, (*light.shape[:2], 3))))


def _eight_bits(samples: NDArray[Any], bits: int, *, floating: bool) -> Image:
    """Integers of up to 16 bits by their own range; wider ones and floats by the least usual range that holds them."""
    if not floating and bits <= 16:
        signed = 1 << (bits - 1) if samples.dtype.kind == "i" else 0
        return ((samples.astype(np.int32) + signed) >> (bits - 8)).astype(np.uint8)
    values = np.nan_to_num(samples.astype(np.float32), nan=0, posinf=0, neginf=0)
    highest = float(values.max(initial=0))
    # A highlight above white is clipped, as long as it is no other range.
    white = next((white for white in _WHITES if highest <= 4 * white), highest)
    return np.asarray(np.clip(values * (255 / white) + 0.5, 0, 255), np.uint8)


def _is_raw(page: "TiffPage") -> bool:
    from PIL.ExifTags import Base
    from tifffile import PHOTOMETRIC

    sensor = (PHOTOMETRIC.CFA, PHOTOMETRIC.LINEAR_RAW)
    if Base.DNGVersion in page.tags or page.photometric in sensor:
        return True
    # Cameras put the sensor's data into a directory below a small picture.
    below = page.pages if page.subifds and page.tags.valueof(Base.Make) else ()
    return any(other.aspage().photometric in sensor for other in below or ())


def _open(data: bytes) -> Any:
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # Of each odd tag it warns.
    return tifffile.TiffFile(io.BytesIO(data))
