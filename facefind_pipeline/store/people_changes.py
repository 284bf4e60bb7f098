"""Who is who, changed: people are removed, renamed and merged, and lose single reference photos.

A picture that is taken from a person may still lie in the references folder, which is the user's own. It is dismissed,
by content and under that person's key, so that the next look at the folder does not bring the person back.
"""

from collections.abc import Collection
from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.made import forget_made
from facefind_pipeline.store.people import Person, remove_references, same_name


@dataclass(frozen=True, slots=True)
class Conflict:
    """A photo that was confirmed for one of two people and rejected for the other.

    Attributes:
        photo: path of one of its files below its root; None if it is in no event day any more.
        confirmed: whether it was confirmed for the first, and rejected for the second.
    """

    photo: str | None
    confirmed: bool


def reads_as(person: Person, to: Person) -> bool:
    """Whether a picture in the references folder that is named after the one is read as the other's."""
    return person.key == to.key and same_name(person.name, to.name)


def sets_of(connection: Connection, person: str) -> list[str]:
    """Keys of the parameter sets that have a reference or results of a person, and of the active ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT parameter_set FROM parameter_sets s
            WHERE active
               OR parameter_set IN (SELECT parameter_set FROM reference_embeddings WHERE person = %(person)s)
               OR parameter_set IN (SELECT parameter_set FROM searches WHERE person = %(person)s)
            ORDER BY added_at
            """,
            {"person": person},
        )
        return [key for (key,) in cursor.fetchall()]


def remove(connection: Connection, person: Person, lying: Collection[bytes]) -> None:
    """Removes a person with all that is known of them: references, vectors, results, feedback, truth.

    Args:
        connection: any.
        person: who leaves.
        lying: SHA-256 of the pictures that lie in the references folder under their name.
    """
    _dismiss(connection, person.key, lying)
    with connection.cursor() as cursor:
        # The others' results were made with this rival in mind, and name them.
        cursor.execute(
            """
            DELETE FROM searches
            WHERE parameter_set IN (SELECT parameter_set FROM reference_embeddings WHERE person = %(key)s)
               OR parameter_set IN (SELECT parameter_set FROM searches WHERE person = %(key)s)
            RETURNING parameter_set
            """,
            {"key": person.key},
        )
        forget_made(connection, "search_results", [key for (key,) in cursor.fetchall()])
        cursor.execute("DELETE FROM people WHERE person = %s", [person.key])
        cursor.execute("DELETE FROM truth_lists WHERE source NOT IN (SELECT source FROM truth)")
    _remove_evaluations(connection)


def rename(connection: Connection, person: Person, to: Person, lying: Collection[bytes]) -> None:
    """Gives a person another name, and its key; everything known of them stays theirs.

    Args:
        connection: any.
        person: as they are known.
        to: as they are to be known; nobody else has this key.
        lying: as for `remove`. Their references stay whatever becomes of these pictures, which have the former name.
    """
    with connection.cursor() as cursor:
        if not reads_as(person, to):
            _dismiss(connection, person.key, lying)
            cursor.execute("UPDATE reference_photos SET source = 'command' WHERE person = %s", [person.key])
        cursor.execute(
            "UPDATE people SET person = %s, display_name = %s WHERE person = %s", [to.key, to.name, person.key]
        )
    _remove_evaluations(connection)


def conflicts(connection: Connection, kept: Person, other: Person) -> list[Conflict]:
    """Photos that were confirmed for one of the two and rejected for the other: a merge leaves the first one's word."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT min(path) FROM photos p WHERE p.sha256 = ours.sha256), ours.shown
            FROM feedback ours JOIN feedback theirs USING (sha256)
            WHERE (ours.person, theirs.person) = (%s, %s) AND ours.shown <> theirs.shown ORDER BY 1
            """,
            [kept.key, other.key],
        )
        return [Conflict(photo, confirmed) for photo, confirmed in cursor.fetchall()]


def merge(connection: Connection, kept: Person, other: Person, lying: Collection[bytes]) -> None:
    """Gives one person all that another has, who then is no more; where both have something, the first one's stays.

    Args:
        connection: any.
        kept: who stays.
        other: who goes.
        lying: as for `remove`, of the one who goes.
    """
    _dismiss(connection, other.key, lying)
    keys = {"kept": kept.key, "other": other.key}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reference_photos SET source = 'command' WHERE person = %(other)s", keys)
        for table in ("reference_photos", "feedback", "truth", "deliveries"):
            cursor.execute(
                f"""
                UPDATE {table} SET person = %(kept)s WHERE person = %(other)s
                AND sha256 NOT IN (SELECT sha256 FROM {table} WHERE person = %(kept)s)
                """,  # noqa: S608
                keys,
            )
        cursor.execute("UPDATE group_statements SET person = %(kept)s WHERE person = %(other)s", keys)
        # Of whom is now one person, the newest statement holds.
        cursor.execute("UPDATE consents SET person = %(kept)s WHERE person = %(other)s", keys)
        cursor.execute("UPDATE guest_links SET person = %(kept)s WHERE person = %(other)s", keys)
    remove(connection, other, ())


def forget_reference(connection: Connection, person: Person, sha256: bytes, lying: Collection[bytes]) -> None:
    """Removes one reference photo with its vectors; `lying` as for `remove`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO dismissed_references (person, sha256)
            SELECT person, sha256 FROM reference_photos
            WHERE (person, sha256) = (%s, %s) AND (source = 'folder' OR sha256 = ANY(%s::bytea[]))
            ON CONFLICT DO NOTHING
            """,
            [person.key, sha256, list(lying)],
        )
    remove_references(connection, [(person.key, sha256)])


def dismissed(connection: Connection) -> set[tuple[str, bytes]]:
    """(person, sha256) of the pictures that are not read again from the references folder."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT person, sha256 FROM dismissed_references")
        return {(person, bytes(sha256)) for person, sha256 in cursor.fetchall()}


def _remove_evaluations(connection: Connection) -> None:
    """They name people, and are made again from rows in a second."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM evaluations")
    forget_made(connection, "evaluation")


def _dismiss(connection: Connection, person: str, lying: Collection[bytes]) -> None:
    """Dismisses these pictures, and those of the folder that can't be looked at now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO dismissed_references (person, sha256)
            SELECT %(person)s, unnest(%(lying)s::bytea[])
            UNION SELECT person, sha256 FROM reference_photos WHERE person = %(person)s AND source = 'folder'
            ON CONFLICT DO NOTHING
            """,
            {"person": person, "lying": list(lying)},
        )
