"""What people said about being shown to others: one row per statement, of which the newest holds."""

from dataclasses import dataclass
from datetime import date, datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.people import Person


@dataclass(frozen=True, slots=True)
class Consent:
    """One statement.

    Attributes:
        agreed: to be shown.
        until: the last day on which that holds; None without an end.
        source: how it was given.
        stated_at: when it was recorded.
    """

    agreed: bool
    until: date | None
    source: str
    stated_at: datetime | None = None


def record_consent(connection: Connection, person: Person, consent: Consent) -> None:
    """Adds a statement, which replaces what the person said before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO consents (person, agreed, until, source) VALUES (%s, %s, %s, %s)",
            [person.key, consent.agreed, consent.until, consent.source],
        )


def consents_of(connection: Connection, person: Person) -> list[Consent]:
    """All that a person said, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT agreed, until, source, stated_at FROM consents WHERE person = %s ORDER BY stated_at DESC",
            [person.key],
        )
        return [Consent(*row) for row in cursor.fetchall()]


def people_who_agreed(connection: Connection, on: date) -> list[str]:
    """Keys of the people who agree to be shown on that day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT person FROM (SELECT DISTINCT ON (person) * FROM consents ORDER BY person, stated_at DESC) newest
            WHERE agreed AND coalesce(until >= %s, true) ORDER BY person
            """,
            [on],
        )
        return [person for (person,) in cursor.fetchall()]
