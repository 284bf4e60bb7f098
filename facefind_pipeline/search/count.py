"""How many photos a search has to show in all, and how many it can say nothing of."""

from dataclasses import replace

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.find import KEPT, Filters
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import query


def count_photos(connection: Connection, key: str, person: Person | None = None, filters: Filters | None = None) -> int:
    """Photos with a face under a set, as many as `find` would return without a limit; counted up to `KEPT`."""
    wanted = (filters or Filters()).parameters
    with connection.cursor() as cursor:
        cursor.execute(
            query("count_photos", wanted=query("wanted_photos")),
            wanted | {"parameter_set": key, "person": person and person.key, "most": KEPT},
        )
        (count,) = cursor.fetchone() or (0,)
    return int(count)


def count_undated(connection: Connection, filters: Filters) -> int:
    """Photos without a date that a filter by date leaves out, among those that the other filters leave; by content."""
    if filters.from_day is None and filters.to_day is None:
        return 0
    with connection.cursor() as cursor:
        undated = sql.SQL("SELECT count(DISTINCT sha256) FROM ({}) wanted WHERE taken_at IS NULL AND problem IS NULL")
        others = replace(filters, from_day=None, to_day=None)
        cursor.execute(undated.format(query("wanted_photos")), others.parameters)
        (count,) = cursor.fetchone() or (0,)
    return int(count)
