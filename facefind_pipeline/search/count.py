"""How many photos a search has to show in all."""

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
