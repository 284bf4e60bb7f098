"""What a check says, and going through all checks: one that can't be made never stops the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, IntEnum

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database


class Level(Enum):
    """How much a finding matters; the command's exit code is 1 where there is a problem."""

    OK = "ok"
    NOTE = "note"  # worth knowing, and no harm done
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about what is there and, for a problem, one about what to do."""

    level: Level
    text: str
    advice: str = ""


class Needs(IntEnum):
    """What must be there for a check to be made."""

    NOTHING = 0
    SERVER = 1
    TABLES = 2  # as this version knows them


@dataclass(frozen=True, slots=True)
class Installation:
    """What is looked at.

    Attributes:
        settings: of this process.
        database: None where none answers.
        has: how much of it can be asked.
        refusal: why the database does not answer; empty where it does, or there is none yet.
        serving: command -> number of the process that serves pages of this home with it.
    """

    settings: Settings
    database: Database | None
    has: Needs
    refusal: str
    serving: Mapping[str, str]

    def answering(self) -> Database:
        """The database; for checks that need one."""
        assert self.database is not None
        return self.database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that changes nothing, and waits for nobody who holds a table for long."""
        with self.answering().connect(vectors=False) as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY; SET LOCAL lock_timeout = '10s'")
            yield connection


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at, by a name that stays the same."""

    name: str
    look: Callable[[Installation], Iterable[Finding]]
    needs: Needs = Needs.NOTHING


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, text)


def note(text: str, advice: str = "") -> Finding:
    """Nothing is broken."""
    return Finding(Level.NOTE, text, advice)


def problem(text: str, advice: str) -> Finding:
    """Something is to be done."""
    return Finding(Level.PROBLEM, text, advice)


def examine(checks: Sequence[Check], installation: Installation) -> Iterator[tuple[str, Finding]]:
    """What each check that can be made says, in their order, as soon as it is known."""
    for check in checks:
        if check.needs <= installation.has:
            for finding in _findings(check, installation):
                yield check.name, finding


def _findings(check: Check, installation: Installation) -> Sequence[Finding]:
    try:
        return list(check.look(installation))
    except FacefindError as error:
        return [problem(str(error), "mend that, then ask again")]
    except Exception as error:  # noqa: BLE001 - whatever is broken, the other checks are made
        reason = " ".join(str(error).split()) or "no reason given"
        return [problem(f"this could not be looked at: {type(error).__name__}: {reason}", "mend that, then ask again")]
