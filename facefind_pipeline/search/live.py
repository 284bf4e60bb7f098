"""The live query: photos nearest to any face, by an index where there is one, with filters and in any metric."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from facefind_pipeline.search.calibration import NEAREST_REFERENCE, read_calibration
from facefind_pipeline.search.comparable import check_comparable
from facefind_pipeline.search.filters import Filters, of_face, wanted_photos
from facefind_pipeline.search.matches import CONFIRMED, Answer, Counts, PhotoRow, read_matches, read_rows
from facefind_pipeline.search.probes import Probe
from facefind_pipeline.search.shown import Shown
from facefind_pipeline.store.indexes import count_rows
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import indexed, operator, query

EF_SEARCH = 120  # recall at 10 of .988 among 100,000 faces and 1 among a million, there in 10 ms; with 200 in 17
IVFFLAT_PROBES = 10  # of at least 10 lists; a tenth of them at 100,000 faces
FACES_PER_PHOTO = 4  # candidates looked at for each photo asked for, to begin with
FIRST_PHOTOS = 25  # looked for to begin with where as many are asked for as are sure or likely
# Left out without filters: asking of each of 5,000 faces whether its photo is there takes as long as the distances.
AMONG_WANTED = sql.SQL("AND EXISTS (SELECT FROM wanted w WHERE w.sha256 = e.sha256)")
READERS_FACES = 20_000  # that a reader may ask for at most, per probe: the function nearest_faces refuses more
# Fewer than these are searched exactly: an index that has to pass by all others takes longer, and its recall was .8
# for 2,000 photos of 200,000.
FEW_PHOTOS = 5_000


@dataclass(frozen=True, slots=True)
class LiveCounts(Counts):
    """What `find` says of all that it looked at; `horizon` is the distance up to which that is every photo."""

    horizon: float


def find_nearest(
    connection: Connection,
    chosen: RegisteredSet,
    probes: Sequence[Probe] | None,
    *,
    limit: int | None = None,
    bands: Collection[str] | None = None,
    filters: Filters | None = None,
    metric: str | None = None,
    person: Person | None = None,
    reader: bool = False,
) -> Answer:
    """The photos nearest to any of the probes.

    Args:
        connection: any; the query's settings last until its transaction ends.
        chosen: the set to search.
        probes: one or more; a photo is as near as its face nearest to any of them. For a reader None stands for the
            person's references.
        limit: at most so many photos come back, and as many if there are; None is all of these bands, or 10 where
            bands are given and nothing is known of probabilities.
        bands: of `matches.BANDS`; None is all.
        filters: which photos to look at.
        metric: `l2`, `cosine`, `ip` or `l1`; the set's own by default. An index serves only the set's own.
        person: of whose photos some may be confirmed or rejected.
        reader: whether the connection has no right to vectors: a function of the database compares them, in the set's
            own metric, without filters, and looks at no more than `READERS_FACES`.

    Raises:
        FacefindError: all faces of the set were embedded by another version of the embedder.
    """
    filters = filters or Filters()
    own = metric in (None, chosen.metric)
    shown = Shown(limit, bands, read_calibration(connection, chosen.key, NEAREST_REFERENCE) if own else None)
    # How far the counts must reach, and where no more photos of the bands are.
    counted = shown.cut or 0.0
    enough = counted if shown.ends_at_cut else math.inf
    parameters = {**filters.parameters, **shown.parameters, **probe_parameters(probes, person)}
    candidates = (FIRST_PHOTOS if shown.most is None else shown.most) * FACES_PER_PHOTO
    everything: int | None = None
    with connection.cursor() as cursor:
        few = filters.given and _leave_few(cursor, filters)
        exact = few or chosen.floats is None
        while True:
            cursor.execute(
                (sql.Composed([]) if exact else index_settings())
                + live_statement(
                    chosen,
                    metric or chosen.metric,
                    filters,
                    exact=exact,
                    for_person=person is not None,
                    reader=reader,
                ),
                {**parameters, "parameter_set": chosen.key, "candidates": candidates},
            )
            rows, counts = read_rows(cursor, LiveCounts)
            full = len(rows) == shown.most and _within(rows[-1], counts.horizon)
            # An index scan gives up after a while, and filters may leave it too few: then no horizon is reported.
            reached = counts.horizon if exact or counts.horizon < math.inf else 0.0
            if (reached >= counted and (full or reached >= enough)) or (
                everything is not None and candidates >= everything
            ):
                break
            # Only now: counting a million faces takes longer than finding the nearest of them.
            everything = count_rows(connection, chosen) if everything is None else everything
            everything = min(everything, READERS_FACES) if reader else everything
            candidates = everything if few else 8 * candidates
            exact = exact or candidates >= everything
    if not rows and not any(counts.by_band.values()) and count_rows(connection, chosen):
        check_comparable(connection, chosen, _embedders(connection, chosen, probes, person))
    return Answer(read_matches(rows, shown.calibration), counts.by_band, photos=None, at_least=False, cut=shown.cut)


def _embedders(
    connection: Connection, chosen: RegisteredSet, probes: Sequence[Probe] | None, person: Person | None
) -> list[str]:
    """Fingerprints of the embedders of what is asked with; a reader sees those of references, not their vectors."""
    if probes is not None:
        return [probe.embedder for probe in probes]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT embedder_fingerprint FROM reference_embeddings WHERE (parameter_set, person) = (%s, %s)",
            [chosen.key, person and person.key],
        )
        return [embedder for (embedder,) in cursor.fetchall()]


def probe_parameters(probes: Sequence[Probe] | None, person: Person | None) -> Mapping[str, object]:
    """What `live_statement` binds of whom is asked for."""
    if probes is None:
        return {"vectors": None, "embedders": None, "person": person and person.key}
    return {
        "vectors": [probe.text for probe in probes],
        "embedders": [probe.embedder for probe in probes],
        "person": person and person.key,
    }


@lru_cache(maxsize=16)
def live_statement(
    chosen: RegisteredSet, metric: str, filters: Filters, *, exact: bool, for_person: bool, reader: bool = False
) -> sql.Composed:
    """The live query.

    `exact` keeps it from an index, `for_person` has what was confirmed among the candidates, and that of a `reader`
    asks a function for these.
    """
    of_the_set = {
        "operator": operator(metric),
        "dimension": sql.Literal(chosen.dimension),
        "table": sql.Identifier(chosen.table),
    }
    if reader:
        assert not filters.given, "a reader's live search takes no filters"
        near = query("nearest_faces_for_readers", exactly=sql.Literal(exact))
    else:
        near = query(
            "nearest_faces",
            **of_the_set,
            confirmed_faces=query("confirmed_faces", **of_the_set) if for_person else sql.SQL(""),
            among_wanted=AMONG_WANTED if filters.given else sql.SQL(""),
            indexed=indexed(None if exact else chosen.floats, chosen.dimension),
        )
    return query(
        "find",
        near=near,
        wanted=wanted_photos(filters),
        of_face=of_face(filters),
        said=query("said_of_person") if for_person else sql.SQL("CROSS JOIN (SELECT (NULL::feedback).*) said"),
        band=query("band", confirmed=sql.SQL("said.shown"), score=sql.SQL("best.distance")),
    )


def index_settings() -> sql.Composed:
    """Statements that say how thoroughly the transaction's searches look through an approximate index."""
    return sql.SQL(
        """
        SET LOCAL hnsw.iterative_scan = strict_order;
        SET LOCAL hnsw.ef_search = {ef_search};
        SET LOCAL ivfflat.iterative_scan = relaxed_order;
        SET LOCAL ivfflat.probes = {probes};
        """
    ).format(ef_search=sql.Literal(EF_SEARCH), probes=sql.Literal(IVFFLAT_PROBES))


def _within(row: PhotoRow, horizon: float) -> bool:
    """Whether no photo that was not looked at can come before this one: what is confirmed comes first anyway."""
    return row.band == CONFIRMED or (row.distance is not None and row.distance <= horizon)


def _leave_few(cursor: Cursor, filters: Filters) -> bool:
    wanted = sql.SQL("SELECT FROM ({} LIMIT %(few)s) wanted").format(wanted_photos(filters))
    cursor.execute(wanted, {**filters.parameters, "few": FEW_PHOTOS})
    return cursor.rowcount < FEW_PHOTOS
