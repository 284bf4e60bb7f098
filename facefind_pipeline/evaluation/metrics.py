"""Metrics of rankings against truth: pure functions over rankings, and confidence intervals over people.

Definitions as in Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008), chapter 8, and trec_eval:
a photo that was never ranked counts as lost, not as absent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, computed_field

RESAMPLES = 2_000
CONFIDENCE = 0.95
RECALL_AT = (1, 5, 10, 20, 50)
CURVE_POINTS = 200


@dataclass(frozen=True, slots=True)
class Ranking:
    """One person's photos, best first.

    Attributes:
        hits: (n,) whether each ranked photo shows the person.
        distances: (n,) of each, not falling.
        relevant: photos that show the person, ranked or not; at least as many as there are hits.
    """

    hits: npt.NDArray[np.bool_]
    distances: npt.NDArray[np.float64]
    relevant: int


class Measures(BaseModel):
    """One person's figures, all between 0 and 1 except the counts and the distance.

    Attributes:
        relevant: photos that show the person.
        p_at_1: whether the first photo shows them.
        p_at_10: share of the first 10 that do; with fewer relevant photos 1 is out of reach.
        r_precision: share of the first `relevant` photos that show them.
        average_precision: mean over relevant photos of the precision at each one's rank, 0 where it has none.
        recall_at: share of relevant photos among the first k, by k.
        best_f1: the highest harmonic mean of precision and recall at any cut.
        best_f1_distance: of the last photo above that cut; None without a hit.
    """

    model_config = ConfigDict(frozen=True)

    relevant: int
    p_at_1: float
    p_at_10: float
    r_precision: float
    average_precision: float
    recall_at: Mapping[int, float]
    best_f1: float
    best_f1_distance: float | None

    @computed_field  # type: ignore[prop-decorator]  # mypy knows of no decorated property
    @property
    def p_at_10_or_relevant(self) -> float:
        """Share of the first 10 that show the person, or of the first `relevant` where these are fewer."""
        return self.p_at_10 if self.relevant >= 10 else self.r_precision


def measure(ranking: Ranking) -> Measures:
    """All figures of one person's ranking.

    Raises:
        ValueError: nothing is relevant, so that no figure means anything.
    """
    if ranking.relevant < 1:
        raise ValueError("a person without relevant photos has no figures")
    f1, distance = best_f1(ranking)
    return Measures(
        relevant=ranking.relevant,
        p_at_1=precision_at(ranking, 1),
        p_at_10=precision_at(ranking, 10),
        r_precision=precision_at(ranking, ranking.relevant),
        average_precision=average_precision(ranking),
        recall_at={k: recall_at(ranking, k) for k in RECALL_AT},
        best_f1=f1,
        best_f1_distance=distance,
    )


def precision_at(ranking: Ranking, k: int) -> float:
    """Share of the first k photos that show the person; missing ones count as wrong, as in trec_eval."""
    return float(ranking.hits[:k].sum()) / k


def recall_at(ranking: Ranking, k: int) -> float:
    """Share of the relevant photos that are among the first k."""
    return float(ranking.hits[:k].sum()) / ranking.relevant


def average_precision(ranking: Ranking) -> float:
    """The sum of the precisions at the ranks of the hits, over the number of relevant photos.

    Not interpolated: the area under the precision-recall steps, as scikit-learn's `average_precision_score` has it.
    """
    ranks = np.arange(1, len(ranking.hits) + 1)
    precisions = np.cumsum(ranking.hits) / ranks
    return float(precisions[ranking.hits].sum()) / ranking.relevant


def best_f1(ranking: Ranking) -> tuple[float, float | None]:
    """The highest F1 (van Rijsbergen, Information Retrieval, 1979) of any cut by distance, and that distance."""
    if not ranking.hits.any():
        return 0.0, None
    found = np.cumsum(ranking.hits)
    scores = 2 * found / (np.arange(1, len(found) + 1) + ranking.relevant)
    # A cut by distance takes all photos at that distance or none.
    ends = np.append(ranking.distances[1:] > ranking.distances[:-1], True)
    best = int(np.where(ends, scores, -1.0).argmax())
    return float(scores[best]), float(ranking.distances[best])


def precision_recall(rankings: Sequence[Ranking]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Recall and precision at every cut by distance over all people's photos together, for a plot.

    Returns:
        (n,) recall, not falling, and (n,) precision.
    """
    distances = np.concatenate([ranking.distances for ranking in rankings])
    order = np.argsort(distances, kind="stable")
    found = np.cumsum(np.concatenate([ranking.hits for ranking in rankings])[order])
    return found / sum(r.relevant for r in rankings), found / np.arange(1, len(found) + 1)


def curve(rankings: Sequence[Ranking]) -> list[tuple[float, float]]:
    """Points (recall, precision) of `precision_recall`, thinned for a plot."""
    recall, precision = precision_recall(rankings)
    if not len(recall):
        return []
    kept = np.unique(np.linspace(0, len(recall) - 1, CURVE_POINTS).astype(int))
    first = np.unique(np.searchsorted(recall, np.linspace(0, recall[-1], CURVE_POINTS)))
    places = np.union1d(kept, np.minimum(first, len(recall) - 1))
    return [(round(float(recall[place]), 4), round(float(precision[place]), 4)) for place in places]


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over people (Efron and Tibshirani, 1993, chapter 13).

    People are resampled, not photos: the question is how the figure would be for other people at such an event.
    `scipy.stats.bootstrap` gives the same numbers, but refuses a list of one person, and takes .7 s to import.
    """
    sample = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(seed).integers(0, len(sample), (RESAMPLES, len(sample)))
    low, high = np.quantile(sample[drawn].mean(axis=1), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def paired_interval(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The same of the difference of two rankings of the same people: whether one is better, person by person."""
    return interval([a - b for a, b in zip(ours, theirs, strict=True)], seed)
