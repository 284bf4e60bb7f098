"""What of a photo's metadata is honoured before all of it goes: an exported picture holds nothing but sRGB pixels.

So no position, no embedded thumbnail, no region with a name, no second image and no video can be left in it.
"""

import io

import numpy as np

from facefind_pipeline.vision.arrays import Image


def in_srgb(pixels: Image, profile: bytes | None) -> Image:
    """The pixels (h, w, 3), of the colours that the profile gives them; as they are where it is damaged or missing.

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
        converted = ImageCms.profileToProfile(PILImage.fromarray(pixels), given, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError):
        return pixels
    return np.array(converted)
