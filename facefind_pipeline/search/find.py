"""Finding a person's photos: the stored results where they are current and suffice, else the live query."""

from collections.abc import Collection
from dataclasses import replace

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.due import is_current
from facefind_pipeline.search.filters import Filters
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.matches import Answer
from facefind_pipeline.search.probes import reference_probes, require_reference
from facefind_pipeline.search.stored import stored_answer
from facefind_pipeline.search.worn_days import read_days
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person


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
    reader: bool = False,
) -> Answer:
    """The photos that look most like a person's references; what was rejected is left out.

    Arguments are those of `find_nearest`; for a reader, too, stored results take filters. Without `clothes` these are
    ranked by the face alone.

    Raises:
        FacefindError: the person has no usable reference under this set.
    """
    filters = filters or Filters()
    require_reference(connection, chosen.key, person)
    own = metric in (None, chosen.metric)
    current = own and is_current(connection, "search_results", chosen.key)
    stored = stored_answer(connection, chosen, person, limit, bands, filters, clothes=clothes) if current else None
    if stored is not None:
        return stored
    live = find_nearest(
        connection,
        chosen,
        None if reader else reference_probes(connection, chosen.key, person),
        limit=limit,
        bands=bands,
        filters=filters,
        metric=metric,
        person=person,
        reader=reader,
    )
    by_face = current and clothes and any(day.separation for day in read_days(connection, chosen.key))
    return replace(live, stale=own and not current, by_face=by_face)
