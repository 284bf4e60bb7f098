"""Photos into upright arrays, from bytes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.failures import UnreadablePhotoError
from facefind_pipeline.vision.memory import MEGABYTE, Need, in_megabytes, require
from facefind_pipeline.vision.opening import OpenedPhoto, open_photo, pillow

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

__all__ = [
    "DecodedPhoto",
    "UnreadablePhotoError",
    "bytes_to_decode",
    "decode",
    "decode_opened",
    "require_memory",
    "upright_rgb",
]

# Bytes per pixel at the worst moment, in colour and grey, measured on photos of 12 megapixels; OpenCV copies what it
# decoded once more for Python.
_JPEG, _PROGRESSIVE = 6, 6
_BY_PILLOW = {"WEBP": 20, "AVIF": 16, "HEIF": 13, "JPEG2000": 21, "RAW": 24}
_OTHERS = 10
_DEEP = 10  # beside the samples themselves
_BAND = 1_000_000  # pixels that are converted at a time: a copy of all of them would double what a photo takes


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """The pixels of one photo.

    Attributes:
        rgb: (h, w, 3) upright, or None if it was not asked for.
        grey: (h, w) upright, or None if it was not asked for.
        profile: the ICC profile that says what the colours of `rgb` are, as the file has it; None for sRGB.
    """

    rgb: Image | None
    grey: Image | None
    profile: bytes | None = None

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
        UnreadablePhotoError: `data` is no photo, is damaged (a JPEG beyond use), has more than 200 megapixels, or its
            pixels take more memory than there is for photos.
    """
    photo = open_photo(data)
    require_memory(photo)
    return decode_opened(photo, rgb=rgb, grey=grey)


def require_memory(photo: OpenedPhoto, *, working: int = 0, seconds: float = 0.0) -> None:
    """Waits until the photo may be decoded beside others, in colour and grey.

    Args:
        photo: that is to be decoded.
        working: bytes that are needed beside its pixels.
        seconds: that will be spent on it, beyond what any photo takes.

    Raises:
        UnreadablePhotoError: its pixels take more than there is for all photos.
    """
    pixels = bytes_to_decode(photo)
    width, height = photo.stored_size
    require(
        Need(pixels=pixels, working=working, seconds=seconds),
        f"{width}x{height} takes {in_megabytes(pixels)} of memory to decode as {photo.format}; "
        f"FACEFIND_PHOTO_MEMORY={-(-pixels // MEGABYTE)} allows it",
    )


def bytes_to_decode(photo: OpenedPhoto) -> int:
    """The memory that is taken at most, from the decoder's own buffers to what `DecodedPhoto` holds in the end."""
    width, height = photo.stored_size
    if photo.jpeg is not None:
        per_pixel = _JPEG
    elif photo.deep:
        per_pixel = photo.deep + _DEEP
    else:
        per_pixel = _BY_PILLOW.get(photo.format, _OTHERS)
    if photo.header is not None and photo.header.info.get("progressive"):
        per_pixel += _PROGRESSIVE
    return width * height * per_pixel


def decode_opened(photo: OpenedPhoto, *, rgb: bool, grey: bool) -> DecodedPhoto:
    """As `decode`, for whom memory was found."""
    import cv2

    if photo.jpeg is not None:
        # Two passes by cv2 take 51-73 ms for 3000x2000 (quality 90-95), one by Pillow as YCbCr and a conversion 53-65;
        # and with two, neither differs by a bit from what it is when asked for alone.
        return DecodedPhoto(
            rgb=_upright(_jpeg(photo.jpeg, cv2.IMREAD_COLOR_RGB), photo.turn) if rgb else None,
            grey=_upright(_jpeg(photo.jpeg, cv2.IMREAD_GRAYSCALE), photo.turn) if grey else None,
            profile=_profile(photo),
        )
    pixels = upright_rgb(photo)
    return DecodedPhoto(
        rgb=pixels if rgb else None,
        grey=np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8) if grey else None,
        profile=_profile(photo),
    )


def upright_rgb(photo: OpenedPhoto) -> Image:
    """(h, w, 3) upright pixels by Pillow's decoders.

    Raises:
        UnreadablePhotoError: the pixels are damaged.
    """
    try:
        image = photo.pixels()
        image.load()
    except MemoryError:  # that is the machine's
        raise
    except Exception as error:  # Damaged bytes gave OSError, ValueError, SyntaxError, RuntimeError and EOFError.
        raise UnreadablePhotoError(f"truncated or damaged {photo.format}") from error
    return _upright(_rgb(image), photo.turn)


def _profile(photo: OpenedPhoto) -> bytes | None:
    """The profile of an RGB photo: one of another mode does not hold for what its pixels became."""
    return photo.header.info.get("icc_profile") if photo.header is not None and photo.header.mode == "RGB" else None


def _upright(image: Image, flag: int) -> Image:
    import cv2

    rotation = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}.get(flag)
    if rotation is not None:
        return np.asarray(cv2.rotate(image, rotation), np.uint8)
    if flag in (2, 4):
        return np.asarray(cv2.flip(image, 1 if flag == 2 else 0), np.uint8)
    if flag in (5, 7):
        transposed = np.asarray(cv2.transpose(image), np.uint8)
        return transposed if flag == 5 else np.asarray(cv2.rotate(transposed, cv2.ROTATE_180), np.uint8)
    return image


def _jpeg(data: bytes, mode: int) -> Image:
    import cv2

    # Where bytes inside are bad, this gives a photo with flaws.
    image = cv2.imdecode(np.frombuffer(data, np.uint8), mode | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise UnreadablePhotoError("truncated or damaged JPEG")
    return np.asarray(image, np.uint8)


def _rgb(image: "PillowImage") -> Image:
    if image.mode.startswith("I;16"):
        # Pillow would clip 16 bits to 255: all white.
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        rgb[top : top + rows] = np.asarray(_over_white(band).convert("RGB"))
    return rgb


def _over_white(image: "PillowImage") -> "PillowImage":
    if not image.has_transparency_data:
        return image
    layers = image.convert("RGBA")
    opaque: PillowImage = pillow().new("RGB", image.size, "white")
    opaque.paste(layers, mask=layers.getchannel("A"))
    return opaque
