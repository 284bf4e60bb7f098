"""Stored results: ranks everyone's photos under a set anew, where what they follow from changed, and writes them.

Whom to ask for is read in `asked`, templates are made in `templates`, photos are ranked in `rank`; `docs/quality.md`
has what each step gains.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.due import is_current, would_be_made_from
from facefind_pipeline.plan.recipes import ranking
from facefind_pipeline.search.asked import read_asked
from facefind_pipeline.search.calibrate import SURE_RATE, calibrate, learn
from facefind_pipeline.search.calibration import SCORE, Calibration, read_calibration, write_calibrations
from facefind_pipeline.search.distances import L2, Faces
from facefind_pipeline.search.evidence import read_evidence
from facefind_pipeline.search.placed import Placed, place
from facefind_pipeline.search.priors import prior_of
from facefind_pipeline.search.rank import NOBODY, rank
from facefind_pipeline.search.sure_table import SureTable
from facefind_pipeline.search.templates import make_templates, sure_faces
from facefind_pipeline.search.worn_days import ClothesDay, read_days, write_days
from facefind_pipeline.search.worn_reading import read_worn
from facefind_pipeline.settings import clothes_count
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.binary_columns import Column, Texts, copy_columns, fixed
from facefind_pipeline.store.clothes import clothes_version
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import made_version, record_made, set_version
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query
from facefind_pipeline.store.vectors import SetVectors

if TYPE_CHECKING:
    import pandas as pd

BATCH = 1_000  # rows that are written at once
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
        worn = read_worn(connection, chosen, asked, known, learnt)
    else:
        templates = make_templates(asked, faces, sure)
    ranked = rank(asked, faces, templates.probes, worn)
    made = calibrate(learnt, ranked.scores.counts, ranked.distances.counts, ranked.faces) if learnt else {}
    write_calibrations(connection, chosen.key, made)
    write_days(connection, chosen.key, worn.days if worn else {})
    _write_searches(connection, chosen.key, wanted, sure_faces(asked, templates))
    _write_rows(connection, chosen.key, asked.people, place(ranked, made[SCORE] if worn else None))
    return list(asked.people)


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


@dataclass(frozen=True, slots=True)
class Results:
    """A set's results after a refresh.

    Attributes:
        version: data version.
        searched: keys of the people that were searched for now.
        people: one row per person: `person`, `ranked` (photos), `sure` and `likely` (of them), `nearest` (path of the
            first photo) and its `distance`.
        calibration: what distances mean under the set; None where that is not known.
        clothes: one row per event day on which somebody's clothes are known, with the columns of `ClothesDay`; `count`
            says whether they count.
    """

    version: str
    searched: list[str]
    people: "pd.DataFrame"
    calibration: Calibration | None
    clothes: "pd.DataFrame"


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
        return Results(version, searched, people, calibration, _clothes(connection, key))


def people_without_results(connection: Connection, key: str) -> list[str]:
    """Names of people with a usable reference under the set and no ranked photo."""
    with connection.cursor() as cursor:
        cursor.execute(query("people_without_results"), {"parameter_set": key})
        return [name for (name,) in cursor.fetchall()]


def _euclidean(distance: float, metric: str) -> float:
    """Of unit vectors the Euclidean distance is the root of twice the cosine's."""
    return distance if metric == L2 else (2 * distance) ** 0.5


def _write_searches(connection: Connection, key: str, people: Sequence[str], sure_photos: Mapping[str, int]) -> None:
    """Who was searched for, and how many sure photos joined their templates."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO searches (parameter_set, person, sure_photos) VALUES (%s, %s, %s)",
            [(key, person, sure_photos[person]) for person in people],
        )


def _write_rows(connection: Connection, key: str, people: Sequence[str], placed: Placed) -> None:
    """The set's `search_results`, which has none of these people."""
    of_rows = placed.ranked.rows["person"]  # likewise of the rows in their final order
    ranks = np.arange(len(of_rows)) - np.searchsorted(of_rows, of_rows) + 1

    set_texts, people_texts = Texts([key]), Texts(people)

    def batches() -> Iterator[Sequence[Column]]:
        for start in range(0, len(of_rows), BATCH):
            numbers = slice(start, start + BATCH)
            part, alone = placed.rows(numbers)
            other = placed.by_other[placed.order[numbers]]
            yield (
                set_texts.column(np.zeros(len(part), np.intp)),
                people_texts.column(part["person"]),
                fixed(ranks[numbers], ">i4"),
                fixed(part["sha256"], "V32"),
                fixed(part["face_key"], "V16", ~part["by_hand"]),
                *(fixed(part[name], ">f8", ~np.isnan(part[name])) for name in DISTANCES),
                people_texts.column(part["rival"]),
                fixed(part["confirmed"], "?"),
                fixed(part["clothes"], ">f8", part["clothes_photos"] > 0),
                fixed(part["clothes_photos"], ">i4", part["clothes_photos"] > 0),
                fixed(ranks[placed.order[numbers]], ">i4"),
                fixed(alone["score"], ">f8", ~np.isnan(alone["score"])),
                fixed(alone["face_key"], "V16", other),
                fixed(alone["distance"], ">f8", other),
                people_texts.column(np.where(other, alone["rival"], NOBODY)),
                fixed(alone["rival_distance"], ">f8", other & (alone["rival"] != NOBODY)),
            )

    columns = ("parameter_set", "person", "rank", "sha256", "face_key", *DISTANCES, "rival", "confirmed")
    with_clothes = ("clothes", "clothes_photos", "face_rank", "face_score")
    by_face = ("by_face_key", "by_face_distance", "by_face_rival", "by_face_rival_distance")
    copy_columns(connection, "search_results", (*columns, *with_clothes, *by_face), batches())


def _people(connection: Connection, key: str, calibration: Calibration | None) -> "pd.DataFrame":
    import pandas as pd

    sure, likely = (calibration.sure_cut, calibration.shown_cut) if calibration else (None, None)
    with connection.cursor() as cursor:
        cursor.execute(query("results_by_person"), {"parameter_set": key, "sure": sure, "likely": likely})
        return pd.DataFrame(cursor.fetchall(), columns=["person", "ranked", "sure", "likely", "nearest", "distance"])


def _clothes(connection: Connection, key: str) -> "pd.DataFrame":
    import pandas as pd

    days = [(*day, "yes" if day.separation else "no") for day in read_days(connection, key)]
    return pd.DataFrame(days, columns=[*ClothesDay._fields, "count"])
