"""All evaluated sets side by side, with clothes and without, the best first; which photos only one of them finds."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from facefind_pipeline.evaluation.evaluate import read_evaluation
from facefind_pipeline.evaluation.figures import Figures, Summary
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.database import Database


@dataclass(frozen=True, slots=True)
class SetFigures:
    """A ranking of an evaluated set.

    Attributes:
        key: the set's.
        figures: of the ranking.
        summary: of the figures, which have one since truth knows of somebody.
        face_alone: whether it is the ranking without clothes of a set that is ranked with them.
    """

    key: str
    figures: Figures
    summary: Summary
    face_alone: bool = False

    @property
    def name(self) -> str:
        """What tables and plots call it."""
        return f"{self.key} without clothes" if self.face_alone else self.key


@dataclass(frozen=True, slots=True)
class Sweep:
    """All evaluated sets.

    Attributes:
        sets: the best first, by mean average precision; a set that is ranked with clothes is there without them too.
        only_here: by name, how many (person, photo) are found by no other set.
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
    sets = [ranking for key, one in evaluated.items() for ranking in _rankings(key, one.figures)]
    found_by = Counter(pair for _, pair in {(one.key, pair) for one in sets for pair in one.figures.found})
    return Sweep(
        sorted(sets, key=lambda one: -one.summary.average_precision.mean),
        {one.name: sum(found_by[pair] == 1 for pair in one.figures.found) for one in sets},
        versions.hash_rows(sorted((key, one.version) for key, one in evaluated.items())),
    )


def _rankings(key: str, figures: Figures) -> Iterator[SetFigures]:
    """The set's ranking, and that by the face alone where it has another."""
    for one, face_alone in ((figures, False), (figures.without_clothes, True)):
        if one is not None and one.summary is not None:
            yield SetFigures(key, one, one.summary, face_alone)
