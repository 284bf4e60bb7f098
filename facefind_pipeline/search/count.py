"""How many photos a search has to show in all, and how many it can say nothing of."""

from dataclasses import replace

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.filters import Filters, wanted_photos
from facefind_pipeline.search.matches import Answer
from facefind_pipeline.search.stored import KEPT
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import query


def completed(
    connection: Connection, key: str, answer: Answer, person: Person | None = None, filters: Filters | None = None
) -> Answer:
    """The answer with the number of all photos, counted up to `KEPT`, where a live search did not look at all of them.

    Where a filter depends on the face found, the number stays unknown: it would take a comparison with every face.
    """
    filters = filters or Filters()
    if answer.photos is not None or filters.of_face:
        return answer
    with connection.cursor() as cursor:
        cursor.execute(
            query("count_photos", wanted=wanted_photos(filters)),
            filters.parameters | {"parameter_set": key, "person": person and person.key, "most": KEPT},
        )
        (count,) = cursor.fetchone() or (0,)
    return replace(answer, photos=count, at_least=count >= KEPT)


def count_undated(connection: Connection, filters: Filters) -> int:
    """Photos without a date that a filter by date leaves out, among those that the other filters leave; by content."""
    if filters.from_day is None and filters.to_day is None:
        return 0
    return _count_without(connection, "taken_at", replace(filters, from_day=None, to_day=None))


def count_unplaced(connection: Connection, filters: Filters) -> int:
    """Photos without a position that a filter by place leaves out, among those that the other filters leave."""
    return 0 if filters.near is None else _count_without(connection, "latitude", replace(filters, near=None))


def _count_without(connection: Connection, column: str, filters: Filters) -> int:
    statement = sql.SQL("SELECT count(DISTINCT sha256) FROM ({}) wanted WHERE {} IS NULL AND problem IS NULL")
    with connection.cursor() as cursor:
        cursor.execute(statement.format(wanted_photos(filters), sql.Identifier(column)), filters.parameters)
        (count,) = cursor.fetchone() or (0,)
    return int(count)
