"""Stored results of somebody who gets another name: nothing is searched again."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.find import RANKING, results_are_current
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.queries import query


@contextmanager
def results_kept(connection: Connection) -> Iterator[None]:
    """Results that are current at the beginning are so at the end, though what they were made from names people."""
    current = [
        one.key for one in parameter_sets.registered(connection) if all(results_are_current(connection, one).values())
    ]
    yield
    with connection.cursor() as cursor:
        for key in current:
            cursor.execute(query("reference_versions"), {"parameter_set": key, "ranking": RANKING})
            cursor.executemany(
                "UPDATE searches SET references_version = %s WHERE (parameter_set, person) = (%s, %s)",
                [(version, key, person) for person, version in cursor.fetchall()],
            )
