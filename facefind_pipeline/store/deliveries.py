"""Which photos a person was given, by content: each is delivered once."""

from collections.abc import Iterable

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.people import Person


def delivered(connection: Connection, person: Person) -> set[str]:
    """The photos that a person was given, by SHA-256 in hex."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT encode(sha256, 'hex') FROM deliveries WHERE person = %s", [person.key])
        return {sha256 for (sha256,) in cursor.fetchall()}


def record(connection: Connection, person: Person, photos: Iterable[str], author: str) -> None:
    """Remembers that a person was given these photos, by SHA-256 in hex."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO deliveries (person, sha256, delivered_by) VALUES (%s, decode(%s, 'hex'), %s)"
            " ON CONFLICT DO NOTHING",
            [(person.key, sha256, author) for sha256 in photos],
        )
