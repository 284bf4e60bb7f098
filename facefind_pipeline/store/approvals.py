"""Whose photos the host looked through and approved of giving away: without that nothing is delivered."""

from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.people import Person


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved, and when."""

    author: str
    approved_at: datetime


def approve(connection: Connection, person: Person, author: str) -> None:
    """Records that a person's sure photos may be given to them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO approvals (person, approved_by) VALUES (%s, %s)
            ON CONFLICT (person) DO UPDATE SET approved_by = excluded.approved_by, approved_at = now()
            """,
            [person.key, author],
        )


def withdraw(connection: Connection, person: Person) -> None:
    """Takes an approval back."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM approvals WHERE person = %s", [person.key])


def approval_of(connection: Connection, person: Person) -> Approval | None:
    """The approval of a person; None without one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT approved_by, approved_at FROM approvals WHERE person = %s", [person.key])
        row = cursor.fetchone()
    return None if row is None else Approval(*row)
