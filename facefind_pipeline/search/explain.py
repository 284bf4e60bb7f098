"""Why one photo is, or is not, among a person's results: the facts of it under a set, and the reason."""

from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.filters import Filters, wanted_photos
from facefind_pipeline.search.find import find_nearest, reference_probes
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
    passing = _passing(connection, filters) if filters.given else None
    for row in rows:
        if row.sha256 == photo:
            place += row.rank is not None
            break
        if passing is not None and row.sha256 not in passing:
            continue
        place += row.rank is not None
        if not row.relevant and row.path is not None and row.score is not None:
            above.append(Outranking(row.path, row.score))
    lost = False
    build = indexes.last_build(connection, chosen.key)
    if build is not None and build.index is not None and row.rank is not None and not row.by_hand:
        confirmed = sum(other.shown is True for other in rows)  # they come before the nearest
        near = find_nearest(connection, chosen, probes, limit=limit + confirmed, filters=filters, person=person)
        found = [other for other in rows if other.rank is not None and not other.by_hand]
        ranked = [other for other in found if (passing is None or other.sha256 in passing)]
        exact = sorted(ranked, key=lambda other: other.plain_distance or 0)
        within = any(other.sha256 == photo for other in exact[:limit])
        lost = within and not any(match.sha256 == photo.hex() for match in near.matches)
    facts = facts_of(
        chosen.key,
        row,
        faces_in(connection, photo),
        place,
        limit,
        above,
        filtered=passing is not None and photo not in passing,
        lost_by_index=lost,
    )
    return Explanation(row, facts, attribute(facts))


def default_limit(connection: Connection, key: str, person: Person, photo: bytes) -> int:
    """How many photos are looked at: as many as show the person by the truth lists, but at least 10."""
    return max(10, ranking(truth_rows(connection, key, person.key, photo), plain=False).relevant)


def _passing(connection: Connection, filters: Filters) -> set[bytes]:
    """Photos that the filters let through, by SHA-256."""
    with connection.cursor() as cursor:
        wanted = sql.SQL("SELECT DISTINCT sha256 FROM ({}) wanted WHERE sha256 IS NOT NULL").format(
            wanted_photos(filters)
        )
        cursor.execute(wanted, filters.parameters)
        return {bytes(sha256) for (sha256,) in cursor.fetchall()}
