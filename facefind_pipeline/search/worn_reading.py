"""Reads the clothes of faces that are people's for certain, day by day, and those of the blocks of a set."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

import numpy as np
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.search.asked import Asked, KnownFaces
from facefind_pipeline.search.calibrate import Learnt
from facefind_pipeline.search.distances import Numbers
from facefind_pipeline.search.wardrobes import Bytes, Contents, Singles, Wardrobe, on_grid
from facefind_pipeline.search.worn import Worn, WornDay
from facefind_pipeline.store.binary_copy import SIGNATURE, TRAILER
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query
from facefind_pipeline.store.vectors import Block

PHOTOS_OF_A_PERSON = 30  # of a day, whose clothes count; so memory grows with people, not with faces
PHOTOS_LEARNT_FROM = 1_000  # of a day


class _Described(NamedTuple):
    """A row of `known_clothes`."""

    event_day: str
    photo: bytes
    face_key: bytes
    moment: int | None
    fingerprint: str
    descriptor: bytes


def read_worn(connection: Connection, chosen: RegisteredSet, asked: Asked, sure: KnownFaces, learnt: Learnt) -> Worn:
    """What those who are asked for wear in photos of which they were confirmed, or that are sure by the face alone.

    Args:
        connection: in the transaction of the whole search.
        chosen: the set.
        asked: for whom.
        sure: faces that are sure, as `Templates.joined` has them.
        learnt: what the event's distances mean.
    """
    known = KnownFaces.joined([asked.confirmed, sure])
    found = _read(connection, chosen, known.photos, known.face_keys)
    # Descriptors of two fingerprints are never compared: those count by which most were made.
    fingerprints = Counter(one.fingerprint for one in found).most_common(1)
    described = [one for one in found if one.fingerprint == fingerprints[0][0]]
    people = _people_of(known)
    days = {}
    for day, rows in groupby(described, lambda one: one.event_day):
        wardrobe, photos = _wardrobe(list(rows), people)
        days[day] = WornDay(wardrobe, wardrobe.learn(*_arrays(_read(connection, chosen, photos))))
    telling = [day for day, worn in days.items() if worn.told.separation]

    def read_block(block: Block) -> tuple[Numbers, Bytes]:
        values = {
            "first": block.photos[0].tobytes(),
            "last": block.photos[-1].tobytes(),
            "embedders": list(asked.embedders),
            "days": telling,
            "fingerprint": fingerprints[0][0],
        }
        return _read_block(connection, chosen, values, len(described[0].descriptor))

    return Worn(days, read_block, learnt, len(asked.people))


def _read(
    connection: Connection, chosen: RegisteredSet, photos: Contents, faces: Contents | None = None
) -> list[_Described]:
    """Those of some faces, or of all in the photos; by event day, photo and face key."""
    keys = None if faces is None else [str(UUID(bytes=key)) for key in faces.tolist()]
    with connection.cursor() as cursor:
        cursor.execute(
            query("known_clothes", table=sql.Identifier(chosen.table)),
            {"parameter_set": chosen.key, "photos": list(set(photos.tolist())), "faces": keys},
        )
        return [
            _Described(day, bytes(photo), UUID(key).bytes, moment, fingerprint, bytes(descriptor))
            for day, photo, key, moment, fingerprint, descriptor in cursor.fetchall()
        ]


def _people_of(known: KnownFaces) -> Mapping[bytes, Sequence[int]]:
    """Whose each face is; of several faces of one person in a photo, the first."""
    people: dict[bytes, list[int]] = defaultdict(list)
    seen = set()
    for person, photo, key in zip(known.people.tolist(), known.photos.tolist(), known.face_keys.tolist(), strict=True):
        if (person, photo) not in seen:
            seen.add((person, photo))
            people[key].append(person)
    return people


def _wardrobe(rows: Sequence[_Described], people: Mapping[bytes, Sequence[int]]) -> tuple[Wardrobe, Contents]:
    """What people wear on a day, and the photos that show how much that tells."""
    counts: Counter[int] = Counter()
    theirs = []
    for number, row in enumerate(rows):  # in the order of a hash of their photos
        for person in people[row.face_key]:
            counts[person] += 1
            if counts[person] <= PHOTOS_OF_A_PERSON:
                theirs.append((person, number))
    photos, face_keys, clothes = _arrays([rows[number] for _, number in theirs])
    # Where it is not known when photos were taken, each is a moment of its own.
    moments = np.array([-number if (moment := rows[number].moment) is None else moment for _, number in theirs])
    wardrobe = Wardrobe(np.array([person for person, _ in theirs]), photos, face_keys, moments, clothes)
    return wardrobe, photos[np.unique(photos.view(">u8")[::4], return_index=True)[1]][:PHOTOS_LEARNT_FROM]


def _arrays(rows: Sequence[_Described]) -> tuple[Contents, Contents, Singles]:
    """Their photos, face keys and clothes on the grid."""
    descriptors = np.frombuffer(b"".join(row.descriptor for row in rows), np.uint8).reshape(len(rows), -1)
    return (
        np.array([row.photo for row in rows], "V32"),
        np.array([row.face_key for row in rows], "V16"),
        on_grid(descriptors),
    )


def _read_block(
    connection: Connection, chosen: RegisteredSet, values: Mapping[str, object], length: int
) -> tuple[Numbers, Bytes]:
    """Days and descriptors of this length, as `block_of_clothes` gives them."""
    statement = query("block_of_clothes", table=sql.Identifier(chosen.table))
    copied = BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(cursor.mogrify(statement, {**values, "nothing": bytes(length)}), copied)
    row = np.dtype(
        [
            ("fields", ">i2"),
            *(("day_length", ">i4"), ("day", ">i4")),
            *(("descriptor_length", ">i4"), ("descriptor", "u1", (length,))),
        ]
    )
    rows = np.frombuffer(copied.getbuffer()[len(SIGNATURE) : -len(TRAILER)], row)
    return rows["day"].astype(np.int64), rows["descriptor"]
