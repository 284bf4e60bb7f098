"""All that is known of one person: reference photos and ranked photos under each parameter set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.due import is_current
from facefind_pipeline.search.calibration import read_calibration
from facefind_pipeline.search.likeness import Doubt, doubts
from facefind_pipeline.store import feedback, parameter_sets, people
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person, ReferenceName, ReferenceState


@dataclass(frozen=True, slots=True)
class UnderSet:
    """A person under one parameter set.

    Attributes:
        parameter_set: its key.
        references: how each reference photo fares, in the order they were added.
        bands: ranked photos by what the matches are called; empty without results, `ranked` where nothing is known of
            probabilities.
        current: whether the results are of the present photos and people.
        doubts: references that look unlike the others, or like another person's.
    """

    parameter_set: str
    references: Sequence[ReferenceState]
    bands: Mapping[str, int]
    current: bool
    doubts: Sequence[Doubt]


@dataclass(frozen=True, slots=True)
class Profile:
    """A person.

    Attributes:
        person: key and name.
        references: reference photos in the order they were added.
        confirmed: photos, with those confirmed by a drawn box.
        by_hand: photos confirmed by a box drawn by hand.
        rejected: photos.
        sets: every registered set, in the order of their registration.
    """

    person: Person
    references: Sequence[ReferenceName]
    confirmed: int
    by_hand: int
    rejected: int
    sets: Sequence[UnderSet]


def profile(connection: Connection, person: Person) -> Profile:
    """Reads all that is known of a person."""
    return Profile(
        person,
        people.references_of(connection, person),
        *feedback.count(connection, person.key),
        [_under(connection, one, person) for one in parameter_sets.registered(connection)],
    )


def _under(connection: Connection, chosen: RegisteredSet, person: Person) -> UnderSet:
    calibration = read_calibration(connection, chosen.key)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT confirmed, score FROM search_results WHERE (parameter_set, person) = (%s, %s) ORDER BY rank",
            [chosen.key, person.key],
        )
        ranked = cursor.fetchall()
    others = [score for confirmed, score in ranked if not confirmed]
    bands = Counter({"confirmed": len(ranked) - len(others)})
    bands.update(calibration.bands(others) if calibration else ["ranked"] * len(others))
    states = people.reference_states(connection, chosen.key)
    references = [state for state in states if state.person.key == person.key]
    return UnderSet(
        chosen.key,
        references,
        +bands,  # without zeros
        any(state.usable for state in references) and is_current(connection, "search_results", chosen.key),
        [doubt for doubt in doubts(connection, chosen, [person.key]) if doubt.reference.person == person.key],
    )
