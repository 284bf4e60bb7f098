"""Events of guests who are dressed: drawn bodies below sampled faces (synthetic), on two days, in the tables."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.store import clothes
from facefind_pipeline.store.faces import Partition
from facefind_pipeline.vision.clothes import describe
from facefind_pipeline_tests.search.sampled import WITHIN, People, Vectors
from facefind_pipeline_tests.store.rows import Photo, partition, record, write_faces, write_person, write_photos

DAYS = ("friday", "saturday")
GUESTS = tuple(f"Guest-{number:02}" for number in range(10))
PHOTOS, FACES, STRANGERS = 30, 4, 1  # of a day; in each photo
HARD, NOISE = 0.4, 2.4  # share of pictures that are small or turned, and how much farther they are from the person
SIZE = 24  # pixels of a face

Outfit = tuple[tuple[int, ...], tuple[int, ...]]  # RGB of the upper and the lower half


def write_event(connection: Connection, *, uniforms: bool, seed: int = 1) -> Mapping[str, set[bytes]]:
    """Writes an event whose guests wear an outfit of their own each day, or all the same.

    Returns:
        The photos that show each guest, by SHA-256.
    """
    random, people = np.random.default_rng(seed), People(seed)
    faces = {name: people.person() for name in GUESTS}
    shown: dict[str, set[bytes]] = {name: set() for name in GUESTS}
    into = {day: partition(connection, day) for day in DAYS}
    for day, of_day in into.items():
        outfits = {name: _outfit(random) for name in GUESTS}
        uniform = _outfit(random)
        shots, described = [], []
        for number in range(PHOTOS):
            here = [str(name) for name in random.choice(GUESTS, FACES - STRANGERS, replace=False)]
            vectors = [_picture(people, random, faces[name]) for name in here]
            vectors += [people.picture(people.person()) for _ in range(STRANGERS)]
            taken = datetime(2024, 6, 14) + timedelta(days=DAYS.index(day), minutes=number)
            shot = Photo(f"{number}.jpg", f"{seed} {day} {number}", vectors, taken_at=taken, boxes=_boxes(len(vectors)))
            worn = [uniform if uniforms else outfits.get(name) or _outfit(random) for name in [*here, *"?" * STRANGERS]]
            shots.append(shot)
            found = [Face(Box(*box), 0.5) for box in shot.boxes]
            described += [
                (shot.sha256, face, one)
                for face, one in zip(found, describe(_photo(random, shot, worn), found), strict=True)
            ]
            for name in here:
                shown[name].add(shot.sha256)
        _write(connection, of_day, shots, described)
    for name, face in faces.items():
        write_person(connection, into[DAYS[0]], name, [people.picture(face)])
    return shown


def _write(connection: Connection, into: Partition, shots: list[Photo], described: list[clothes.Described]) -> None:
    write_photos(connection, into.event_day, shots)
    write_faces(connection, into, shots)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM clothes WHERE sha256 = ANY (%s)", [[shot.sha256 for shot in shots]])
    clothes.write_clothes(connection, into.clothes, described)
    record(connection, into)


def _picture(people: People, random: np.random.Generator, face: Vectors) -> Vectors:
    made = people.picture(face)
    if random.random() < HARD:
        made = made + random.normal(0, 1, len(made)) * WITHIN * np.sqrt(NOISE**2 - 1)
    return made


def _boxes(count: int) -> list[tuple[int, int, int, int]]:
    return [(30 + 4 * SIZE * number, 20, SIZE, SIZE) for number in range(count)]


def _outfit(random: np.random.Generator) -> Outfit:
    upper, lower = random.integers(20, 236, (2, 3)).tolist()
    return tuple(upper), tuple(lower)


def _photo(random: np.random.Generator, shot: Photo, worn: list[Outfit]) -> np.ndarray:
    """Bodies in front of a plain background, in a light that differs from photo to photo."""
    pixels = np.full((20 + 6 * SIZE, 60 + 4 * SIZE * len(worn), 3), random.integers(60, 200, 3), np.float64)
    for (x, y, w, h), (upper, lower) in zip(shot.boxes, worn, strict=True):
        middle = y + round(2.5 * h)
        pixels[y + h : middle, x - w // 2 : x + 3 * w // 2] = upper
        pixels[middle:, x - w // 2 : x + 3 * w // 2] = lower
    light = random.normal(1, 0.06, 3)
    return np.clip(pixels * light + random.normal(0, 6, pixels.shape), 0, 255).astype(np.uint8)
