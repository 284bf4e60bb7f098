"""Everyone known, and how many photos a set has of each, by what the matches are called: what a host works through."""

from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.calibration import read_calibration
from facefind_pipeline.store.people import Person


@dataclass(frozen=True, slots=True)
class PersonBands:
    """A person, their reference photos, and their photos that nobody rejected."""

    person: Person
    references: int
    confirmed: int
    sure: int
    likely: int


def people_bands(connection: Connection, key: str) -> list[PersonBands]:
    """One of each person, by name; without sure and likely ones where nothing is known of probabilities."""
    calibration = read_calibration(connection, key)
    cuts = {
        "sure": calibration.sure_cut if calibration else None,
        "shown": calibration.shown_cut if calibration else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT person, display_name,
                   (SELECT count(*) FROM reference_photos r WHERE r.person = p.person),
                   count(*) FILTER (WHERE r.confirmed),
                   count(*) FILTER (WHERE NOT r.confirmed AND r.score <= %(sure)s),
                   count(*) FILTER (WHERE NOT r.confirmed AND r.score > %(sure)s AND r.score <= %(shown)s)
            FROM people p
            LEFT JOIN (SELECT * FROM search_results WHERE parameter_set = %(parameter_set)s) r USING (person)
            GROUP BY person, display_name ORDER BY lower(display_name), person
            """,
            {"parameter_set": key, **cuts},
        )
        return [PersonBands(Person(person, name), *counts) for person, name, *counts in cursor.fetchall()]
