"""What is due to a person: the sure photos that they were not given yet, beside those that they have."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.publish.contents import Contents, Item
from facefind_pipeline.publish.destinations import open_folder
from facefind_pipeline.publish.selection import Selection
from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.gone import there_first
from facefind_pipeline.search.matches import CONFIRMED, SURE, Match
from facefind_pipeline.store import feedback
from facefind_pipeline.store.deliveries import delivered
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person


@dataclass(frozen=True, slots=True)
class Due:
    """What a person's album is to hold.

    Attributes:
        sure: photos that are confirmed or sure and there, best first.
        new: those of them that were not delivered yet, by SHA-256 in hex.
        rejected: photos that somebody said do not show the person, by SHA-256 in hex.
    """

    person: Person
    sure: Sequence[Match]
    new: frozenset[str]
    rejected: frozenset[str]

    def for_folder(self, folder: Path) -> tuple[Selection, Sequence[Item]]:
        """What is to be made in a folder, and what stays there as it is.

        Made are the new photos, and of those that were delivered before the ones that still lie in the album there: a
        photo that the person took out of it is not put there again. What lies there and can't be made again, its disk
        being away, or is not sure any more, stays: it was delivered and is not given twice. What was rejected leaves.

        Raises:
            FacefindError: the folder is another person's album.
        """
        before = open_folder(folder, self.person.key)
        names = before.names()
        lying = {item.sha256: item for item in before.before.items if item.file in names} if before.before else {}
        made = [match for match in self.sure if match.sha256 in self.new or match.sha256 in lying]
        anew = self.rejected | {match.sha256 for match in made}
        return Selection(self.person, made), [item for sha256, item in lying.items() if sha256 not in anew]

    def delivered_by(self, made: Contents) -> list[str]:
        """The new photos that an album has got, by SHA-256 in hex."""
        return [item.sha256 for item in made.items if item.made and item.sha256 in self.new]


def due_to(connection: Connection, chosen: RegisteredSet, person: Person) -> Due:
    """What is due to a person under a set.

    Raises:
        FacefindError: no usable reference, or it is not known how sure a match is.
    """
    found = there_first(lambda most: find_person(connection, chosen, person, limit=most, bands=(CONFIRMED, SURE)), None)
    if found.cut is None:
        raise FacefindError(f"under {chosen.key} it is not known how sure a match is, so nothing is delivered")
    sure = [match for match in found.matches if match.there]
    new = frozenset(match.sha256 for match in sure) - delivered(connection, person)
    return Due(person, sure, new, frozenset(feedback.rejected(connection, person.key)))
