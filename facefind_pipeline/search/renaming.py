"""Stored results of somebody who gets another name: nothing is searched again."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.due import is_current, would_be_made_from
from facefind_pipeline.search.results import results_version
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.made import record_made


@contextmanager
def results_kept(connection: Connection) -> Iterator[None]:
    """Results that are current at the beginning are so at the end, though what they were made from names people."""
    sets = [one.key for one in parameter_sets.registered(connection)]
    current = [key for key in sets if is_current(connection, "search_results", key)]
    yield
    for key in current:
        made_from = would_be_made_from(connection, "search_results", key)
        record_made(connection, "search_results", key, made_from, results_version(connection, key))
