"""Why one photo is, or is not, among a person's results: the facts of it under a set, and the reason."""

from dataclasses import dataclass

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.find import Filters, find_nearest, reference_probes
from facefind_pipeline.search.losses import Facts, Loss, Outranking, attribute
from facefind_pipeline.search.quality import Row, faces_in, facts_of, ranking, truth_rows
from facefind_pipeline.store import indexes
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person


@dataclass(frozen=True, slots=True)
class Explanation:
    """A photo under a set, for a person.

    Attributes:
        row: what the tables know of it.
        facts: what the reason was found from.
        loss: the reason, or that it is found.
    """

    row: Row
    facts: Facts
    loss: Loss


def explain(
    connection: Connection, chosen: RegisteredSet, person: Person, photo: bytes, *, limit: int, filters: Filters
) -> Explanation:
    """Why the photo is or is not among the first `limit` of the person, with these filters.

    Raises:
        FacefindError: the person has no usable reference under the set.
    """
    probes = reference_probes(connection, chosen.key, person)
    rows = truth_rows(connection, chosen.key, person.key, photo)
    above: list[Outranking] = []
    place = 0
    for row in rows:
        place += row.rank is not None
        if row.sha256 == photo:
            break
        if not row.relevant and row.path is not None and row.score is not None:
            above.append(Outranking(row.path, row.score))
    lost = False
    build = indexes.last_build(connection, chosen.key)
    if build is not None and build.index is not None and row.rank is not None:
        near = find_nearest(connection, chosen, probes, limit=limit)
        exact = sorted((other for other in rows if other.rank is not None), key=lambda other: other.plain_distance or 0)
        within = any(other.sha256 == photo for other in exact[:limit])
        lost = within and not any(match.sha256 == photo.hex() for match in near)
    facts = facts_of(
        chosen.key,
        row,
        faces_in(connection, photo),
        place,
        limit,
        above,
        filtered=filters.given and not _passes(connection, photo, filters),
        lost_by_index=lost,
    )
    return Explanation(row, facts, attribute(facts))


def default_limit(connection: Connection, key: str, person: Person, photo: bytes) -> int:
    """How many photos are looked at: as many as show the person by the truth lists, but at least 10."""
    return max(10, ranking(truth_rows(connection, key, person.key, photo), plain=False).relevant)


def _passes(connection: Connection, photo: bytes, filters: Filters) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT FROM photos
            WHERE sha256 = %(photo)s
              AND (%(days)s::text[] IS NULL OR event_day = ANY (%(days)s))
              AND (%(taken_from)s::timestamp IS NULL OR taken_at >= %(taken_from)s)
              AND (%(taken_until)s::timestamp IS NULL OR taken_at <= %(taken_until)s)
              AND (%(country)s::text IS NULL OR country = %(country)s)
            """,
            filters.parameters | {"photo": photo},
        )
        return bool(cursor.rowcount)
