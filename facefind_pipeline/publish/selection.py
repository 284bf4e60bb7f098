"""Whose photos are published: those that show a person for sure or likely, or all that were ranked for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.gone import there_first
from facefind_pipeline.search.matches import WORTH_SHOWING, Answer, Match
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person


@dataclass(frozen=True, slots=True)
class Selection:
    """The photos of one person, best first; those whose files are gone come last."""

    person: Person
    matches: Sequence[Match]


def selected(
    connection: Connection, chosen: RegisteredSet, people: Sequence[Person], *, all_bands: bool
) -> list[Selection]:
    """What to publish of each person, in the order given; as many as there are.

    Args:
        connection: any.
        chosen: the set whose results these are.
        people: each once.
        all_bands: matches that are neither confirmed nor sure nor likely too.

    Raises:
        FacefindError: a person has no usable reference under the set.
    """
    bands = None if all_bands else WORTH_SHOWING

    def search(person: Person) -> Answer:
        return there_first(lambda most: find_person(connection, chosen, person, limit=most, bands=bands), None)

    return [Selection(person, search(person).matches) for person in people]
