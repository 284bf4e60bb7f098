"""Stored results: every person's photos under a set, ranked by a template that the event's own sure photos sharpen.

A person's template is made half of their references and half of the faces that are surely theirs (average query
expansion: Chum et al., ICCV 2007). A face is as far as it typically is from what the template was made of, which is
then set against its distance to the nearest other person. `docs/quality.md` has what each step gains.
"""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plan.due import is_current, would_be_made_from
from facefind_pipeline.plan.recipes import RANKING
from facefind_pipeline.search.calibrate import (
    ASSUMED,
    SURE_RATE,
    Floats,
    Impostors,
    calibrate,
    impostors,
)
from facefind_pipeline.search.calibration import (
    NEAREST_REFERENCE,
    SCORE,
    Calibration,
    read_calibration,
    write_calibrations,
)
from facefind_pipeline.search.find import KEPT
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import made_version, record_made, set_version
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import operator, query

if TYPE_CHECKING:
    import pandas as pd

ROUNDS = 2  # of expansion; a third changes mean average precision by less than .0002
PAIRS = 200_000  # of faces in one photo that are looked at
BINS = 800  # of the histograms of distances, over the logarithms between these:
LOWEST, HIGHEST = -12.0, 8.0


def refresh(connection: Connection, chosen: RegisteredSet) -> list[str]:
    """Searches again for everyone where a reference, a vector of the set or what was said of a photo changed.

    For everyone, because people compete for faces: a new person's faces leave the others' results.

    Returns:
        Keys of the people searched for.
    """
    if is_current(connection, "search_results", chosen.key):
        return []
    made_from = would_be_made_from(connection, "search_results", chosen.key)
    wanted = _reference_versions(connection, chosen.key)
    record_made(connection, "search_results", chosen.key, made_from, results_version(connection, chosen.key))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM searches WHERE parameter_set = %s", [chosen.key])
        if not wanted:
            return []
        parts = _parts(chosen)
        known = _impostors(connection, chosen)
        cursor.execute(query("templates", **parts))
        if known is not None:
            sure = known.tail.at(SURE_RATE)
            for _ in range(ROUNDS):
                # Templates are compared by Euclidean distance; of unit vectors it is the root of twice the cosine's.
                cursor.execute(
                    query("expand_templates", **parts), {"sure": sure if chosen.metric == "l2" else (2 * sure) ** 0.5}
                )
        # Hash joins only: how many rows come of a join of all people with all faces, the planner can't foresee.
        cursor.execute("SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off")
        cursor.execute(query("compare_people", **parts))
        cursor.execute("RESET enable_nestloop; RESET enable_mergejoin")
        calibrations = {}
        if known is not None:
            edges = np.linspace(LOWEST, HIGHEST, BINS + 1)
            scores, distances = (_histogram(connection, column) for column in ("score", "plain_distance"))
            compared = _count_faces(connection)
            calibrations = {
                SCORE: calibrate(known, edges, scores, distances, compared),
                NEAREST_REFERENCE: calibrate(known, edges, distances, distances, compared),
            }
        write_calibrations(connection, chosen.key, calibrations)
        for person, _ in wanted:
            cursor.execute(
                """
                INSERT INTO searches (parameter_set, person, sure_photos)
                SELECT %s, %s, coalesce((SELECT max(sure) FROM templates WHERE person = %s), 0)
                """,
                [chosen.key, person, person],
            )
        cursor.execute(query("search_people", **parts), {"kept": KEPT})
        cursor.execute("DROP TABLE members, templates, compared")
    return [person for person, _ in wanted]


def results_version(connection: Connection, key: str) -> str:
    """Data version of a set's results: the vectors, the references and the ranking rules they follow from."""
    return versions.hash_rows([(RANKING, set_version(connection, key)), *_reference_versions(connection, key)])


def _reference_versions(connection: Connection, key: str) -> list[tuple[str, str]]:
    """Each person with a usable reference, by key, and what is known of people that the set's results follow from."""
    with connection.cursor() as cursor:
        cursor.execute(query("reference_versions"), {"parameter_set": key, "ranking": RANKING})
        return sorted(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class Results:
    """A set's results after a refresh.

    Attributes:
        version: data version.
        searched: keys of the people that were searched for now.
        people: a row a person: `person`, `ranked` (photos), `sure` and `likely` (of them), `nearest` (path of the first
            photo) and its `distance`.
        calibration: what distances mean under the set; None where that is not known.
    """

    version: str
    searched: list[str]
    people: "pd.DataFrame"
    calibration: Calibration | None


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
        return Results(version, searched, people, calibration)


def people_without_results(connection: Connection, key: str) -> list[str]:
    """Names of people with a usable reference under the set and no ranked photo."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT display_name FROM people p
            WHERE EXISTS (
                SELECT FROM reference_embeddings e
                WHERE e.parameter_set = %(key)s AND e.person = p.person AND e.embedding IS NOT NULL
            ) AND NOT EXISTS (
                SELECT FROM search_results r WHERE r.parameter_set = %(key)s AND r.person = p.person
            ) ORDER BY 1
            """,
            {"key": key},
        )
        return [name for (name,) in cursor.fetchall()]


def _parts(chosen: RegisteredSet) -> dict[str, sql.Composable]:
    """Vectors as templates are made of them, and the distance to a template in the set's metric."""
    dimension = sql.Literal(chosen.dimension)
    face = sql.SQL("e.embedding::vector({})").format(dimension)
    reference = sql.SQL("r.embedding::vector({})").format(dimension)
    if chosen.metric == "cosine":
        face, reference = (sql.SQL("l2_normalize({})").format(vector) for vector in (face, reference))
    square = sql.SQL("(({face} <-> t.centre) ^ 2 + t.spread)").format(face=face)
    return {
        "parameter_set": sql.Literal(chosen.key),
        "operator": operator(chosen.metric),
        "face": face,
        "reference": reference,
        "typical": sql.SQL("sqrt({})" if chosen.metric == "l2" else "{} / 2").format(square),
    }


def _impostors(connection: Connection, chosen: RegisteredSet) -> Impostors | None:
    """Of the set's own photos; of the embedder where they are too few, and None where nothing is known of that."""
    with connection.cursor() as cursor:
        cursor.execute(
            query(
                "co_occurring",
                table=sql.Identifier(chosen.table),
                dimension=sql.Literal(chosen.dimension),
                operator=operator(chosen.metric),
            ),
            {"limit": PAIRS},
        )
        distances = np.array([distance for (distance,) in cursor.fetchall()], dtype=np.float64)
    return impostors(distances) or ASSUMED.get(chosen.key.partition("@")[2].partition("-")[0])


def _histogram(connection: Connection, column: str) -> Floats:
    """(BINS,) of the logarithms of a column of all comparisons."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "SELECT least(greatest(width_bucket(ln(greatest({column}, 1e-9)), %s, %s, %s), 1), %s), count(*)"
                " FROM compared WHERE {column} IS NOT NULL GROUP BY 1"
            ).format(column=sql.Identifier(column)),
            [LOWEST, HIGHEST, BINS, BINS],
        )
        counts = np.zeros(BINS)
        for bucket, count in cursor.fetchall():
            counts[bucket - 1] = count
    return counts


def _count_faces(connection: Connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) / greatest(1, count(DISTINCT person)) FROM compared")
        (faces,) = cursor.fetchone() or (0,)
        return int(faces)


def _people(connection: Connection, key: str, calibration: Calibration | None) -> "pd.DataFrame":
    import pandas as pd

    with connection.cursor() as cursor:
        cursor.execute(query("results_by_person"), {"parameter_set": key})
        rows = cursor.fetchall()
    made = []
    for person, ranked, scores, nearest, distance in rows:
        bands = Counter(calibration.bands(scores) if calibration else ())
        made.append((person, ranked, bands["sure"], bands["likely"], nearest, distance))
    return pd.DataFrame(made, columns=["person", "ranked", "sure", "likely", "nearest", "distance"])
