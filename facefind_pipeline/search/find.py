"""Finding photos: the live query with filters, and reading what `search_results` keeps while that is current."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search.calibration import Calibration, read_calibration
from facefind_pipeline.search.comparable import check_comparable
from facefind_pipeline.store import feedback, photos
from facefind_pipeline.store.indexes import count_rows
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import operator, query

EF_SEARCH = 120  # recall at 10 of .988 among 100,000 faces and 1 among a million, there in 10 ms; with 200 in 17
IVFFLAT_PROBES = 10  # of at least 10 lists; a tenth of them at 100,000 faces
FACES_A_PHOTO = 4  # candidates looked at for each photo asked for, to begin with
# Left out without filters: asking of each of 5,000 faces whether its photo is there takes as long as the distances.
AMONG_WANTED = sql.SQL("AND EXISTS (SELECT FROM wanted w WHERE w.sha256 = e.sha256)")
# Fewer than these are searched exactly: an index that has to pass by all others takes longer, and its recall was .8
# for 2,000 photos of 200,000.
FEW_PHOTOS = 5_000
KEPT = 1_000  # photos a person that `search_results` keeps
RANKING = "templates-2"  # the name of the rules by which they are ranked; a change of rules changes it


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


class Copy(NamedTuple):
    """Another file of a photo's content."""

    event_day: str
    photo: str
    file: Path
    there: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """A photo ranked for a person, by its best face.

    Stored results are ranked by their score, after those that were confirmed; live ones by the distance to the nearest
    reference, which then is all three distances. A box drawn by hand has none live, and no detector's confidence.

    Attributes:
        rank: from 1.
        photo: path below its root.
        file: absolute path.
        event_day: the day's key.
        distance: of the best face, in the metric that was asked; of stored results the typical one to the person's
            references and sure photos.
        score: the distance, and more the nearer another person is to the face.
        plain_distance: of the photo's face nearest to any reference, and nothing else.
        probability: that the face is the person's; None where the set has too few faces to tell.
        rival: another person's name, to whom the face is nearer.
        rival_distance: of the face to the rival.
        confirmed: somebody said that the photo shows the person.
        band: `confirmed`, `sure`, `likely` or `look yourself`; empty where nothing is known of probabilities.
        box: of the best face; x, y, w, h in upright pixels.
        detector_score: the detector's own confidence.
        copies: other files of the same content.
        thumbnail: JPEG of the face.
        there: whether the file was there, where somebody looked for it.
    """

    rank: int
    photo: str
    file: Path
    event_day: str
    distance: float | None
    score: float | None
    plain_distance: float | None
    probability: float | None
    rival: str | None
    rival_distance: float | None
    confirmed: bool
    band: str
    box: tuple[int, int, int, int]
    detector_score: float | None
    taken_at: datetime | None
    country: str | None
    place: str | None
    sha256: str
    copies: tuple[Copy, ...]
    thumbnail: bytes
    there: bool = True

    def as_json(self) -> Mapping[str, object]:
        """Plain values for programs, without the picture."""
        return {
            "rank": self.rank,
            "photo": self.photo,
            "file": str(self.file),
            "there": self.there,
            "event_day": self.event_day,
            "distance": _rounded(self.distance, 6),
            "band": self.band,
            "probability": _rounded(self.probability, 4),
            "score": _rounded(self.score, 6),
            "plain_distance": _rounded(self.plain_distance, 6),
            "rival": self.rival,
            "rival_distance": _rounded(self.rival_distance, 6),
            "box": list(self.box),
            "detector_score": self.detector_score,
            "taken_at": self.taken_at.isoformat() if self.taken_at else None,
            "country": self.country,
            "place": self.place,
            "copies": [copy._asdict() | {"file": str(copy.file)} for copy in self.copies],
            "sha256": self.sha256,
        }


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)


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
    if metric in (None, chosen.metric):
        stored = _stored(connection, chosen, person, limit, filters)
        if stored is not None:
            return stored
    drawn = _confirmed_by_hand(connection, person, limit, filters)
    passed = feedback.rejected(connection, person.key) | {match.sha256 for match in drawn}
    nearest = find_nearest(connection, chosen, probes, limit=limit + len(passed), filters=filters, metric=metric)
    left = [*drawn, *(match for match in nearest if match.sha256 not in passed)][:limit]
    return [replace(match, rank=rank) for rank, match in enumerate(left, start=1)]


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
    parameters = filters.parameters | probe_parameters(probes, limit)
    candidates = limit * FACES_A_PHOTO
    everything: int | None = None
    with connection.cursor() as cursor:
        use_index(cursor)
        exact = filters.given and _leave_few(cursor, filters)
        while True:
            cursor.execute(
                live_statement(chosen, metric or chosen.metric, filters, exact=exact),
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
        check_comparable(connection, chosen, [probe.embedder for probe in probes])
    calibration = read_calibration(connection, chosen.key) if metric in (None, chosen.metric) else None
    # A live result has one distance only: it is the score and the plain one too, and knows no rival.
    return _matches(connection, [(*row[:-1], row[2], row[2], None, None, False) for row in rows], calibration)


def nearest_face(
    connection: Connection, chosen: RegisteredSet, person: Person, photo: bytes
) -> tuple[int, int, int, int] | None:
    """The box of the face by which a photo is ranked for the person, else nearest to a reference; None without one."""
    with connection.cursor() as cursor:
        values = {"parameter_set": chosen.key, "person": person.key, "photo": photo}
        cursor.execute(query("nearest_face", operator=operator(chosen.metric)), values)
        return cursor.fetchone()


def probe_parameters(probes: Sequence[Probe], limit: int) -> dict[str, object]:
    """What `live_statement` binds beside the filters' own, at its first look."""
    from pgvector import Vector  # with numpy, which the stored results do without

    return {
        "vectors": [Vector(probe.vector).to_text() for probe in probes],
        "embedders": [probe.embedder for probe in probes],
        "limit": limit,
        "candidates": limit * FACES_A_PHOTO,
    }


def live_statement(chosen: RegisteredSet, metric: str, filters: Filters, *, exact: bool) -> sql.Composed:
    """The live query; `exact` keeps it from an index."""
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
            SELECT embedding::real[], embedder_fingerprint, problem FROM reference_embeddings
            WHERE parameter_set = %s AND person = %s ORDER BY sha256
            """,
            [key, person.key],
        )
        rows = cursor.fetchall()
    probes = [Probe(embedding, embedder) for embedding, embedder, _ in rows if embedding is not None]
    if not probes:
        why = "; ".join(problem for *_, problem in rows) or "none was embedded yet"
        raise FacefindError(f"{person.name} has no usable reference under {key}: {why}")
    return probes


def results_are_current(connection: Connection, chosen: RegisteredSet) -> dict[str, bool]:
    """For each person with a reference under the set: whether the stored results are of the present vectors."""
    with connection.cursor() as cursor:
        cursor.execute(query("reference_versions"), {"parameter_set": chosen.key, "ranking": RANKING})
        wanted = dict(cursor.fetchall())
        cursor.execute(
            "SELECT person, vectors_version, references_version FROM searches WHERE parameter_set = %s", [chosen.key]
        )
        searched = {person: (vectors, references) for person, vectors, references in cursor.fetchall()}
    return {person: searched.get(person) == (chosen.vectors_version, version) for person, version in wanted.items()}


def _confirmed_by_hand(connection: Connection, person: Person, limit: int, filters: Filters) -> list[Match]:
    """Photos in which somebody drew a box around the person."""
    with connection.cursor() as cursor:
        wanted = filters.parameters | {"person": person.key, "limit": limit}
        cursor.execute(query("confirmed_by_hand", wanted=query("wanted_photos")), wanted)
        return _matches(connection, cursor.fetchall(), None)


def _stored(
    connection: Connection, chosen: RegisteredSet, person: Person, limit: int, filters: Filters
) -> list[Match] | None:
    """The stored results; None where they are not current, or where what they keep may be too little."""
    if not results_are_current(connection, chosen).get(person.key, False):
        return None
    wanted = {"parameter_set": chosen.key, "person": person.key}
    with connection.cursor() as cursor:
        cursor.execute(query("stored_results"), wanted | filters.parameters | {"limit": limit})
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT count(*) FROM search_results WHERE (parameter_set, person) = (%s, %s)", [chosen.key, person.key]
        )
        (kept,) = cursor.fetchone() or (0,)
    if len(rows) < limit and (kept >= KEPT or not kept):  # without any, the live search says why
        return None
    return _matches(connection, rows, read_calibration(connection, chosen.key))


class _Row(NamedTuple):
    """The columns of `stored_results`, in their order."""

    days: list[str]
    paths: list[str]
    distance: float | None
    x: int
    y: int
    w: int
    h: int
    detector_score: float | None
    taken_at: datetime | None
    country: str | None
    place: str | None
    sha256: bytes
    thumbnail: bytes
    score: float | None
    plain_distance: float | None
    rival: str | None
    rival_distance: float | None
    confirmed: bool


def _matches(connection: Connection, rows: Sequence[tuple[Any, ...]], calibration: Calibration | None) -> list[Match]:
    read = [_Row(*row) for row in rows]
    days = {day.key: day for day in photos.days(connection)}
    probabilities: Sequence[float | None] = [None] * len(read)
    bands = [""] * len(read)
    if calibration is not None:
        scores = [inf if row.score is None else row.score for row in read]
        probabilities = [calibration.probability(score) for score in scores]
        bands = calibration.bands(scores)
    return [
        Match(
            rank=rank,
            photo=row.paths[0],
            file=days[row.days[0]].file(row.paths[0]),
            event_day=row.days[0],
            distance=row.distance,
            score=row.score,
            plain_distance=row.plain_distance,
            probability=None if row.score is None else probability,
            rival=row.rival,
            rival_distance=row.rival_distance,
            confirmed=row.confirmed,
            band="confirmed" if row.confirmed else band,
            box=(row.x, row.y, row.w, row.h),
            detector_score=row.detector_score,
            taken_at=row.taken_at,
            country=row.country,
            place=row.place,
            sha256=bytes(row.sha256).hex(),
            copies=tuple(
                Copy(day, path, days[day].file(path)) for day, path in zip(row.days[1:], row.paths[1:], strict=True)
            ),
            thumbnail=bytes(row.thumbnail),
        )
        for rank, (row, probability, band) in enumerate(zip(read, probabilities, bands, strict=True), start=1)
    ]
