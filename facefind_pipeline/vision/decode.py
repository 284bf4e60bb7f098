"""Photos into upright arrays, from bytes; and what every reader of a photo shares: opening it and its orientation."""

import functools
import io
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from facefind_pipeline.vision.faces import Image

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif"}
)
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF")
_MAX_MEGAPIXELS = 200
_ORIENTATION = 0x0112


class UnreadablePhotoError(Exception):
    """A file that cannot be used as a photo; the message is a short reason for people, such as "not an image"."""


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """The pixels of one photo.

    Attributes:
        rgb: (h, w, 3) upright, or None if it was not asked for.
        grey: (h, w) upright, or None if it was not asked for.
    """

    rgb: Image | None
    grey: Image | None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        image = self.grey if self.rgb is None else self.rgb
        if image is None:
            raise ValueError("neither rgb nor grey was decoded")
        return image.shape[1], image.shape[0]


def decode(data: bytes, *, rgb: bool, grey: bool) -> DecodedPhoto:
    """The upright pixels of a photo; its first frame where it has several; over white where it is transparent.

    The grey of a JPEG is the luma it stores: the same bytes as `cv2.imread(path, cv2.IMREAD_GRAYSCALE)` gives.
    Threads may call this side by side.

    Raises:
        UnreadablePhotoError: `data` is no photo, is incomplete or has more than 200 megapixels.
    """
    import cv2

    photo = open_photo(data)
    flag = _flag_left_to_apply(photo)
    if photo.format in ("JPEG", "MPO"):
        # Two passes by cv2 take 51-73 ms for 3000x2000 (quality 90-95), one by Pillow as YCbCr and a conversion 53-65;
        # and with two, neither differs by a bit from what it is when asked for alone.
        return DecodedPhoto(
            rgb=_upright(_jpeg(data, cv2.IMREAD_COLOR_RGB), flag) if rgb else None,
            grey=_upright(_jpeg(data, cv2.IMREAD_GRAYSCALE), flag) if grey else None,
        )
    pixels = _upright(_pillow_rgb(photo), flag)
    return DecodedPhoto(
        rgb=pixels if rgb else None,
        grey=np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8) if grey else None,
    )


def open_photo(data: bytes) -> "PillowImage":
    """The photo with its header read and its pixels not yet.

    Raises:
        UnreadablePhotoError: the header is no photo's or is damaged, or the photo has more than 200 megapixels.
    """
    if not data:
        raise UnreadablePhotoError("empty file")
    pillow = _pillow()
    try:
        photo: PillowImage = pillow.open(io.BytesIO(data), formats=_FORMATS)
    except Exception as error:  # Damaged bytes gave OSError, ValueError, SyntaxError, RuntimeError and EOFError.
        raise UnreadablePhotoError(_reason(data)) from error
    width, height = photo.size
    if width * height > _MAX_MEGAPIXELS * 1_000_000:
        raise UnreadablePhotoError(f"too large: {width}x{height}")
    return photo


def orientation(photo: "PillowImage") -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it is nonsense."""
    try:
        # PNG's own getexif would decode all pixels, in search of EXIF behind them.
        flag = _pillow().Image.getexif(photo).get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - as in open_photo, damaged bytes
        return 1
    return int(flag) if flag in range(1, 9) else 1


def upright_size(photo: "PillowImage") -> tuple[int, int]:
    """Width and height of the photo once it is upright."""
    width, height = photo.size
    return (height, width) if _flag_left_to_apply(photo) >= 5 else (width, height)


@functools.cache
def _pillow() -> ModuleType:
    import PIL.Image
    import pillow_heif

    pillow_heif.register_heif_opener()
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # Of each damaged EXIF tag it skips.
    PIL.Image.MAX_IMAGE_PIXELS = None  # It warns from 89 megapixels on; open_photo has the limit.
    return PIL.Image


def _reason(data: bytes) -> str:
    openers = _pillow().OPEN
    claimed = next((name for name in _FORMATS if name in openers and openers[name][1](data[:16]) is True), None)
    return f"truncated or damaged {claimed}" if claimed else "not an image"


def _flag_left_to_apply(photo: "PillowImage") -> int:
    # Pillow gives the size of a TIFF, and then its pixels, already upright.
    return 1 if photo.format == "TIFF" else orientation(photo)


def _upright(image: Image, flag: int) -> Image:
    import cv2

    turned = cv2.transpose(image) if flag >= 5 else image
    axis = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(flag)
    return np.asarray(turned if axis is None else cv2.flip(turned, axis), np.uint8)


def _jpeg(data: bytes, mode: int) -> Image:
    import cv2

    # cv2 gives None where the end is missing, and a photo with flaws where bytes inside are bad.
    image = cv2.imdecode(np.frombuffer(data, np.uint8), mode | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise UnreadablePhotoError("truncated or damaged JPEG")
    return np.asarray(image, np.uint8)


def _pillow_rgb(photo: "PillowImage") -> Image:
    try:
        photo.load()
    except Exception as error:  # As in open_photo.
        raise UnreadablePhotoError(f"truncated or damaged {photo.format}") from error
    if photo.mode.startswith("I;16"):
        # Pillow would clip 16 bits to 255: all white.
        grey = (np.asarray(photo) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if photo.has_transparency_data:
        layers = photo.convert("RGBA")
        photo = _pillow().new("RGB", photo.size, "white")
        photo.paste(layers, mask=layers.getchannel("A"))
    return np.array(photo.convert("RGB"))
