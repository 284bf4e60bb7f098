"""Reference photos that look unlike the person's others, or like another person's: what a mix-up looks like.

Both cuts are distances at a rate of the set's calibration, since what is near differs between embedders. Where nothing
is known of its distances (too few photos, and an embedder of which nothing is known before) there is no doubt either.

- Like another person: nearer to a reference of theirs than three in ten thousand strangers are. With fifty other
  references one that is added in seventy is like one of them by chance.
- Unlike: farther from the person's others than one in a hundred strangers are. Two pictures of one person seldom are,
  even in other light or years apart, and a stranger's picture is so in 99 of 100 cases. References are linked where
  they are nearer than that, and those apart from the largest linked group are doubted: two pictures of a stranger,
  which are like each other, are found as one is.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.calibration import Line, read_calibration
from facefind_pipeline.search.priors import prior_of
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import operator, query

LIKE_RATE, UNLIKE_RATE = 3e-4, 1e-2


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference photo that a set has a vector of; `number` counts the person's in the order they were added."""

    person: str
    name: str
    filename: str
    number: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reference photo that may show somebody else.

    Attributes:
        reference: the doubted one.
        other: its nearest among the person's others, or another person's that it is like.
        distance: between the two, in the set's metric.
        cut: how far it may be; from another person's, how far it should be.
    """

    reference: Reference
    other: Reference
    distance: float
    cut: float

    @property
    def text(self) -> str:
        """For people, with the way out."""
        ours, theirs = self.reference, self.other
        measured = f"distance {self.distance:.3f}"
        if ours.person == theirs.person:
            return (
                f"{ours.filename} looks unlike the other references of {ours.name}: {measured} to {theirs.filename}, "
                f"up to {self.cut:.3f} is like; if it is somebody else: "
                f'`facefind person forget-reference "{ours.name}" "{ours.filename}"`'
            )
        return (
            f"{ours.filename} of {ours.name} looks like {theirs.filename} of {theirs.name}: {measured}, strangers are "
            f'above {self.cut:.3f}; if they are one person: `facefind person merge "{theirs.name}" "{ours.name}"`'
        )


def doubts(connection: Connection, chosen: RegisteredSet, people: Collection[str]) -> list[Doubt]:
    """Doubts about the references of these people, by key, under a set; at most two for each reference."""
    tail = _strangers(connection, chosen)
    if tail is None or not people:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            query("reference_distances", operator=operator(chosen.metric)),
            {"parameter_set": chosen.key, "people": list(people)},
        )
        pairs = [(Reference(*row[:4]), Reference(*row[4:8]), float(row[8])) for row in cursor.fetchall()]
    within: dict[str, dict[tuple[Reference, Reference], float]] = defaultdict(dict)
    nearest: dict[Reference, tuple[float, Reference]] = {}
    for ours, theirs, distance in pairs:
        if ours.person == theirs.person:
            within[ours.person][ours, theirs] = distance
        elif ours not in nearest or distance < nearest[ours][0]:
            nearest[ours] = distance, theirs
    unlike, like = tail.at(UNLIKE_RATE), tail.at(LIKE_RATE)
    found = [Doubt(*doubted, unlike) for distances in within.values() for doubted in _apart(distances, unlike)]
    found += [Doubt(ours, other, distance, like) for ours, (distance, other) in nearest.items() if distance <= like]
    return sorted(found, key=lambda doubt: (doubt.reference.person, doubt.reference.number))


def doubts_of(database: Database, key: str, people: Collection[str]) -> list[Doubt]:
    """The same, of a set by its key."""
    with database.connect() as connection:
        return doubts(connection, parameter_sets.find(connection, key), people)


def _strangers(connection: Connection, chosen: RegisteredSet) -> Line | None:
    """The near tail of distances between two people."""
    calibration = read_calibration(connection, chosen.key)
    if calibration is not None:
        return calibration.tail
    prior = prior_of(chosen.key)
    return prior.tail if prior else None


def _apart(
    distances: Mapping[tuple[Reference, Reference], float], cut: float
) -> Sequence[tuple[Reference, Reference, float]]:
    """One person's references outside the largest linked group, or of equal ones that of the earliest.

    Returns:
        Each with its nearest of that group, and the distance to it.
    """
    references = sorted({reference for pair in distances for reference in pair}, key=lambda one: one.number)
    left = set(references)
    groups = []
    for first in references:
        group, reached = [], [first] if first in left else []
        left.discard(first)
        while reached:
            group.append(reached.pop())
            linked = {other for other in left if distances.get((group[-1], other), inf) <= cut}
            left -= linked
            reached += linked
        groups.append(group)
    largest = max(groups, key=len, default=[])
    found = []
    for one in references:
        known = [(other, distances[one, other]) for other in largest if (one, other) in distances]
        if one not in largest and known:
            found.append((one, *min(known, key=lambda pair: pair[1])))
    return found
