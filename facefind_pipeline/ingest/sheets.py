"""The faces and photos that contact sheets show."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from psycopg2 import sql

from facefind_pipeline.store import parameter_sets, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.queries import indexed, operator, query
from facefind_pipeline.vision.failures import UnreadablePhotoError
from facefind_pipeline.vision.memory import read_whole
from facefind_pipeline.vision.sheet import Tile, photo_thumbnail

DAY_PHOTOS = 60
DAY_FACES = 400
NEIGHBOURS_OF, NEIGHBOURS = 8, 7
PERSON_FACES, RESULT_FACES = 30, 600
NAMED, NAMED_PEOPLE = 3, 40


def photo_tiles(database: Database, event_day: str) -> list[Tile]:
    """Photos spread over a day, small."""
    from concurrent.futures import ThreadPoolExecutor

    from facefind_pipeline.vision.apart import cores

    with database.connect() as connection:
        day = photos.find_day(connection, event_day)
        paths = [row.path for row in photos.photos(connection, event_day).values() if row.problem is None]
    shown = paths[:: max(1, -(-len(paths) // DAY_PHOTOS))]
    with ThreadPoolExecutor(cores()) as pool:
        made = pool.map(lambda path: _thumbnail_if_there(day.file(path)), shown)
    return [Tile(jpeg, (Path(path).name,)) for path, jpeg in zip(shown, made, strict=True) if jpeg]


def _thumbnail_if_there(path: Path) -> bytes | None:
    from facefind_pipeline.vision.apart import apart

    try:
        return apart(_thumbnail_of_file, path)
    except (OSError, UnreadablePhotoError):  # gone since, or as bad as its row says
        return None


def _thumbnail_of_file(path: Path) -> bytes | None:
    with path.open("rb") as file:
        return photo_thumbnail(read_whole(file))


def reference_photo_tiles(database: Database) -> list[Tile]:
    """Reference photos as they are."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(query("sheets/reference_photos"), {"most": DAY_PHOTOS})
        made = [(name, _thumbnail_of(bytes(content))) for name, content in cursor]
    return [Tile(jpeg, (name,)) for name, jpeg in made if jpeg]


def _thumbnail_of(content: bytes) -> bytes | None:
    from facefind_pipeline.vision.apart import apart

    try:
        return apart(photo_thumbnail, content)
    except UnreadablePhotoError:
        return None


def neighbour_tiles(database: Database, parameter_set: str) -> list[Tile]:
    """A few faces of a set, each followed by its nearest others: what the set takes to be alike."""
    with database.connect() as connection:
        chosen = parameter_sets.find(connection, parameter_set)
    statement = query(
        "sheets/neighbours",
        table=sql.Identifier(chosen.table),
        dimension=sql.Literal(chosen.dimension),
        operator=operator(chosen.metric),
        indexed=indexed(chosen.floats, chosen.dimension),
    )
    return _tiles(database, statement, {"faces": NEIGHBOURS_OF, "neighbours": NEIGHBOURS + 1})


def day_tiles(database: Database, event_day: str, parameter_set: str) -> list[Tile]:
    """Faces of a day under a set, photo by photo."""
    values = {"day": event_day, "parameter_set": parameter_set, "most": DAY_FACES}
    return _tiles(database, query("sheets/day_faces"), values)


def face_tiles(database: Database, captions: Mapping[UUID, Sequence[str]]) -> list[Tile]:
    """Faces by their keys, in the order given."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(query("sheets/faces"), {"faces": [str(key) for key in captions]})
        thumbnails = {key: bytes(jpeg) for key, jpeg in cursor.fetchall()}
    return [Tile(thumbnails[key], tuple(caption)) for key, caption in captions.items()]


def reference_tiles(database: Database, parameter_set: str) -> list[Tile]:
    """The face of each reference photo under a set."""
    return _tiles(database, query("sheets/reference_faces"), {"parameter_set": parameter_set})


def result_tiles(database: Database, parameter_set: str, cut: float | None) -> list[Tile]:
    """The best faces of each person under a set; those that are confirmed are framed.

    Args:
        database: to read from.
        parameter_set: its key.
        cut: the score up to which a face is shown that is not confirmed; None is no cut.
    """
    values = {"parameter_set": parameter_set, "ranks": PERSON_FACES, "cut": cut, "most": RESULT_FACES}
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(query("sheets/results"), values)
        return [Tile(bytes(jpeg), tuple(caption), framed) for jpeg, framed, *caption in cursor.fetchall()]


def sure_photos(database: Database, parameter_set: str, sure: float | None) -> dict[str, list[str]]:
    """By name of each person the files of a few photos that are sure: confirmed, or with a score up to the cut."""
    values = {"parameter_set": parameter_set, "sure": sure, "ranks": PERSON_FACES, "each": NAMED, "most": NAMED_PEOPLE}
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(query("sheets/sure_photos"), values)
        return {name: [Path(path).name for path in paths] for name, paths in cursor.fetchall()}


def _tiles(database: Database, statement: sql.Composed, values: Mapping[str, object]) -> list[Tile]:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [Tile(bytes(jpeg), tuple(caption)) for jpeg, *caption in cursor.fetchall()]
