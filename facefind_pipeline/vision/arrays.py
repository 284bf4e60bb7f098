"""The arrays that detectors and embedders exchange."""

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]  # (h, w, 3) RGB or (h, w) grey, upright
Vectors = npt.NDArray[np.float32]  # (n, d)
