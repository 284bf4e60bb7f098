"""What truth lists say of a set's calibration: measured false-match rates, what the bands let in, and reliability."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from facefind_pipeline.evaluation.figures import CalibrationCheck, Cut, PersonCut, Rate, ReliabilityBin
from facefind_pipeline.evaluation.truth_facts import TruthFact
from facefind_pipeline.search.calibration import Calibration

RATES = (1e-2, 1e-3)
CUSTOMARY = 0.6  # the distance up to which dlib's own examples take two faces for one person's
RELIABILITY = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1.0)


def check_calibration(facts: Sequence[TruthFact], calibration: Calibration) -> CalibrationCheck:
    """Checks a calibration against ranked photos of whom truth says whether they show the person.

    The rate is of faces in photos that do not show the person. A photo counts once, by its nearest face; two faces of
    one photo below a threshold that one in a hundred passes are rare. A box drawn by hand has no detected face.
    """
    ranked = _by_a_face(facts)
    relevant = np.array([fact.relevant for fact in ranked])
    distances = np.array([fact.plain_distance for fact in ranked], dtype=np.float64)
    scores = np.array([fact.score for fact in ranked], dtype=np.float64)
    probabilities = np.array([calibration.probability(score) for score in scores])
    impostors = sum(fact.faces for fact in ranked if not fact.relevant)
    people, true_photos = len({fact.person for fact in facts}), sum(fact.relevant for fact in facts)
    thresholds = {rate: calibration.threshold(rate) for rate in RATES}
    cuts = {
        f"nearest-reference distance {CUSTOMARY}": distances <= CUSTOMARY,
        **{name: scores <= cut for name, cut in _bands(calibration).items()},
    }
    bins = {
        (low, high): (probabilities >= low) & ((probabilities < high) | (high == 1.0))
        for low, high in pairwise(RELIABILITY)
    }
    return CalibrationCheck(
        pairs=calibration.pairs,
        rates=[
            Rate(
                stated=rate,
                distance=threshold,
                measured=float((distances[~relevant] <= threshold).sum()) / max(1, impostors),
            )
            for rate, threshold in thresholds.items()
        ],
        cuts=[
            Cut(
                cut=name,
                false_matches_per_person=float((taken & ~relevant).sum()) / people,
                recall=float((taken & relevant).sum()) / true_photos,
            )
            for name, taken in cuts.items()
        ],
        reliability=[
            ReliabilityBin(
                low=low,
                high=high,
                photos=int(within.sum()),
                stated=float(probabilities[within].mean()),
                measured=float(relevant[within].mean()),
            )
            for (low, high), within in bins.items()
            if within.any()
        ],
    )


def person_cuts(facts: Sequence[TruthFact], calibration: Calibration | None) -> Mapping[str, PersonCut]:
    """What one person's bands let in; empty where nothing is known of probabilities."""
    relevant = sum(fact.relevant for fact in facts)
    cuts = {}
    for name, cut in _bands(calibration).items() if calibration is not None else ():
        taken = [fact for fact in _by_a_face(facts) if fact.score is not None and fact.score <= cut]
        found = sum(fact.relevant for fact in taken)
        cuts[name] = PersonCut(found=found, false_matches=len(taken) - found, recall=found / relevant)
    return cuts


def _by_a_face(facts: Sequence[TruthFact]) -> list[TruthFact]:
    """Those that are ranked by a face that a detector found."""
    return [fact for fact in facts if fact.score is not None and fact.plain_distance is not None and not fact.by_hand]


def _bands(calibration: Calibration) -> Mapping[str, float]:
    """The scores up to which each band, and what is surer, goes."""
    return {"sure": calibration.sure_cut, "likely": calibration.shown_cut}
