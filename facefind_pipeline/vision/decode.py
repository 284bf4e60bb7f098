"""Photos into upright arrays, from bytes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.opening import OpenedPhoto, UnreadablePhotoError, open_photo, pillow

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

__all__ = ["DecodedPhoto", "UnreadablePhotoError", "decode", "upright_rgb"]


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
        UnreadablePhotoError: `data` is no photo, is damaged (a JPEG beyond use) or has more than 200 megapixels.
    """
    import cv2

    photo = open_photo(data)
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
    except Exception as error:  # Damaged bytes gave OSError, ValueError, SyntaxError, RuntimeError and EOFError.
        raise UnreadablePhotoError(f"truncated or damaged {photo.format}") from error
    return _upright(_rgb(image), photo.turn)


def _profile(photo: OpenedPhoto) -> bytes | None:
    """The profile of an RGB photo: one of another mode does not hold for what its pixels became."""
    return photo.header.info.get("icc_profile") if photo.header is not None and photo.header.mode == "RGB" else None


def _upright(image: Image, flag: int) -> Image:
    import cv2

    turned = cv2.transpose(image) if flag >= 5 else image
    axis = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(flag)
    return np.asarray(turned if axis is None else cv2.flip(turned, axis), np.uint8)


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
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        image = pillow().new("RGB", image.size, "white")
        image.paste(layers, mask=layers.getchannel("A"))
    return np.array(image.convert("RGB"))
