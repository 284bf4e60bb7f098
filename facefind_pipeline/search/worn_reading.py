"""Reads the clothes of faces that are people's for certain, day by day, and those of faces near them."""

from collections.abc import Mapping
from io import BytesIO
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

PHOTOS_OF_A_PERSON = 30  # of a day, whose clothes count; so memory grows with people, not with faces
PHOTOS_LEARNT_FROM = 1_000  # of a day


class _Described(NamedTuple):
    """Faces (n,) on an event day that are people's for certain.

    Attributes:
        event_day: its key.
        fingerprint: by which their clothes were described.
        people: numbers.
        moments: numbers of what was taken at nearly the same time.
        photos: SHA-256.
        face_keys: of 16 bytes.
        descriptors: (n, bins)
    """

    event_day: str
    fingerprint: str
    people: Numbers
    moments: Numbers
    photos: Contents
    face_keys: Contents
    descriptors: Bytes


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
    for of_day in described:
        clothes = on_grid(of_day.descriptors)
        wardrobe = Wardrobe(of_day.people, of_day.photos, of_day.face_keys, of_day.moments, clothes)
        evidence = wardrobe.learn(*_read_photos(connection, chosen, of_day))
        days[of_day.event_day] = WornDay(wardrobe, evidence)
    counting = [day for day, worn in days.items() if worn.evidence.separation]

    def read_clothes(photos: Contents, face_keys: Contents) -> tuple[Numbers, Numbers, Bytes]:
        keys = face_keys.tobytes().hex()
        values = {
            "faces": "{" + ",".join(keys[start : start + 32] for start in range(0, len(keys), 32)) + "}",
            "first": photos[0].tobytes(),
            "last": photos[-1].tobytes(),
            "days": counting,
            "fingerprint": described[0].fingerprint,
        }
        return _read_clothes(connection, values, described[0].descriptors.shape[1])

    return Worn(days, read_clothes, learnt)


def _read_known(connection: Connection, chosen: RegisteredSet, sure: SureTable) -> list[_Described]:
    """By event day; each one's faces by photo and face key."""
    sure.analyze()
    with connection.cursor() as cursor:
        cursor.execute(query("known_clothes"), {"parameter_set": chosen.key, "most": PHOTOS_OF_A_PERSON})
        rows = [
            _Described(
                day,
                fingerprint,
                np.frombuffer(people, ">i4").astype(np.int64),
                np.frombuffer(moments, ">i8").astype(np.int64),
                *_faces(photos, face_keys, descriptors),
            )
            for day, fingerprint, people, moments, photos, face_keys, descriptors in cursor.fetchall()
        ]
    sure.drop()
    return rows


def _read_photos(
    connection: Connection, chosen: RegisteredSet, known: _Described
) -> tuple[Contents, Contents, Singles]:
    """Photos, keys and clothes of all faces in the day's photos, or in as many as show how much the day tells."""
    photos = known.photos[np.unique(known.photos.view(">u8")[::4], return_index=True)[1]][:PHOTOS_LEARNT_FROM]
    with connection.cursor() as cursor:
        cursor.execute(
            query("clothes_in_photos", table=sql.Identifier(chosen.table)),
            {"parameter_set": chosen.key, "day": known.event_day, "photos": photos.tolist()},
        )
        (row,) = cursor.fetchall()
    contents, face_keys, descriptors = _faces(*row)
    return contents, face_keys, on_grid(descriptors)


def _faces(photos: memoryview, face_keys: memoryview, descriptors: memoryview) -> tuple[Contents, Contents, Bytes]:
    """Of n faces one after the other."""
    keys = np.frombuffer(face_keys, "V16")
    bins = len(descriptors) // max(1, len(keys))
    return np.frombuffer(photos, "V32"), keys, np.frombuffer(descriptors, np.uint8).reshape(len(keys), bins)


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
