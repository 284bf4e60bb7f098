"""Synthetic faces in the tables: clustered as real ones are, since uniform random vectors make any index look bad."""

import hashlib

import numpy as np
import numpy.typing as npt
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.store import clothes, faces, parameter_sets, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import Detection, Partition
from facefind_pipeline.vision.clothes import LENGTH

DIMENSION = 128
FACES_A_PHOTO = 5
PEOPLE = 20_000
RARE = "IS"  # the country of one photo in a hundred
LISBON, VIGO = (38.72, -9.14), (42.23, -8.72)  # where one photo in five was taken, and the others
LARGE_FACE, FACE = 160, 80  # pixels; one face in four is large
FRIEND = "friend"  # the key of somebody on every other photo
KEY = "hog-up1-px2000@dlib"
BATCH = 10_000  # faces; a batch has its own random numbers

Floats = npt.NDArray[np.float32]


def vectors(first: int, last: int) -> Floats:
    """Those of faces `first` to `last` (n, 128), spread as dlib's are.

    Of 732 faces of 263 people (LFW, YuNet boxes): distances of 0.41 between two faces of a person and 0.80 (standard
    deviation 0.09) between people; the people spread over as many directions as 28 equal ones would be, the faces of
    one over 45. A few people are in many photos: the share of the k-th falls with the root of k.
    """
    between, within = _spread(0.24, 2, 1.2), _spread(0.085, 3, 1.0)
    centres = np.random.default_rng(1).normal(0, 1, (PEOPLE, DIMENSION)) * between
    made = []
    for start in range(first - first % BATCH, last, BATCH):
        random = np.random.default_rng([2, start])
        people = (PEOPLE * random.random(BATCH) ** 2).astype(int)
        faces_of = centres[people] + random.normal(0, 1, (BATCH, DIMENSION)) * within
        made.append(faces_of[max(0, first - start) : last - start].astype(np.float32))
    return np.concatenate(made)


def descriptors(vectors: Floats) -> npt.NDArray[np.uint8]:
    """Clothes (n, LENGTH) that are the more alike the more their vectors are; nine bins in ten are empty."""
    random = np.random.default_rng(4)
    some = random.choice(LENGTH, LENGTH // 10, replace=False)
    made = np.zeros((len(vectors), LENGTH), np.uint8)
    made[:, some] = np.clip(400 * vectors @ random.normal(0, 1, (DIMENSION, len(some))), 0, 255)
    return made


def _spread(variance: float, offset: float, power: float) -> Floats:
    """Standard deviations along the axes (128,): variances that fall with a power, of that sum."""
    falling = (np.arange(1, DIMENSION + 1) + offset) ** -power
    return np.sqrt(variance * falling / falling.sum()).astype(np.float32)


def registered(database: Database) -> parameter_sets.RegisteredSet:
    """The set that all faces are in."""
    with database.connect() as connection:
        parameter_sets.register(connection, ParameterSet.parse(KEY), DIMENSION, "l2")
        return parameter_sets.find(connection, KEY)


def embedder_fingerprint(connection: Connection) -> str:
    """Of the embedder that all faces seem to come from."""
    return parameter_sets.record_fingerprint(connection, "embedder", {"bench": 1})


def load(database: Database, first: int, last: int) -> None:
    """Stores faces `first` to `last`, a few a photo, as the pipeline does."""
    registered(database)
    with database.connect() as connection:
        detector = parameter_sets.record_fingerprint(connection, "detector", {"bench": 1})
        partition = Partition("bench", KEY, detector, embedder_fingerprint(connection), "clothes")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO photo_roots (path) VALUES ('bench') ON CONFLICT DO NOTHING")
            cursor.execute("INSERT INTO event_days SELECT 'bench', root_id, '' FROM photo_roots ON CONFLICT DO NOTHING")
        for start in range(first, last, BATCH):
            _load_batch(connection, partition, start, min(last, start + BATCH))
            connection.commit()
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO people VALUES (%s, %s) ON CONFLICT DO NOTHING", [FRIEND, FRIEND])
            cursor.execute(
                """
                INSERT INTO feedback (person, sha256, shown, x, y, w, h)
                SELECT %s, sha256, true, 0, 0, 1, 1 FROM photos WHERE split_part(path, '.', 1)::integer %% 2 = 0
                ON CONFLICT DO NOTHING
                """,
                [FRIEND],
            )
    with database.connect_autocommit() as connection, connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _load_batch(connection: Connection, partition: Partition, start: int, end: int) -> None:
    by_photo: dict[int, list[Face]] = {}
    for number in range(start, end):
        height = LARGE_FACE if number % 4 == 0 else FACE
        face = Face(Box(number % FACES_A_PHOTO * 200, 100, FACE, height), 0.6 + number * 7 % 40 / 100)
        by_photo.setdefault(number // FACES_A_PHOTO, []).append(face)
    keys = {photo: hashlib.sha256(str(photo).encode()).digest() for photo in by_photo}
    rows = []
    for photo, sha in keys.items():
        latitude, longitude = LISBON if photo % 5 == 0 else VIGO
        row = photos.PhotoRow(
            *(f"{photo}.jpg", sha, 1, 0, 0, None, "JPEG", 3000, 2000, 1),
            country=RARE if photo % 100 == 0 else "PT",
            latitude=latitude,
            longitude=longitude,
        )
        rows.append(row)
    photos.replace_photos(connection, "bench", rows, gone=())
    found = [Detection(keys[photo], 0.1, None, seen, [b"x"] * len(seen)) for photo, seen in by_photo.items()]
    faces.write_detections(connection, partition.detector, found)
    flat = [(keys[photo], face) for photo, seen in by_photo.items() for face in seen]
    made = list(zip(flat, vectors(start, end), strict=True))
    faces.write_embeddings(connection, partition, ((sha, face, vector) for (sha, face), vector in made))
    worn = descriptors(np.array([vector for _, vector in made]))
    described = [(sha, face, one.tobytes()) for ((sha, face), _), one in zip(made, worn, strict=True)]
    clothes.write_clothes(connection, partition.clothes, described)
    faces.finish(connection, partition)
