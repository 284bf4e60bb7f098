"""The faces that contact sheets show, read from the tables, and where the sheets lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.vision.sheet import Tile

DAY_FACES = 400
PERSON_FACES = 30


def sheet_path(settings: Settings, parameter_set: str, name: str) -> Path:
    """The file of a full sheet; one set, one folder."""
    return settings.sheets / ParameterSet.parse(parameter_set).table.removeprefix("embeddings_") / f"{name}.jpg"


def day_tiles(database: Database, event_day: str, parameter_set: str) -> list[Tile]:
    """Faces of a day under a set, photo by photo."""
    return _tiles(
        database,
        """
        SELECT thumbnail, path, 'score ' || round(score::numeric, 2) FROM (
            SELECT DISTINCT ON (f.face_key) f.thumbnail, p.path, f.score, f.x
            FROM detected_faces f JOIN photos p USING (sha256)
            JOIN parameter_sets s USING (detector_fingerprint)
            WHERE p.event_day = %s AND s.parameter_set = %s
        ) faces ORDER BY path, x LIMIT %s
        """,
        [event_day, parameter_set, DAY_FACES],
    )


def reference_tiles(database: Database, parameter_set: str) -> list[Tile]:
    """The face of each reference photo under a set."""
    return _tiles(
        database,
        """
        SELECT e.thumbnail, p.display_name, e.found_by FROM reference_embeddings e JOIN people p USING (person)
        WHERE e.parameter_set = %s AND e.thumbnail IS NOT NULL ORDER BY e.person, e.sha256
        """,
        [parameter_set],
    )


def result_tiles(database: Database, parameter_set: str) -> list[Tile]:
    """The nearest faces of each person under a set."""
    return _tiles(
        database,
        """
        SELECT f.thumbnail, p.display_name || ' ' || r.rank, round(r.distance::numeric, 3)::text
        FROM search_results r JOIN people p USING (person)
        JOIN embeddings e USING (parameter_set, face_key)
        JOIN detected_faces f ON (f.sha256, f.detector_fingerprint, f.face_key)
            = (e.sha256, e.detector_fingerprint, e.face_key)
        WHERE r.parameter_set = %s AND r.rank <= %s ORDER BY r.person, r.rank LIMIT 600
        """,
        [parameter_set, PERSON_FACES],
    )


def _tiles(database: Database, statement: str, parameters: Sequence[Any]) -> list[Tile]:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [Tile(bytes(jpeg), tuple(caption)) for jpeg, *caption in cursor.fetchall()]
