"""Finding photos: the live query with filters, and reading what `search_results` keeps while that is current."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from pgvector import Vector
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.indexes import count_rows
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import operator, query

EF_SEARCH = 200  # recall at 10 of .988 on clustered 50,000 x 768, .998 on 128-d
IVFFLAT_PROBES = 10  # of at least 10 lists; a tenth of them at 100,000 faces
FACES_A_PHOTO = 4  # candidates looked at for each photo asked for, to begin with
# Left out without filters: asking of each of 5,000 faces whether its photo is there takes as long as the distances.
AMONG_WANTED = sql.SQL("AND EXISTS (SELECT FROM wanted w WHERE w.sha256 = e.sha256)")
# Fewer than these are searched exactly: an index that has to pass by all others takes longer, and its recall was .8
# for 2,000 photos of 200,000.
FEW_PHOTOS = 5_000
KEPT = 1_000  # photos a person that `search_results` keeps


@dataclass(frozen=True, slots=True)
class Filters:
    """Which photos to look at; None or empty is no limit. `to_day` is included, as people mean it."""

    days: tuple[str, ...] = ()
    from_day: date | None = None
    to_day: date | None = None
    country: str | None = None

    @property
    def given(self) -> bool:
        """Whether anything is limited."""
        return self != Filters()

    @property
    def parameters(self) -> dict[str, object]:
        """For the query."""
        return {
            "days": list(self.days) or None,
            "taken_from": datetime.combine(self.from_day, time()) if self.from_day else None,
            "taken_until": datetime.combine(self.to_day, time.max) if self.to_day else None,
            "country": self.country,
        }


@dataclass(frozen=True, slots=True)
class Probe:
    """A face to ask with: its vector (d,), and the fingerprint of the embedder that made it."""

    vector: Any
    embedder: str


@dataclass(frozen=True, slots=True)
class Match:
    """A photo ranked for a person, by its nearest face.

    Attributes:
        rank: from 1.
        photo: path below its root.
        event_day: the day's key.
        distance: of the nearest face, in the metric that was asked.
        box: of that face; x, y, w, h in upright pixels.
        score: the detector's.
        copies: (event day, path) of other files of the same content.
        thumbnail: JPEG of the face.
    """

    rank: int
    photo: str
    event_day: str
    distance: float
    box: tuple[int, int, int, int]
    score: float
    taken_at: datetime | None
    country: str | None
    place: str | None
    sha256: str
    copies: tuple[tuple[str, str], ...]
    thumbnail: bytes

    def as_json(self) -> Mapping[str, object]:
        """Plain values for programs, without the picture."""
        return {
            "rank": self.rank,
            "photo": self.photo,
            "event_day": self.event_day,
            "distance": round(self.distance, 6),
            "box": list(self.box),
            "score": self.score,
            "taken_at": self.taken_at.isoformat() if self.taken_at else None,
            "country": self.country,
            "place": self.place,
            "copies": [{"event_day": day, "photo": path} for day, path in self.copies],
            "sha256": self.sha256,
        }


def find_person(
    connection: Connection,
    chosen: RegisteredSet,
    person: Person,
    *,
    limit: int,
    filters: Filters | None = None,
    metric: str | None = None,
) -> list[Match]:
    """The photos nearest to a person's references: the stored results where they are current and suffice, else live.

    Raises:
        FacefindError: the person has no usable reference under this set.
    """
    filters = filters or Filters()
    probes = reference_probes(connection, chosen.key, person)
    plain = not filters.given and metric in (None, chosen.metric)
    if plain and _stored_suffice(connection, chosen, person, limit):
        with connection.cursor() as cursor:
            cursor.execute(query("stored_results"), {"parameter_set": chosen.key, "person": person.key, "limit": limit})
            return _matches(cursor.fetchall())
    return find_nearest(connection, chosen, probes, limit=limit, filters=filters, metric=metric)


def find_nearest(
    connection: Connection,
    chosen: RegisteredSet,
    probes: Sequence[Probe],
    *,
    limit: int,
    filters: Filters | None = None,
    metric: str | None = None,
) -> list[Match]:
    """The photos nearest to any of the probes, live.

    Args:
        connection: any; the query's settings last until its transaction ends.
        chosen: the set to search.
        probes: one or more; a photo is as near as its face nearest to any of them.
        limit: as many photos as this come back if there are as many.
        filters: which photos to look at.
        metric: `l2`, `cosine`, `ip` or `l1`; the set's own by default. An index serves only the set's own.

    Raises:
        FacefindError: all faces of the set were embedded by another version of the embedder.
    """
    filters = filters or Filters()
    parameters = filters.parameters | {
        "vectors": [Vector(probe.vector).to_text() for probe in probes],
        "embedders": [probe.embedder for probe in probes],
        "limit": limit,
    }
    candidates = limit * FACES_A_PHOTO
    everything: int | None = None
    with connection.cursor() as cursor:
        use_index(cursor)
        exact = filters.given and _leave_few(cursor, filters)
        while True:
            cursor.execute(
                _statement(chosen, metric or chosen.metric, filters, exact=exact),
                parameters | {"candidates": candidates},
            )
            rows = cursor.fetchall()
            if (len(rows) == limit and rows[-1][-1]) or (everything is not None and candidates >= everything):
                break
            # Only now: counting a million faces takes longer than finding the nearest of them.
            everything = count_rows(connection, chosen) if everything is None else everything
            candidates = everything if exact else 8 * candidates
            # An index scan gives up after a while, and filters may leave it too few.
            exact = exact or candidates >= everything
    if everything and not rows:
        _check_comparable(connection, chosen, probes)
    return _matches([row[:-1] for row in rows])


def _statement(chosen: RegisteredSet, metric: str, filters: Filters, *, exact: bool) -> sql.Composed:
    return query(
        "find",
        operator=operator(metric),
        dimension=sql.Literal(chosen.dimension),
        parameter_set=sql.Literal(chosen.key),
        wanted=query("wanted_photos"),
        among_wanted=AMONG_WANTED if filters.given else sql.SQL(""),
        exactly=sql.SQL("+ 0" if exact else ""),
    )


def _leave_few(cursor: Cursor, filters: Filters) -> bool:
    wanted = sql.SQL("SELECT FROM ({} LIMIT %(few)s) wanted").format(query("wanted_photos"))
    cursor.execute(wanted, filters.parameters | {"few": FEW_PHOTOS})
    return cursor.rowcount < FEW_PHOTOS


def use_index(cursor: Cursor) -> None:
    """Sets how thoroughly the transaction's searches look through an approximate index."""
    cursor.execute(
        """
        SET LOCAL hnsw.iterative_scan = strict_order;
        SET LOCAL hnsw.ef_search = %s;
        SET LOCAL ivfflat.iterative_scan = relaxed_order;
        SET LOCAL ivfflat.probes = %s
        """,
        [EF_SEARCH, IVFFLAT_PROBES],
    )


def reference_probes(connection: Connection, key: str, person: Person) -> list[Probe]:
    """The person's references under a set, as probes.

    Raises:
        FacefindError: there is none; the message gives the references' problems.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT embedding, embedder_fingerprint, problem FROM reference_embeddings
            WHERE parameter_set = %s AND person = %s ORDER BY sha256
            """,
            [key, person.key],
        )
        rows = cursor.fetchall()
    probes = [Probe(embedding.to_numpy(), embedder) for embedding, embedder, _ in rows if embedding is not None]
    if not probes:
        why = "; ".join(problem for *_, problem in rows) or "none was embedded yet"
        raise FacefindError(f"{person.name} has no usable reference under {key}: {why}")
    return probes


def results_are_current(connection: Connection, chosen: RegisteredSet) -> dict[str, bool]:
    """For each person with a reference under the set: whether the stored results are of the present vectors."""
    with connection.cursor() as cursor:
        cursor.execute(query("reference_versions"), {"parameter_set": chosen.key})
        wanted = dict(cursor.fetchall())
        cursor.execute(
            "SELECT person, vectors_version, references_version FROM searches WHERE parameter_set = %s", [chosen.key]
        )
        searched = {person: (vectors, references) for person, vectors, references in cursor.fetchall()}
    return {person: searched.get(person) == (chosen.vectors_version, version) for person, version in wanted.items()}


def _check_comparable(connection: Connection, chosen: RegisteredSet, probes: Sequence[Probe]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM embeddings WHERE parameter_set = %s AND embedder_fingerprint = ANY(%s) LIMIT 1",
            [chosen.key, [probe.embedder for probe in probes]],
        )
        if cursor.rowcount == 0:
            raise FacefindError(
                f"the faces under {chosen.key} were embedded by another version of {chosen.key.partition('@')[2]}, "
                f"and their vectors can't be compared: `facefind run PHOTOS --params {chosen.key}` embeds them again"
            )


def _stored_suffice(connection: Connection, chosen: RegisteredSet, person: Person, limit: int) -> bool:
    return limit <= KEPT and results_are_current(connection, chosen).get(person.key, False)


def _matches(rows: Sequence[tuple[Any, ...]]) -> list[Match]:
    return [
        Match(
            rank=rank,
            photo=paths[0],
            event_day=days[0],
            distance=float(distance),
            box=(x, y, w, h),
            score=score,
            taken_at=taken_at,
            country=country,
            place=place,
            sha256=bytes(sha256).hex(),
            copies=tuple(zip(days[1:], paths[1:], strict=True)),
            thumbnail=bytes(thumbnail),
        )
        for rank, (days, paths, distance, x, y, w, h, score, taken_at, country, place, sha256, thumbnail) in enumerate(
            rows, start=1
        )
    ]
