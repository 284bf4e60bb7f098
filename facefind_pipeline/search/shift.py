"""Moves scores by log odds, so that the calibration of scores holds for what they become."""

import numpy as np

from facefind_pipeline.search.calibration import Calibration
from facefind_pipeline.search.distances import Floats
from facefind_pipeline.search.histogram import EDGES as BINS
from facefind_pipeline.search.histogram import LEAST_DISTANCE

EDGES: Floats = np.linspace(BINS[0], BINS[-1], 4_001)  # of logarithms, between which the slope is one


class Shift:
    """The slopes of a calibration: how far a score has to go for its log odds to change by as much.

    Far from all cuts the calibration's probability stays what it is. There the slope is that of two lines which are as
    wide as the wider one, and it is the least elsewhere: no score moves farther than its probability follows.
    """

    def __init__(self, calibration: Calibration) -> None:
        """Of scores, by their logarithms."""
        apart = calibration.impostor.location - calibration.genuine.location
        least = apart / max(calibration.genuine.spread, calibration.impostor.spread) ** 2
        self._counts = least > 0
        x = np.clip(EDGES, *calibration.falling)
        odds = calibration.genuine.log_density(x) - calibration.impostor.log_density(x)
        self._odds: Floats = -np.concatenate([[0.0], np.cumsum(np.maximum(-np.diff(odds), least * np.diff(EDGES)))])

    def moved(self, scores: Floats, log_odds: Floats) -> Floats:
        """Scores, each with these log odds added to its own; where that is 0, to the last bit the same."""
        if not self._counts:
            return scores
        x = np.clip(np.log(np.maximum(scores, LEAST_DISTANCE)), EDGES[0], EDGES[-1])
        odds = np.interp(x, EDGES, self._odds)
        here, there = (np.interp(-each, -self._odds, EDGES) for each in (odds, odds + log_odds))
        made: Floats = scores * np.exp(there - here)  # where odds are the same this is to the last bit the same too
        return made
