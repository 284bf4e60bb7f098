"""The faces and photos that contact sheets show."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg2 import sql

from facefind_pipeline.store import parameter_sets, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.queries import operator, query
from facefind_pipeline.vision.sheet import Tile, photo_thumbnail

DAY_PHOTOS = 60
DAY_FACES = 400
NEIGHBOURS_OF, NEIGHBOURS = 8, 7
PERSON_FACES = 30


def photo_tiles(database: Database, event_day: str) -> list[Tile]:
    """Photos spread over a day, small."""
    from concurrent.futures import ThreadPoolExecutor

    from facefind_pipeline.vision.pipeline import cores

    with database.connect() as connection:
        day = photos.find_day(connection, event_day)
        paths = [row.path for row in photos.photos(connection, event_day).values() if row.problem is None]
    shown = paths[:: max(1, -(-len(paths) // DAY_PHOTOS))]
    with ThreadPoolExecutor(cores()) as pool:
        made = pool.map(lambda path: _thumbnail_if_there(day.file(path)), shown)
    return [Tile(jpeg, (Path(path).name,)) for path, jpeg in zip(shown, made, strict=True) if jpeg]


def _thumbnail_if_there(path: Path) -> bytes | None:
    try:
        return photo_thumbnail(path.read_bytes())
    except OSError:  # gone since
        return None


def reference_photo_tiles(database: Database) -> list[Tile]:
    """Reference photos as they are, a few a person."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.display_name, r.content FROM reference_photos r JOIN people p USING (person) "
            "ORDER BY p.person, r.added_at LIMIT %s",
            [DAY_PHOTOS],
        )
        made = [(name, photo_thumbnail(bytes(content))) for name, content in cursor]
    return [Tile(jpeg, (name,)) for name, jpeg in made if jpeg]


def neighbour_tiles(database: Database, parameter_set: str) -> list[Tile]:
    """A few faces of a set, each followed by its nearest others: what the set takes to be alike."""
    with database.connect() as connection:
        chosen = parameter_sets.find(connection, parameter_set)
    statement = query(
        "neighbours",
        table=sql.Identifier(chosen.table),
        dimension=sql.Literal(chosen.dimension),
        operator=operator(chosen.metric),
    )
    return _tiles(database, statement, [NEIGHBOURS_OF, NEIGHBOURS + 1])


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


def face_tiles(database: Database, captions: Mapping[UUID, Sequence[str]]) -> list[Tile]:
    """Faces by their keys, in the order given."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (face_key) face_key, thumbnail FROM detected_faces WHERE face_key = ANY(%s::uuid[])",
            [[str(key) for key in captions]],
        )
        thumbnails = {key: bytes(jpeg) for key, jpeg in cursor.fetchall()}
    return [Tile(thumbnails[key], tuple(caption)) for key, caption in captions.items()]


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


def result_tiles(database: Database, parameter_set: str, cut: float | None) -> list[Tile]:
    """The best faces of each person under a set that are confirmed or score up to the cut; None is no cut."""
    statement = """
        SELECT coalesce(f.thumbnail, said.thumbnail), r.confirmed, p.display_name || ' ' || r.rank,
               round(r.distance::numeric, 3)::text
        FROM search_results r JOIN people p USING (person)
        LEFT JOIN embeddings e USING (parameter_set, face_key)
        LEFT JOIN detected_faces f ON (f.sha256, f.detector_fingerprint, f.face_key)
            = (e.sha256, e.detector_fingerprint, e.face_key)
        LEFT JOIN feedback said ON (said.person, said.sha256) = (r.person, r.sha256) AND said.by_hand
        WHERE r.parameter_set = %(key)s AND r.rank <= %(faces)s AND coalesce(f.thumbnail, said.thumbnail) IS NOT NULL
          AND (r.confirmed OR r.score <= coalesce(%(cut)s, 'infinity'::float8))
        ORDER BY r.person, r.rank LIMIT 600
        """
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement, {"key": parameter_set, "faces": PERSON_FACES, "cut": cut})
        return [
            Tile(bytes(jpeg), tuple(text or "by hand" for text in caption), framed)
            for jpeg, framed, *caption in cursor.fetchall()
        ]


def _tiles(database: Database, statement: str | sql.Composed, parameters: Sequence[Any]) -> list[Tile]:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [Tile(bytes(jpeg), tuple(caption)) for jpeg, *caption in cursor.fetchall()]
