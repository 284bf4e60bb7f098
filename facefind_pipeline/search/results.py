"""Stored results: ranks everyone's photos under a set anew, where what they follow from changed, and writes them.

Whom to ask for is read in `asked`, templates are made in `templates`, photos are ranked in `rank`; `docs/quality.md`
has what each step gains.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.due import is_current, would_be_made_from
from facefind_pipeline.plan.recipes import ranking
from facefind_pipeline.search.asked import nobody, read_asked
from facefind_pipeline.search.calibrate import SURE_RATE, calibrate, learn
from facefind_pipeline.search.calibration import (
    NEAREST_REFERENCE,
    SCORE,
    Calibration,
    read_calibration,
    write_calibrations,
)
from facefind_pipeline.search.distances import L2, Faces, Numbers
from facefind_pipeline.search.evidence import read_evidence
from facefind_pipeline.search.histogram import Histogram
from facefind_pipeline.search.placed import Placed, place
from facefind_pipeline.search.priors import prior_of
from facefind_pipeline.search.rank import NOBODY, NOWHERE, rank
from facefind_pipeline.search.sure_table import SureTable
from facefind_pipeline.search.templates import make_templates, sure_faces
from facefind_pipeline.search.worn_days import ClothesDay, read_days, write_days
from facefind_pipeline.search.worn_reading import read_worn
from facefind_pipeline.settings import clothes_count
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.binary_columns import Column, copy_columns, fixed
from facefind_pipeline.store.clothes import clothes_version
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.indexes import count_rows
from facefind_pipeline.store.made import made_version, record_made, set_version
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query
from facefind_pipeline.store.vectors import SetVectors

BATCH = 4_000  # rows that are written at once
DISTANCES = ("distance", "score", "plain_distance", "rival_distance")
# Of a block: distances of faces to people, 8 MB in each of some six arrays; and faces, of 128 to 768 numbers each.
BLOCK_DISTANCES, BLOCK_FACES = 1 << 20, 8_192


def refresh(connection: Connection, chosen: RegisteredSet) -> list[str]:
    """Searches again for everyone where a reference, a vector of the set or what was said of a photo changed.

    For everyone, because people compete for faces: a new person's faces leave the others' results.

    Returns:
        Keys of the people searched for.
    """
    if is_current(connection, "search_results", chosen.key):
        return []
    made_from = would_be_made_from(connection, "search_results", chosen.key)
    references = _reference_versions(connection, chosen.key)
    wanted = [person for person, _ in references]
    record_made(connection, "search_results", chosen.key, made_from, _version(connection, chosen.key, references))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM searches WHERE parameter_set = %s", [chosen.key])
    if not wanted:
        write_calibrations(connection, chosen.key, _calibrated_by_faces(connection, chosen))
        return []
    asked = read_asked(connection, chosen)
    size = max(1, min(BLOCK_FACES, BLOCK_DISTANCES // len(asked.members.people)))
    faces = Faces(SetVectors(connection, chosen, asked.embedders, size), chosen.metric)
    learnt = learn(prior_of(chosen.key), read_evidence(connection, chosen, asked, faces))
    sure = _euclidean(learnt.groups.tail.at(SURE_RATE), chosen.metric) if learnt else None
    worn = None
    if learnt and clothes_count():
        known = SureTable(connection)
        known.add(asked.confirmed)
        templates = make_templates(asked, faces, sure, known.add)
        worn = read_worn(connection, chosen, known, learnt)
    else:
        templates = make_templates(asked, faces, sure)
    ranked = rank(asked, faces, templates.probes, worn.reach if worn else NOWHERE)
    made = calibrate(learnt, ranked.scores.counts, ranked.distances.counts, ranked.faces) if learnt else {}
    write_calibrations(connection, chosen.key, made)
    write_days(connection, chosen.key, worn.days if worn else {})
    if worn:
        ranked = worn.dress(ranked)
    searches = _write_searches(connection, chosen.key, wanted, sure_faces(asked, templates))
    numbers = np.array([searches[person] for person in asked.people])
    _write_rows(connection, numbers, place(ranked, made[SCORE] if worn else None))
    return list(asked.people)


def _calibrated_by_faces(connection: Connection, chosen: RegisteredSet) -> Mapping[str, Calibration]:
    """What the live query's distances mean where nobody is known, as for selfies: learnt from the faces alone."""
    asked = nobody(chosen)
    faces = Faces(SetVectors(connection, chosen, asked.embedders, BLOCK_FACES), chosen.metric)
    learnt = learn(prior_of(chosen.key), read_evidence(connection, chosen, asked, faces))
    if learnt is None:
        return {}
    nothing = Histogram().counts
    made = calibrate(learnt, nothing, nothing, count_rows(connection, chosen))
    return {NEAREST_REFERENCE: made[NEAREST_REFERENCE]}


def results_version(connection: Connection, key: str) -> str:
    """Data version of a set's results: the vectors, clothes, references and the ranking rules they follow from."""
    return _version(connection, key, _reference_versions(connection, key))


def _version(connection: Connection, key: str, references: Sequence[tuple[str, str]]) -> str:
    clothes = clothes_version(connection, key)
    made_from = (ranking(), set_version(connection, key), *([clothes] if clothes else []))
    return versions.hash_rows([made_from, *references])


def _reference_versions(connection: Connection, key: str) -> list[tuple[str, str]]:
    """Each person with a usable reference, by key, and what is known of people that the set's results follow from."""
    with connection.cursor() as cursor:
        cursor.execute(query("reference_versions"), {"parameter_set": key, "ranking": ranking()})
        return sorted(cursor.fetchall())


class FoundPerson(NamedTuple):
    """Of one person under a set: how many photos are ranked, how many of them are sure and likely, and the first.

    Attributes:
        person: name.
        nearest: path of the first photo, at this distance.
    """

    person: str
    ranked: int
    sure: int
    likely: int
    nearest: str
    distance: float | None


@dataclass(frozen=True, slots=True)
class Results:
    """A set's results after a refresh.

    Attributes:
        version: data version.
        searched: keys of the people that were searched for now.
        people: everyone who has a ranked photo.
        calibration: what distances mean under the set; None where that is not known.
        clothes: what they tell on each event day on which somebody's are known.
    """

    version: str
    searched: list[str]
    people: list[FoundPerson]
    calibration: Calibration | None
    clothes: list[ClothesDay]


def refresh_results(database: Database, key: str) -> Results:
    """Brings a set's stored results up to its vectors, references and feedback."""
    with database.lock("results", key), database.connect() as connection:
        # One snapshot: what is recorded as searched is what was searched, whatever is written meanwhile.
        connection.set_session(isolation_level="REPEATABLE READ")
        chosen = parameter_sets.find(connection, key)
        searched = refresh(connection, chosen)
        calibration = read_calibration(connection, key)
        people = _people(connection, key, calibration)
        version = made_version(connection, "search_results", key)
        assert version is not None  # the refresh recorded it
        return Results(version, searched, people, calibration, read_days(connection, key))


def people_without_results(connection: Connection, key: str) -> list[str]:
    """Names of people with a usable reference under the set and no ranked photo."""
    with connection.cursor() as cursor:
        cursor.execute(query("people_without_results"), {"parameter_set": key})
        return [name for (name,) in cursor.fetchall()]


def _euclidean(distance: float, metric: str) -> float:
    """Of unit vectors the Euclidean distance is the root of twice the cosine's."""
    return distance if metric == L2 else (2 * distance) ** 0.5


def _write_searches(
    connection: Connection, key: str, people: Sequence[str], sure_photos: Mapping[str, int]
) -> dict[str, int]:
    """Who was searched for, and how many sure photos joined their templates; returns the numbers of the searches."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO searches (parameter_set, person, sure_photos)
            SELECT %s, * FROM unnest(%s::text[], %s::integer[]) RETURNING person, search
            """,
            [key, list(people), [sure_photos[person] for person in people]],
        )
        return dict(cursor.fetchall())


def _write_rows(connection: Connection, searches: Numbers, placed: Placed) -> None:
    """Writes photos, of people by the numbers of their searches."""
    of_rows = placed.ranked.rows["person"]  # likewise of the rows in their final order
    ranks = np.arange(len(of_rows)) - np.searchsorted(of_rows, of_rows) + 1

    def batches() -> Iterator[Sequence[Column]]:
        for start in range(0, len(of_rows), BATCH):
            numbers = slice(start, start + BATCH)
            part, alone = placed.rows(numbers)
            rank, face_rank = ranks[numbers], ranks[placed.order[numbers]]
            moved = np.isfinite(alone["score"]) & (alone["score"] != part["score"])
            other = placed.by_other[placed.order[numbers]]
            yield (
                fixed(searches[part["person"]], ">i8"),
                fixed(rank, ">i4"),
                fixed(part["sha256"], "V32"),
                fixed(part["face_key"], "V16", ~part["by_hand"]),
                *(fixed(part[name], ">f8", ~np.isnan(part[name])) for name in DISTANCES),
                fixed(searches[part["rival"]], ">i8", part["rival"] != NOBODY),
                fixed(part["confirmed"], "?"),
                fixed(part["clothes"], ">f8", part["clothes_photos"] > 0),
                fixed(part["clothes_photos"], ">i4", part["clothes_photos"] > 0),
                fixed(face_rank, ">i4", face_rank != rank),
                fixed(alone["score"], ">f8", moved),
                fixed(alone["face_key"], "V16", other),
                fixed(alone["distance"], ">f8", other),
                fixed(searches[alone["rival"]], ">i8", other & (alone["rival"] != NOBODY)),
                fixed(alone["rival_distance"], ">f8", other & (alone["rival"] != NOBODY)),
            )

    columns = ("search", "rank", "sha256", "face_key", *DISTANCES, "rival", "confirmed")
    with_clothes = ("clothes", "clothes_photos", "face_rank", "face_score")
    by_face = ("by_face_key", "by_face_distance", "by_face_rival", "by_face_rival_distance")
    copy_columns(connection, "ranked_photos", (*columns, *with_clothes, *by_face), batches())


def _people(connection: Connection, key: str, calibration: Calibration | None) -> list[FoundPerson]:
    sure, likely = (calibration.sure_cut, calibration.shown_cut) if calibration else (None, None)
    with connection.cursor() as cursor:
        cursor.execute(query("results_by_person"), {"parameter_set": key, "sure": sure, "likely": likely})
        return [FoundPerson(*row) for row in cursor.fetchall()]
