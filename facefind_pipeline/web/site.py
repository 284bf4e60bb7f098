"""What the pages are given: the database, and functions from the rooms that know pixels or Dagster."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.matches import Match
from facefind_pipeline.search.probes import Probe
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.web.actions import Launch
from facefind_pipeline.web.limits import Limits


class Shown(Protocol):
    """Photos as a person is shown them, in a gallery."""

    def for_programs(self) -> list[dict[str, object]]:
        """Plain values of each photo."""
        ...

    def by_content(self) -> dict[str, dict[str, object]]:
        """By SHA-256 in hex each photo's pictures, `full` and `thumbnail`, and the `box` of the face."""
        ...

    def page(self, more: str) -> bytes:
        """The gallery's page, with `more` HTML below its heading."""
        ...

    def file(self, name: str) -> bytes | None:
        """What the page loads, by its path in the gallery; None where it has no such file."""
        ...

    def archive(self) -> Iterator[bytes]:
        """A zip of all photos, in parts."""
        ...


Show = Callable[[Connection, RegisteredSet, Person, Sequence[Match]], Shown]


@dataclass(frozen=True, slots=True)
class Site:
    """One event, as it is served.

    Attributes:
        database: as guests may read it; the host's site has one that may be written to.
        key: of the set that answers.
        embed: the one face in a picture as a probe; raises FacefindError with a plain word for the guest.
        show: matches of a person as they may be shown to guests.
        limits: for guests.
    """

    database: Database
    key: str
    embed: Callable[[bytes], Probe]
    show: Show
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the host's pages are given besides.

    Attributes:
        show: as of `Site`, with nobody hidden.
        person_of: the person of a display name.
        launch: carries out what the host does.
        at_work: what other processes run on this home now, a line each.
        guests: address of the guests' pages in the network, with a slash at its end; None where they are not there.
    """

    show: Show
    person_of: Callable[[str], Person]
    launch: Launch
    at_work: Callable[[], Sequence[str]]
    guests: str | None
