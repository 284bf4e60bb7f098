"""What of a photo's metadata is honoured before all of it goes: an exported picture holds nothing but sRGB pixels.

So no position, no embedded thumbnail, no region with a name, no second image and no video can be left in it.
"""

import io

import numpy as np

from facefind_pipeline.vision.arrays import Image

_BAND = 1_000_000  # pixels that are converted at a time: Pillow's copies of all would take four times what they do


def in_srgb(pixels: Image, profile: bytes | None) -> Image:
    """The pixels (h, w, 3), changed in place to the colours that the profile gives them; not where it is damaged.

    Without that the colours of phones' wide gamuts would look dull.
    """
    if not profile:
        return pixels
    from PIL import Image as PILImage
    from PIL import ImageCms

    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(given):
            return pixels
        transform = ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError):
        return pixels
    rows = max(1, _BAND // pixels.shape[1])
    for top in range(0, len(pixels), rows):
        band = PILImage.fromarray(pixels[top : top + rows])
        pixels[top : top + rows] = np.asarray(ImageCms.applyTransform(band, transform))
    return pixels
