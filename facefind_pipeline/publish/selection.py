"""Whose photos are published: those that show a person for sure or likely, or all that were ranked for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.find import KEPT, Match, find_person
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person

SHOWN = ("confirmed", "sure", "likely")  # bands, the best first


@dataclass(frozen=True, slots=True)
class Selection:
    """The photos of one person, best first."""

    person: Person
    matches: Sequence[Match]


def selected(
    connection: Connection, chosen: RegisteredSet, people: Sequence[Person], *, all_bands: bool
) -> list[Selection]:
    """What to publish of each person, in the order given: at most as many photos as stored results keep.

    Args:
        connection: any.
        chosen: the set whose results these are.
        people: each once.
        all_bands: matches that are neither confirmed nor sure nor likely too.

    Raises:
        FacefindError: a person has no usable reference under the set.
    """
    found = [Selection(person, find_person(connection, chosen, person, limit=KEPT)) for person in people]
    if all_bands:
        return found
    return [Selection(one.person, [match for match in one.matches if match.band in SHOWN]) for one in found]
