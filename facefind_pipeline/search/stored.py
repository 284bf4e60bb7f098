"""Stored results: a person's photos as `search_results` keeps them, without a vector being compared."""

from collections.abc import Collection
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.calibration import SCORE, read_calibration
from facefind_pipeline.search.filters import Filters, of_face, wanted_photos
from facefind_pipeline.search.matches import Answer, Counts, read_matches, read_rows
from facefind_pipeline.search.shown import Shown
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.queries import query, results_table

KEPT = 1_000  # photos per person that `search_results` keeps


@dataclass(frozen=True, slots=True)
class StoredCounts(Counts):
    """What `stored_results` says of all that it looked at.

    Attributes:
        photos: that the filters leave.
        kept: photos that are stored for the person.
        worst: score among these; None where there is none.
    """

    photos: int
    kept: int
    worst: float | None


def stored_answer(
    connection: Connection,
    chosen: RegisteredSet,
    person: Person,
    limit: int | None,
    bands: Collection[str] | None,
    filters: Filters,
    *,
    clothes: bool,
) -> Answer | None:
    """The stored results, which are current; None where what they keep may be too little.

    They are ranked with clothes, where these tell something, or by the face alone.
    """
    shown = Shown(limit, bands, read_calibration(connection, chosen.key, SCORE))
    with connection.cursor() as cursor:
        cursor.execute(
            stored_statement(filters, clothes=clothes),
            {"parameter_set": chosen.key, "person": person.key, **filters.parameters, **shown.parameters},
        )
        rows, counts = read_rows(cursor, StoredCounts)
    if not counts.kept:  # the live search says why
        return None
    if counts.kept >= KEPT and len(rows) != shown.most and not _reaches_cut(shown, counts):
        return None
    return Answer(
        read_matches(rows, shown.calibration),
        counts.by_band,
        photos=counts.photos,
        at_least=counts.kept >= KEPT,
        cut=shown.cut,
    )


def stored_statement(filters: Filters, *, clothes: bool) -> sql.Composed:
    """The query of a person's stored results."""
    return query(
        "stored_results",
        results=results_table(clothes=clothes),
        wanted=wanted_photos(filters),
        of_face=of_face(filters),
        band=query("band", confirmed=sql.SQL("best.confirmed"), score=sql.SQL("best.score")),
    )


def _reaches_cut(shown: Shown, counts: StoredCounts) -> bool:
    """Whether what is stored goes on beyond the last photo that is shown."""
    return shown.ends_at_cut and shown.cut is not None and counts.worst is not None and counts.worst > shown.cut
