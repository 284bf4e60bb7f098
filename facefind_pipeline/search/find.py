"""Finding a person's photos: the stored results where they are current and suffice, else the live query."""

from collections.abc import Collection
from dataclasses import replace

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.due import is_current
from facefind_pipeline.search.filters import Filters
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.matches import Answer
from facefind_pipeline.search.probes import reference_probes
from facefind_pipeline.search.stored import stored_answer
from facefind_pipeline.search.worn_days import read_days
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import operator, query


def find_person(
    connection: Connection,
    chosen: RegisteredSet,
    person: Person,
    *,
    limit: int | None = None,
    bands: Collection[str] | None = None,
    filters: Filters | None = None,
    metric: str | None = None,
    clothes: bool = True,
) -> Answer:
    """The photos that look most like a person's references; what was rejected is left out.

    Arguments are those of `find_nearest`; without `clothes` stored results are ranked by the face alone.

    Raises:
        FacefindError: the person has no usable reference under this set.
    """
    filters = filters or Filters()
    probes = reference_probes(connection, chosen.key, person)
    own = metric in (None, chosen.metric)
    current = own and is_current(connection, "search_results", chosen.key)
    stored = stored_answer(connection, chosen, person, limit, bands, filters, clothes=clothes) if current else None
    if stored is not None:
        return stored
    live = find_nearest(
        connection, chosen, probes, limit=limit, bands=bands, filters=filters, metric=metric, person=person
    )
    by_face = current and clothes and any(day.separation for day in read_days(connection, chosen.key))
    return replace(live, stale=own and not current, by_face=by_face)


def nearest_face(
    connection: Connection, chosen: RegisteredSet, person: Person, photo: bytes
) -> tuple[int, int, int, int] | None:
    """The box of the face by which a photo is ranked for the person, else nearest to a reference; None without one."""
    with connection.cursor() as cursor:
        values = {"parameter_set": chosen.key, "person": person.key, "photo": photo}
        cursor.execute(query("nearest_face", operator=operator(chosen.metric)), values)
        return cursor.fetchone()
