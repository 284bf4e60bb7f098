"""Why one photo is, or is not, among a person's results: the facts of it under a set, and the reason."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.evaluation.attribution import facts_of
from facefind_pipeline.evaluation.losses import Facts, Loss, Outranking, attribute
from facefind_pipeline.evaluation.truth_facts import TruthFact, faces_in, read_truth_facts, template_ranking
from facefind_pipeline.search.filters import Filters, wanted_photos
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.probes import Probe, reference_probes
from facefind_pipeline.search.worn_days import ClothesOfPhoto, clothes_of_photo
from facefind_pipeline.store import indexes
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person


@dataclass(frozen=True, slots=True)
class Explanation:
    """A photo under a set, for a person.

    Attributes:
        fact: what the tables know of it.
        facts: what the reason was found from.
        loss: the reason, or that it is found.
        clothes: what they added.
    """

    fact: TruthFact
    facts: Facts
    loss: Loss
    clothes: ClothesOfPhoto


def explain(
    connection: Connection, chosen: RegisteredSet, person: Person, photo: bytes, *, limit: int, filters: Filters
) -> Explanation:
    """Why the photo is or is not among the first `limit` of the person, with these filters.

    Raises:
        FacefindError: the person has no usable reference under the set.
    """
    probes = reference_probes(connection, chosen.key, person)
    known = read_truth_facts(connection, chosen.key, person.key, photo)
    passing = _passing(connection, filters) if filters.given else {fact.sha256 for fact in known}
    above: list[Outranking] = []
    place = 0
    for fact in known:
        if fact.sha256 == photo:
            place += fact.rank is not None
            break
        if fact.sha256 not in passing:
            continue
        place += fact.rank is not None
        if not fact.relevant and fact.path is not None and fact.score is not None:
            above.append(Outranking(fact.path, fact.score))
    facts = facts_of(
        chosen.key,
        fact,
        faces_in(connection, [photo]).get(photo, ()),
        place,
        limit,
        above,
        filtered=photo not in passing,
        lost_by_index=_lost_by_index(
            connection, chosen, person, fact, known, probes, limit=limit, filters=filters, passing=passing
        ),
    )
    clothes = clothes_of_photo(connection, chosen.key, person.key, photo)
    return Explanation(fact, facts, attribute(facts), clothes)


def default_limit(connection: Connection, key: str, person: Person, photo: bytes) -> int:
    """How many photos are looked at: as many as show the person by the truth lists, but at least 10."""
    return max(10, template_ranking(read_truth_facts(connection, key, person.key, photo)).relevant)


def _lost_by_index(
    connection: Connection,
    chosen: RegisteredSet,
    person: Person,
    fact: TruthFact,
    known: Sequence[TruthFact],
    probes: Sequence[Probe],
    *,
    limit: int,
    filters: Filters,
    passing: Collection[bytes],
) -> bool:
    """Whether the photo is among the nearest `limit` by exact search, and not by the set's approximate index."""
    build = indexes.last_build(connection, chosen.key)
    if build is None or build.index is None or fact.rank is None or fact.by_hand:
        return False
    ranked = [other for other in known if other.rank is not None and not other.by_hand and other.sha256 in passing]
    exact = sorted(ranked, key=lambda other: other.plain_distance or 0)
    if not any(other.sha256 == fact.sha256 for other in exact[:limit]):
        return False
    confirmed = sum(other.shown is True for other in known)  # they come before the nearest
    found = find_nearest(connection, chosen, probes, limit=limit + confirmed, filters=filters, person=person)
    return all(match.sha256 != fact.sha256.hex() for match in found.matches)


def _passing(connection: Connection, filters: Filters) -> set[bytes]:
    """Photos that the filters let through, by SHA-256."""
    with connection.cursor() as cursor:
        wanted = sql.SQL("SELECT DISTINCT sha256 FROM ({}) wanted WHERE sha256 IS NOT NULL").format(
            wanted_photos(filters)
        )
        cursor.execute(wanted, filters.parameters)
        return {bytes(sha256) for (sha256,) in cursor.fetchall()}
