"""Everyone's photos in their final order: by the score of the face as its clothes move it.

Clothes change the order of the photos that are kept by the face alone, and which face of a photo counts. They make
nobody sure whom the face speaks against: by the face alone a sure match is at least as likely as not.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facefind_pipeline.search.calibration import Calibration
from facefind_pipeline.search.distances import Floats, Numbers
from facefind_pipeline.search.rank import Ranked, Rows
from facefind_pipeline.search.shift import Shift


@dataclass(frozen=True, slots=True)
class Placed:
    """What is stored of a ranking, by person and rank; numbers are those of the rows of `Ranked`.

    Attributes:
        ranked: by the face alone.
        order: (n,) numbers of rows.
        scores: (n,) of each row, not in this order.
        by_other: (n,) whether the row's other face counts, likewise.
    """

    ranked: Ranked
    order: Numbers
    scores: Floats
    by_other: npt.NDArray[np.bool_]

    def rows(self, part: slice) -> tuple[Rows, Rows]:
        """Some of the rows, with the score by the face alone; and the same by the face alone."""
        numbers = self.order[part]
        alone = self.ranked.rows[numbers]
        chosen = alone.copy()
        by_other = np.flatnonzero(self.by_other[numbers])
        chosen[by_other] = self.ranked.others[alone["other"][by_other]]
        chosen["score"] = self.scores[numbers]
        return chosen, alone


def place(ranked: Ranked, calibration: Calibration | None) -> Placed:
    """Places photos; by the face alone where nothing is known of what scores mean."""
    rows = ranked.rows
    if calibration is None or not (rows["clothes_photos"].any() or len(ranked.others)):
        return Placed(ranked, np.arange(len(rows)), rows["score"], np.zeros(len(rows), np.bool_))
    shift = Shift(calibration)
    scores = _moved(rows, shift, calibration)
    with_other = np.flatnonzero(rows["other"] >= 0)
    others = ranked.others[rows["other"][with_other]]
    other_scores = _moved(others, shift, calibration)
    by_other = np.zeros(len(rows), np.bool_)
    by_other[with_other] = other_scores < scores[with_other]
    scores[with_other] = np.minimum(scores[with_other], other_scores)
    return Placed(ranked, _order(rows, scores), scores, by_other)


def _order(rows: Rows, scores: Floats) -> Numbers:
    """Of rows by person: what is confirmed first, then by these scores; equal ones stay as they are."""
    keys = np.where(rows["confirmed"], -np.inf, scores)
    # One person after the other: sorting all of them at once takes seven times as long.
    starts = np.flatnonzero(np.diff(rows["person"], prepend=-1))
    of_people = zip(starts, np.split(keys, starts[1:]), strict=True)
    return np.concatenate([start + np.argsort(theirs, kind="stable") for start, theirs in of_people])


def _moved(rows: Rows, shift: Shift, calibration: Calibration) -> Floats:
    """Scores with clothes."""
    scores = rows["score"]
    not_sure = np.nextafter(calibration.sure_cut, np.inf)
    speaks_against = scores > max(calibration.even_cut, calibration.sure_cut)
    moved = shift.moved(scores, rows["clothes"])
    return np.where(speaks_against, np.maximum(moved, not_sure), moved)
