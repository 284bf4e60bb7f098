"""Histograms of the logarithms of distances and scores: what calibration learns from, however many faces there are."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_DISTANCE = 1e-9  # a logarithm is taken of
EDGES: Floats = np.linspace(-12.0, 8.0, 801)
MIDDLES: Floats = (EDGES[:-1] + EDGES[1:]) / 2


class Histogram:
    """Counts between `EDGES`."""

    def __init__(self) -> None:
        """Empty."""
        self.counts: Floats = np.zeros(len(MIDDLES))

    def add(self, numbers: Floats, weights: Floats | None = None) -> None:
        """Counts positive numbers, those beyond the edges in the first and last bin; each once, or by its weight."""
        self.counts += np.bincount(bins(numbers), weights, len(MIDDLES))


def bins(numbers: Floats) -> npt.NDArray[np.intp]:
    """The number of the bin that each falls in."""
    low, high = EDGES[0], EDGES[-1]
    places = (np.log(np.maximum(numbers, LEAST_DISTANCE)) - low) * (len(MIDDLES) / (high - low))
    made: npt.NDArray[np.intp] = np.clip(places, 0, len(MIDDLES) - 1).astype(np.intp)
    return made


def quantiles(counts: Floats, shares: Floats) -> Floats:
    """The logarithms that these shares of a histogram lie below."""
    return np.interp(shares, np.concatenate([[0.0], np.cumsum(counts) / counts.sum()]), EDGES)
