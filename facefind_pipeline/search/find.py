"""Finding photos: the live query with filters, and reading what `search_results` keeps while that is current."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.plan.due import is_current
from facefind_pipeline.search.calibration import NEAREST_REFERENCE, SCORE, read_calibration
from facefind_pipeline.search.comparable import check_comparable
from facefind_pipeline.search.filters import Filters, of_face, wanted_photos
from facefind_pipeline.search.matches import (
    BAND,
    CONFIRMED,
    DISTANCE,
    LIKELY,
    OF_A_PHOTO,
    SURE,
    UNLIKELY,
    Answer,
    read_matches,
)
from facefind_pipeline.store.indexes import count_rows
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import operator, query

EF_SEARCH = 120  # recall at 10 of .988 among 100,000 faces and 1 among a million, there in 10 ms; with 200 in 17
IVFFLAT_PROBES = 10  # of at least 10 lists; a tenth of them at 100,000 faces
FACES_A_PHOTO = 4  # candidates looked at for each photo asked for, to begin with
FIRST_PHOTOS = 25  # looked for to begin with where as many are asked for as are sure or likely
# Left out without filters: asking of each of 5,000 faces whether its photo is there takes as long as the distances.
AMONG_WANTED = sql.SQL("AND EXISTS (SELECT FROM wanted w WHERE w.sha256 = e.sha256)")
# Fewer than these are searched exactly: an index that has to pass by all others takes longer, and its recall was .8
# for 2,000 photos of 200,000.
FEW_PHOTOS = 5_000
UNKNOWN_PHOTOS = 10  # shown where it is not known which are sure or likely, and no number is given
KEPT = 1_000  # photos a person that `search_results` keeps


@dataclass(frozen=True, slots=True)
class Probe:
    """A face to ask with: its vector (d,), and the fingerprint of the embedder that made it."""

    vector: Any
    embedder: str


def find_person(
    connection: Connection,
    chosen: RegisteredSet,
    person: Person,
    *,
    limit: int | None = None,
    bands: Collection[str] | None = None,
    filters: Filters | None = None,
    metric: str | None = None,
) -> Answer:
    """The photos nearest to a person's references: the stored results where they are current and suffice, else live.

    Arguments are those of `find_nearest`; what was rejected is left out.

    Raises:
        FacefindError: the person has no usable reference under this set.
    """
    filters = filters or Filters()
    probes = reference_probes(connection, chosen.key, person)
    own = metric in (None, chosen.metric)
    current = own and is_current(connection, "search_results", chosen.key)
    stored = _stored(connection, chosen, person, limit, bands, filters) if current else None
    if stored is not None:
        return stored
    live = find_nearest(
        connection, chosen, probes, limit=limit, bands=bands, filters=filters, metric=metric, person=person
    )
    return replace(live, stale=own and not current)


def find_nearest(
    connection: Connection,
    chosen: RegisteredSet,
    probes: Sequence[Probe],
    *,
    limit: int | None = None,
    bands: Collection[str] | None = None,
    filters: Filters | None = None,
    metric: str | None = None,
    person: Person | None = None,
) -> Answer:
    """The photos nearest to any of the probes, live.

    Args:
        connection: any; the query's settings last until its transaction ends.
        chosen: the set to search.
        probes: one or more; a photo is as near as its face nearest to any of them.
        limit: at most so many photos come back, and as many if there are; None is all of these bands, or 10 where
            bands are given and nothing is known of probabilities.
        bands: of `matches.BANDS`; None is all.
        filters: which photos to look at.
        metric: `l2`, `cosine`, `ip` or `l1`; the set's own by default. An index serves only the set's own.
        person: of whose photos some may be confirmed or rejected.

    Raises:
        FacefindError: all faces of the set were embedded by another version of the embedder.
    """
    filters = filters or Filters()
    own = metric in (None, chosen.metric)
    calibration = read_calibration(connection, chosen.key, NEAREST_REFERENCE) if own else None
    cuts = (calibration.sure_cut, calibration.likely_cut) if calibration else None
    if limit is None and bands is not None and cuts is None:
        limit = UNKNOWN_PHOTOS
    # How far the counts must reach, and where no more photos of the bands are.
    counted = calibration.shown_cut if calibration else 0.0
    enough = counted if cuts and bands is not None and UNLIKELY not in bands else math.inf
    parameters = filters.parameters | probe_parameters(probes, limit, bands, cuts, person)
    candidates = (FIRST_PHOTOS if limit is None else limit) * FACES_A_PHOTO
    everything: int | None = None
    with connection.cursor() as cursor:
        use_index(cursor)
        exact = filters.given and _leave_few(cursor, filters)
        while True:
            cursor.execute(
                live_statement(chosen, metric or chosen.metric, filters, exact=exact, for_person=person is not None),
                parameters | {"candidates": candidates},
            )
            rows = cursor.fetchall()
            *counts, horizon = rows[0][OF_A_PHOTO:]
            matches = [row for row in rows if row[0] is not None]
            full = len(matches) == limit and (matches[-1][BAND] == CONFIRMED or matches[-1][DISTANCE] <= horizon)
            # An index scan gives up after a while, and filters may leave it too few: then no horizon is reported.
            reached = horizon if exact or horizon < math.inf else 0.0
            if (reached >= counted and (full or reached >= enough)) or (
                everything is not None and candidates >= everything
            ):
                break
            # Only now: counting a million faces takes longer than finding the nearest of them.
            everything = count_rows(connection, chosen) if everything is None else everything
            candidates = everything if exact else 8 * candidates
            exact = exact or candidates >= everything
    if everything and not matches and not any(counts):
        check_comparable(connection, chosen, [probe.embedder for probe in probes])
    return Answer(
        read_matches(matches, calibration),
        dict(zip((CONFIRMED, SURE, LIKELY), counts, strict=True)),
        photos=None,
        at_least=False,
        cut=counted if calibration else None,
    )


def nearest_face(
    connection: Connection, chosen: RegisteredSet, person: Person, photo: bytes
) -> tuple[int, int, int, int] | None:
    """The box of the face by which a photo is ranked for the person, else nearest to a reference; None without one."""
    with connection.cursor() as cursor:
        values = {"parameter_set": chosen.key, "person": person.key, "photo": photo}
        cursor.execute(query("nearest_face", operator=operator(chosen.metric)), values)
        return cursor.fetchone()


def probe_parameters(
    probes: Sequence[Probe],
    limit: int | None,
    bands: Collection[str] | None = None,
    cuts: tuple[float, float] | None = None,
    person: Person | None = None,
) -> dict[str, object]:
    """What `live_statement` binds beside the filters' own and `candidates`."""
    from pgvector import Vector  # with numpy, which the stored results do without

    return shown_parameters(limit, bands, cuts) | {
        "vectors": [Vector(probe.vector).to_text() for probe in probes],
        "embedders": [probe.embedder for probe in probes],
        "person": person and person.key,
    }


def shown_parameters(
    limit: int | None, bands: Collection[str] | None, cuts: tuple[float, float] | None
) -> dict[str, object]:
    """Which photos are shown, for both queries; `cuts` are the scores up to which they are sure, and likely."""
    sure, likely = cuts or (None, None)
    return {"limit": limit, "bands": None if bands is None else list(bands), "sure": sure, "likely": likely}


def live_statement(
    chosen: RegisteredSet, metric: str, filters: Filters, *, exact: bool, for_person: bool
) -> sql.Composed:
    """The live query; `exact` keeps it from an index, `for_person` has what was confirmed among the candidates."""
    of_the_set = {
        "operator": operator(metric),
        "dimension": sql.Literal(chosen.dimension),
        "table": sql.Identifier(chosen.table),
    }
    return query(
        "find",
        **of_the_set,
        confirmed_faces=query("confirmed_faces", **of_the_set) if for_person else sql.SQL(""),
        wanted=wanted_photos(filters),
        among_wanted=AMONG_WANTED if filters.given else sql.SQL(""),
        exactly=sql.SQL("+ 0" if exact else ""),
        of_face=of_face(filters),
        band=query("band", confirmed=sql.SQL("said.shown"), score=sql.SQL("best.distance")),
    )


def stored_statement(filters: Filters) -> sql.Composed:
    """The query of a person's stored results."""
    return query(
        "stored_results",
        wanted=wanted_photos(filters),
        of_face=of_face(filters),
        band=query("band", confirmed=sql.SQL("best.confirmed"), score=sql.SQL("best.score")),
    )


def _leave_few(cursor: Cursor, filters: Filters) -> bool:
    wanted = sql.SQL("SELECT FROM ({} LIMIT %(few)s) wanted").format(wanted_photos(filters))
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


def _stored(
    connection: Connection,
    chosen: RegisteredSet,
    person: Person,
    limit: int | None,
    bands: Collection[str] | None,
    filters: Filters,
) -> Answer | None:
    """The stored results, which are current; None where what they keep may be too little."""
    calibration = read_calibration(connection, chosen.key, SCORE)
    cuts = (calibration.sure_cut, calibration.likely_cut) if calibration else None
    if limit is None and bands is not None and cuts is None:
        limit = UNKNOWN_PHOTOS
    wanted = {"parameter_set": chosen.key, "person": person.key}
    with connection.cursor() as cursor:
        cursor.execute(stored_statement(filters), wanted | filters.parameters | shown_parameters(limit, bands, cuts))
        rows = cursor.fetchall()
    *counts, ranked, kept, worst = rows[0][OF_A_PHOTO:]
    matches = [row for row in rows if row[0] is not None]
    no_more = bool(
        calibration and bands is not None and UNLIKELY not in bands and kept and worst > calibration.shown_cut
    )
    if not kept or (kept >= KEPT and len(matches) != limit and not no_more):  # without any, the live search says why
        return None
    return Answer(
        read_matches(matches, calibration),
        dict(zip((CONFIRMED, SURE, LIKELY), counts, strict=True)),
        photos=ranked,
        at_least=kept >= KEPT,
        cut=calibration.shown_cut if calibration else None,
    )
