"""RAW files of cameras: the preview inside, or the developed sensor data where that is small; orientation and EXIF.

Read by LibRaw. A preview is what the camera itself made of the photo, and takes a hundredth of developing it.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Exif
    from PIL.Image import Image as PillowImage
    from rawpy import RawPy

SMALLEST_PREVIEW = 0.5  # of the sensor's longer side; below it faces in the crowd would be lost

# LibRaw's flip has a bit for each of mirrored across, mirrored down and transposed.
_ORIENTATIONS = (1, 2, 4, 3, 5, 8, 6, 7)
_TIFF_HEADS = {b"IIRO": b"II*\0", b"IIRS": b"II*\0", b"IIU\0": b"II*\0"}  # Olympus and Panasonic
_CANON_BOXES = (b"CMT1", b"CMT2", b"CMT4")  # main, Exif and GPS directories of CR3, each a TIFF of its own
_CANON_HEAD = 65_536  # bytes within which they lie

Tags = Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture that stands for a RAW file.

    Attributes:
        jpeg: the preview; None where it is small or none, and the sensor's data is to be developed.
        size: width and height of what is used, as stored.
        orientation: the flag still to be applied to it, 1 to 8.
    """

    jpeg: bytes | None
    size: tuple[int, int]
    orientation: int


def is_raw(head: bytes) -> bool:
    """Whether a file that begins so is a RAW by its signature alone; those built on plain TIFF are told by `tiff`."""
    return head[:4] in _TIFF_HEADS or head.startswith(b"FUJIFILMCCD-RAW") or head[4:12] == b"ftypcrx "


def picture(data: bytes) -> Picture:
    """The picture inside, its pixels not decoded.

    Raises:
        LibRawError: damaged, or of a camera that LibRaw does not know.
    """
    with _open(data) as raw:
        sizes, flip = raw.sizes, raw.sizes.flip
        developed = (sizes.width, sizes.height)
        jpeg, size = _preview(raw)
    if jpeg is None or max(size) < SMALLEST_PREVIEW * max(developed):
        return Picture(None, developed, _ORIENTATIONS[flip & 7])
    # Some cameras store the preview upright, beside a sensor that was on its side.
    upright = flip & 4 and (size[0] > size[1]) != (developed[0] > developed[1])
    return Picture(jpeg, size, 1 if upright else _ORIENTATIONS[flip & 7])


def develop(data: bytes) -> "PillowImage":
    """The sensor's data as a picture of the camera's white balance, RGB, as stored.

    Raises:
        LibRawError: as `picture`.
    """
    from PIL import Image
    from rawpy import DemosaicAlgorithm

    with _open(data) as raw:
        raw.unpack()
        pixels = raw.postprocess(demosaic_algorithm=DemosaicAlgorithm.LINEAR, use_camera_wb=True, user_flip=0)
    return Image.fromarray(np.asarray(pixels, np.uint8))


def tags(data: bytes) -> tuple[Tags, Tags, Tags]:
    """The main, Exif and GPS directories of the RAW file itself; empty where it keeps them in its preview."""
    from PIL.ExifTags import IFD

    if data[4:8] == b"ftyp":
        main, exif, gps = (_directory(data, data.find(name, 0, _CANON_HEAD) + 4) for name in _CANON_BOXES)
        return main, exif, gps
    head = _TIFF_HEADS.get(data[:4], data[:4])
    if head not in (b"II*\0", b"MM\0*"):
        return {}, {}, {}
    directory = _directory(head + data[4:], 0)
    return directory, directory.get_ifd(IFD.Exif), directory.get_ifd(IFD.GPSInfo)


def _preview(raw: "RawPy") -> tuple[bytes | None, tuple[int, int]]:
    import rawpy
    from PIL import Image

    try:
        preview = raw.extract_thumb()
        if preview.format != rawpy.ThumbFormat.JPEG:
            return None, (0, 0)
        jpeg = bytes(preview.data)
        with Image.open(io.BytesIO(jpeg)) as opened:
            return jpeg, opened.size
    except (rawpy.LibRawError, rawpy.NotSupportedError, OSError):
        return None, (0, 0)


def _directory(data: bytes, start: int) -> "Exif":
    from PIL import Image

    directory = Image.Exif()
    directory.load(data[start:])
    return directory


def _open(data: bytes) -> "RawPy":
    import rawpy

    raw = rawpy.RawPy()
    raw.open_buffer(io.BytesIO(data))
    return raw
