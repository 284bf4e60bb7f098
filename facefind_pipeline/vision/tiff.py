"""TIFF files beyond 8 bits as viewers show them (Pillow reads some, and clips them); and which TIFF is a RAW."""

import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage
    from tifffile import TiffPage

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# What the values of a wide or floating image are counted in: the least of these that holds them.
_WHITES = (1.0, 2.0**8 - 1, 2.0**16 - 1, 2.0**32 - 1)


BAND_ROWS = 64  # that are brought to 8 bits at a time: on the way a sample takes four times as much


@dataclass(frozen=True, slots=True)
class Header:
    """What the first image of a TIFF is.

    Attributes:
        raw: it is a sensor's data, to be developed.
        deep: its samples have more than 8 bits.
        pixel_bytes: of the samples of one pixel, read.
        size: width and height as stored.
        orientation: the flag, 1 to 8.
    """

    raw: bool
    deep: bool
    pixel_bytes: int
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
                pixel_bytes=page.samplesperpixel * -(-page.bitspersample // 8),
                size=(int(page.imagewidth), int(page.imagelength)),  # several numbers where the tag is damaged
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
    shown = np.empty(samples.shape, np.uint8)
    white = _white(samples) if floating or bits > 16 else 0.0
    for top in range(0, len(samples), BAND_ROWS):
        band = samples[top : top + BAND_ROWS]
        shown[top : top + BAND_ROWS] = _scaled(band, white) if white else _shifted(band, bits)
    del samples
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


def _shifted(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    """Integers of up to 16 bits in 8, by their own range."""
    signed = 1 << (bits - 1) if samples.dtype.kind == "i" else 0
    return ((samples.astype(np.int32) + signed) >> (bits - 8)).astype(np.uint8)


def _white(samples: NDArray[Any]) -> float:
    """The value of white in wide integers and floats: of the least usual range that holds them.

    A highlight above white is clipped, as long as it is no other range.
    """
    starts = range(0, len(samples), BAND_ROWS)
    highest = max((float(_finite(samples[top : top + BAND_ROWS]).max(initial=0)) for top in starts), default=0.0)
    return next((white for white in _WHITES if highest <= 4 * white), highest)


def _scaled(samples: NDArray[Any], white: float) -> NDArray[Any]:
    return np.asarray(np.clip(_finite(samples) * (255 / white) + 0.5, 0, 255), np.uint8)


def _finite(samples: NDArray[Any]) -> NDArray[np.float32]:
    return np.nan_to_num(samples.astype(np.float32), nan=0, posinf=0, neginf=0)


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
