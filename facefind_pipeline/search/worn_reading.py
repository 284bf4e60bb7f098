"""Reads the clothes of faces that are people's for certain, day by day, and those of the blocks of a set."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import groupby
from typing import NamedTuple

import numpy as np
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.calibrate import Learnt
from facefind_pipeline.search.distances import Numbers
from facefind_pipeline.search.sure_table import SureTable
from facefind_pipeline.search.wardrobes import Bytes, Contents, Singles, Wardrobe, on_grid
from facefind_pipeline.search.worn import Worn, WornDay
from facefind_pipeline.store.binary_copy import fields_of_row
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query
from facefind_pipeline.store.vectors import Block

PHOTOS_OF_A_PERSON = 30  # of a day, whose clothes count; so memory grows with people, not with faces
PHOTOS_LEARNT_FROM = 1_000  # of a day


class _Described(NamedTuple):
    """A row of `known_clothes`."""

    event_day: str
    person: int
    photo: bytes
    face_key: bytes
    moment: int | None
    fingerprint: str
    descriptor: bytes


def read_worn(connection: Connection, chosen: RegisteredSet, sure: SureTable, learnt: Learnt) -> Worn:
    """What those who are asked for wear in photos of which they were confirmed, or that are sure by the face alone.

    Args:
        connection: in the transaction of the whole search.
        chosen: the set.
        sure: the faces that were confirmed, then those that are sure; it is dropped.
        learnt: what the event's distances mean.
    """
    described = _read_known(connection, chosen, sure)
    days = {}
    for day, rows in groupby(described, lambda one: one.event_day):
        wardrobe, photos = _wardrobe(list(rows))
        days[day] = WornDay(wardrobe, wardrobe.learn(*_read_photos(connection, chosen, day, photos)))
    counting = [day for day, worn in days.items() if worn.evidence.separation]

    def read_clothes(block: Block, faces: Numbers) -> tuple[Numbers, Numbers, Bytes]:
        if not len(faces):
            return faces, faces, np.zeros((0, 1), np.uint8)
        keys = block.face_keys[faces].tobytes().hex()
        values = {
            "faces": "{" + ",".join(keys[start : start + 32] for start in range(0, len(keys), 32)) + "}",
            "first": block.photos[0].tobytes(),
            "last": block.photos[-1].tobytes(),
            "days": counting,
            "fingerprint": described[0].fingerprint,
        }
        return _read_clothes(connection, values, len(described[0].descriptor))

    return Worn(days, read_clothes, learnt)


def _read_known(connection: Connection, chosen: RegisteredSet, sure: SureTable) -> list[_Described]:
    """By event day, photo and face key."""
    sure.analyze()
    with connection.cursor() as cursor:
        cursor.execute(
            query("known_clothes", table=sql.Identifier(chosen.table)),
            {"parameter_set": chosen.key, "most": PHOTOS_OF_A_PERSON},
        )
        rows = [
            _Described(day, person, bytes(photo), bytes(key), moment, fingerprint, bytes(descriptor))
            for day, person, photo, key, moment, fingerprint, descriptor in cursor.fetchall()
        ]
    sure.drop()
    return rows


def _read_photos(
    connection: Connection, chosen: RegisteredSet, day: str, photos: Contents
) -> tuple[Contents, Contents, Singles]:
    """As `_arrays`, of all faces in photos of a day."""
    with connection.cursor() as cursor:
        cursor.execute(
            query("clothes_in_photos", table=sql.Identifier(chosen.table)),
            {"parameter_set": chosen.key, "day": day, "photos": photos.tolist()},
        )
        return _arrays([(bytes(photo), bytes(key), bytes(descriptor)) for photo, key, descriptor in cursor.fetchall()])


def _wardrobe(rows: Sequence[_Described]) -> tuple[Wardrobe, Contents]:
    """What people wear on a day, and the photos that show how much that tells."""
    photos, face_keys, clothes = _arrays([(row.photo, row.face_key, row.descriptor) for row in rows])
    # Where it is not known when photos were taken, each is a moment of its own.
    moments = np.array([-number if row.moment is None else row.moment for number, row in enumerate(rows)])
    wardrobe = Wardrobe(np.array([row.person for row in rows]), photos, face_keys, moments, clothes)
    return wardrobe, photos[np.unique(photos.view(">u8")[::4], return_index=True)[1]][:PHOTOS_LEARNT_FROM]


def _arrays(faces: Sequence[tuple[bytes, bytes, bytes]]) -> tuple[Contents, Contents, Singles]:
    """Photos, face keys and clothes on the grid, of faces given by photo, face key and descriptor."""
    descriptors = np.frombuffer(b"".join(descriptor for *_, descriptor in faces), np.uint8).reshape(len(faces), -1)
    return (
        np.array([photo for photo, *_ in faces], "V32"),
        np.array([key for _, key, _ in faces], "V16"),
        on_grid(descriptors),
    )


def _read_clothes(connection: Connection, values: Mapping[str, object], length: int) -> tuple[Numbers, Numbers, Bytes]:
    """What `clothes_of_faces` gives: places of faces, numbers of their days, and descriptors of this length."""
    copied = BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(cursor.mogrify(query("clothes_of_faces"), values), copied)
    numbers, days, descriptors = fields_of_row(copied.getbuffer())
    return (
        np.frombuffer(numbers, ">i4").astype(np.int64) - 1,
        np.frombuffer(days, ">i4").astype(np.int64),
        np.frombuffer(descriptors, np.uint8).reshape(-1, length),
    )
