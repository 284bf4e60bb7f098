"""All evaluated sets side by side, the best first, and which photos each finds that no other does."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facefind_pipeline.evaluation.evaluate import read_evaluation
from facefind_pipeline.evaluation.figures import Figures, Summary
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.database import Database


@dataclass(frozen=True, slots=True)
class SetFigures:
    """An evaluated set: its key, its figures, and their summary, which it has since truth knows of somebody."""

    key: str
    figures: Figures
    summary: Summary


@dataclass(frozen=True, slots=True)
class Sweep:
    """All evaluated sets.

    Attributes:
        sets: the best first, by mean average precision.
        only_here: by key, how many (person, photo) are found by no other set.
        version: data version.
    """

    sets: Sequence[SetFigures]
    only_here: Mapping[str, int]
    version: str


def read_sweep(database: Database) -> Sweep:
    """The stored evaluations of all sets."""
    with database.connect() as connection:
        keys = [one.key for one in parameter_sets.registered(connection)]
        stored = {key: read_evaluation(connection, key) for key in keys}
    evaluated = {key: one for key, one in stored.items() if one is not None and one.figures.people}
    found_by = Counter(pair for one in evaluated.values() for pair in one.figures.found)
    sets = [
        SetFigures(key, one.figures, one.figures.summary)
        for key, one in evaluated.items()
        if one.figures.summary is not None
    ]
    return Sweep(
        sorted(sets, key=lambda one: -one.summary.average_precision.mean),
        {key: sum(found_by[pair] == 1 for pair in one.figures.found) for key, one in evaluated.items()},
        versions.hash_rows(sorted((key, one.version) for key, one in evaluated.items())),
    )
