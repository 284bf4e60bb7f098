"""Any photo opened: its header read and its pixels not yet, whatever its format, and what every reader then shares."""

import functools
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from facefind_pipeline.vision import jpeg, png, raw, tiff
from facefind_pipeline.vision.failures import UnreadablePhotoError
from facefind_pipeline.vision.formats import HEAD_BYTES, PHOTO, kind_of_bytes

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

__all__ = ["INCOMPLETE", "RAW", "OpenedPhoto", "UnreadablePhotoError", "open_photo", "pillow"]

RAW = "RAW"
INCOMPLETE = "incomplete JPEG: used as far as it goes"

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "JPEG2000", "PSD", "DIB")
_MAX_MEGAPIXELS = 200


@dataclass(frozen=True, slots=True)
class OpenedPhoto:
    """A photo whose pixels can be asked for.

    Attributes:
        format: such as "JPEG", "PNG", "HEIF"; "RAW" for all of those.
        stored_size: width and height before it is turned upright, pixels.
        orientation: the EXIF flag of the file, 1 to 8; 1 where there is none.
        turn: the flag that is still to be applied to the pixels.
        jpeg: the bytes of a whole JPEG, for a faster decoder than Pillow's; None for all else.
        header: Pillow's view of the metadata; None where the pixels come from elsewhere.
        pixels: Pillow's image with the pixels, in any mode, not turned.
        note: what is wrong with a photo that is used nevertheless.
        deep: bytes per pixel of samples that have more than 8 bits; 0 where they have not.
    """

    format: str
    stored_size: tuple[int, int]
    orientation: int
    turn: int
    jpeg: bytes | None
    header: "PillowImage | None"
    pixels: "Callable[[], PillowImage]"
    note: str | None = None
    deep: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height once it is upright."""
        width, height = self.stored_size
        return (height, width) if self.turn >= 5 else (width, height)


def open_photo(data: bytes) -> OpenedPhoto:
    """The photo with its header read and its pixels not yet.

    Raises:
        UnreadablePhotoError: the header is no photo's or is damaged, or the photo has more than 200 megapixels.
    """
    if not data:
        raise UnreadablePhotoError("empty file")
    opened = _open(data)
    width, height = opened.stored_size
    if width * height > _MAX_MEGAPIXELS * 1_000_000:
        raise UnreadablePhotoError(f"too large: {width}x{height}")
    return opened


def _open(data: bytes) -> OpenedPhoto:
    header = tiff.read_header(data) if data.startswith(tiff.SIGNATURES) else None
    if raw.is_raw(data[:HEAD_BYTES]) or (header is not None and header.raw):
        return _open_raw(data)
    if header is not None and header.deep:
        return OpenedPhoto(
            format="TIFF",
            stored_size=header.size,
            orientation=header.orientation,
            turn=header.orientation,
            jpeg=None,
            header=None,
            pixels=lambda: tiff.deep_pixels(data),
            deep=header.pixel_bytes,
        )
    if data.startswith(png.SIGNATURE):
        return _open_with_pillow(png.essential(data))
    return _open_with_pillow(data)


def _open_with_pillow(data: bytes) -> OpenedPhoto:
    note = None
    if data.startswith(b"\xff\xd8") and not jpeg.is_complete(data):
        data, note = jpeg.with_end(data), INCOMPLETE
    try:
        photo: PillowImage = pillow().open(io.BytesIO(data), formats=_FORMATS)
    except MemoryError:  # that is the machine's
        raise
    except Exception as error:  # Damaged bytes gave OSError, ValueError, SyntaxError, RuntimeError and EOFError.
        raise UnreadablePhotoError(_reason(data)) from error
    # The second image of an MPO is the same shot again.
    name = "JPEG" if photo.format == "MPO" else str(photo.format)
    flag = _orientation(photo)
    return OpenedPhoto(
        format=name,
        stored_size=photo.size,
        orientation=flag,
        # Pillow gives the size of a TIFF, and then its pixels, already upright.
        turn=1 if name == "TIFF" else flag,
        jpeg=data if name == "JPEG" and note is None else None,
        header=photo,
        pixels=lambda: photo,
        note=note,
    )


def _open_raw(data: bytes) -> OpenedPhoto:
    from rawpy import LibRawError

    try:
        found = raw.picture(data)
    except LibRawError as error:
        raise UnreadablePhotoError("damaged RAW, or of a camera that is not known") from error
    if found.jpeg is None:
        flag = found.orientation
        return OpenedPhoto(RAW, found.size, flag, flag, None, None, lambda: raw.develop(data))
    preview = _open_with_pillow(found.jpeg)
    return OpenedPhoto(
        format=RAW,
        stored_size=preview.stored_size,
        orientation=found.orientation,
        turn=found.orientation,
        jpeg=preview.jpeg,
        header=preview.header,
        pixels=preview.pixels,
        note=preview.note,
    )


def _orientation(photo: "PillowImage") -> int:
    from PIL.ExifTags import Base

    try:
        flag = pillow().Image.getexif(photo).get(Base.Orientation)
    except Exception:  # noqa: BLE001 - as in _open_with_pillow, damaged bytes
        return 1
    return int(flag) if flag in range(1, 9) else 1


@functools.cache
def pillow() -> ModuleType:
    """Pillow's `Image` with all formats known, silent about what it skips."""
    import PIL.Image
    import pillow_heif

    pillow_heif.register_heif_opener()
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # Of each damaged EXIF tag it skips.
    PIL.Image.MAX_IMAGE_PIXELS = None  # It warns from 89 megapixels on; open_photo has the limit.
    return PIL.Image


def _reason(data: bytes) -> str:
    openers, head = pillow().OPEN, data[:16].ljust(16, b"\0")  # they read numbers from it, and fail on less
    claimed = next((name for name in _FORMATS if name in openers and openers[name][1](head) is True), None)
    if claimed:
        return f"truncated or damaged {claimed}"
    kind = kind_of_bytes(data[:HEAD_BYTES])
    return f"not an image but a{'n' if kind[0] in 'aeiou' else ''} {kind}" if kind and kind != PHOTO else "not an image"
