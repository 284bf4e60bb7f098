"""What people said about being shown to others: one row per statement, of which the newest holds."""

from dataclasses import dataclass
from datetime import date, datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.faces import look_again_at_erased
from facefind_pipeline.store.people import Person


@dataclass(frozen=True, slots=True)
class Consent:
    """One statement.

    Attributes:
        agreed: to be shown.
        until: the last day on which that holds; None without an end.
        source: how it was given.
        stated_at: when it was recorded.
        given_on: when the person said so; None where that is the day of the record.
    """

    agreed: bool
    until: date | None
    source: str
    stated_at: datetime | None = None
    given_on: date | None = None


def record_consent(connection: Connection, person: Person, consent: Consent) -> None:
    """Adds a statement, which replaces what the person said before; faces of theirs that were erased are found anew."""
    if consent.agreed:
        look_again_at_erased(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            # Later than what was said before, also by a clock that was put back since.
            """
            INSERT INTO consents (person, agreed, until, source, given_on, stated_at)
            SELECT %(person)s, %(agreed)s, %(until)s, %(source)s, %(given_on)s,
                   greatest(clock_timestamp(), max(stated_at) + interval '1 microsecond')
            FROM consents WHERE person = %(person)s
            """,
            {
                "person": person.key,
                "agreed": consent.agreed,
                "until": consent.until,
                "source": consent.source,
                "given_on": consent.given_on,
            },
        )


def consents_of(connection: Connection, person: Person) -> list[Consent]:
    """All that a person said, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT agreed, until, source, stated_at, given_on FROM consents WHERE person = %s ORDER BY stated_at DESC",
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
