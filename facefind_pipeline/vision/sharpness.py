"""How sharp a face is, for slices of an evaluation and for people to judge by."""

import numpy as np


def sharpness(thumbnail: bytes) -> float:
    """Variance of the Laplacian of a face's thumbnail in grey (Pech-Pacheco et al., ICPR 2000); higher is sharper.

    On the thumbnail, because there all faces are as large: small ones were enlarged and are blurred by that, as they
    are for the network that embeds them. 0.2 ms per face.
    """
    import cv2

    grey = cv2.imdecode(np.frombuffer(thumbnail, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())
