"""Stored results: the nearest photos of every person under a set, in one statement, for the people that need it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.find import KEPT, results_are_current
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import set_version
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import operator, query

if TYPE_CHECKING:
    import pandas as pd

RANKING = "nearest-face-1"  # the ranking rules' name; a change of rules changes it


def refresh(connection: Connection, chosen: RegisteredSet) -> list[str]:
    """Searches again for the people whose references or whose set's vectors changed; returns their keys."""
    current = results_are_current(connection, chosen)
    due = sorted(person for person, is_current in current.items() if not is_current)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM searches WHERE parameter_set = %s AND (person = ANY(%s) OR NOT person = ANY(%s))",
            [chosen.key, due, list(current)],
        )
        if not due:
            return []
        cursor.execute(query("reference_versions"), {"parameter_set": chosen.key})
        wanted = dict(cursor.fetchall())
        for person in due:
            cursor.execute(
                """
                INSERT INTO searches (parameter_set, person, vectors_version, references_version)
                VALUES (%s, %s, %s, %s)
                """,
                [chosen.key, person, chosen.vectors_version, wanted[person]],
            )
        cursor.execute(
            query("search_people", operator=operator(chosen.metric), parameter_set=sql.Literal(chosen.key)),
            {"people": due, "kept": KEPT},
        )
    return due


def results_version(connection: Connection, key: str) -> str:
    """Data version of a set's results: the vectors, the references and the ranking rules they follow from."""
    with connection.cursor() as cursor:
        cursor.execute(query("reference_versions"), {"parameter_set": key})
        references = sorted(cursor.fetchall())
    return versions.hash_rows([(RANKING, set_version(connection, key)), *references])


@dataclass(frozen=True, slots=True)
class Results:
    """A set's results after a refresh.

    Attributes:
        version: data version.
        searched: keys of the people that needed it.
        people: a row a person: `person`, `ranked` (photos), `nearest` (path of the nearest photo) and its `distance`.
    """

    version: str
    searched: list[str]
    people: "pd.DataFrame"


def refresh_results(database: Database, key: str) -> Results:
    """Brings a set's stored results up to its vectors and references."""
    with database.lock("results", key), database.connect() as connection:
        chosen = parameter_sets.find(connection, key)
        searched = refresh(connection, chosen)
        return Results(results_version(connection, key), searched, _people(connection, key))


def people_without_results(connection: Connection, key: str) -> list[str]:
    """Names of people with a usable reference under the set and no ranked photo."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT display_name FROM people p
            WHERE EXISTS (
                SELECT FROM reference_embeddings e
                WHERE e.parameter_set = %(key)s AND e.person = p.person AND e.embedding IS NOT NULL
            ) AND NOT EXISTS (
                SELECT FROM search_results r WHERE r.parameter_set = %(key)s AND r.person = p.person
            ) ORDER BY 1
            """,
            {"key": key},
        )
        return [name for (name,) in cursor.fetchall()]


def _people(connection: Connection, key: str) -> "pd.DataFrame":
    import pandas as pd

    with connection.cursor() as cursor:
        cursor.execute(query("results_by_person"), {"parameter_set": key})
        return pd.DataFrame(cursor.fetchall(), columns=["person", "ranked", "nearest", "distance"])
