"""Whose faces are to be hidden in photos, by the tables: of all whom sets found, those who neither match nor agreed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.publish.covering import Head
from facefind_pipeline.publish.hiding import SURE, Hiding
from facefind_pipeline.search.calibration import read_calibration
from facefind_pipeline.store.consents import people_who_agreed
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query
from facefind_pipeline.vision.turned import tilt

_TURNED = 45  # degrees; where a face is turned by more, the photo may be on its side

Rectangle = tuple[int, int, int, int]


def plan_hiding(
    connection: Connection, chosen: RegisteredSet, shown: Mapping[str, Collection[Rectangle]], on: date
) -> dict[str, Hiding]:
    """What to hide in photos, by SHA-256 in hex.

    Args:
        connection: any.
        chosen: the set whose results say where people who agreed are: sure and confirmed ones alone count.
        shown: of each photo the boxes of the faces that stay by the match.
        on: the day for which consents must hold.

    Returns:
        Only photos in which a set looked for faces: the others can't be judged.
    """
    photos = [bytes.fromhex(sha256) for sha256 in shown]
    boxes: defaultdict[bytes, list[Head]] = defaultdict(list)
    for sha256, box in _faces_of_those_who_agreed(connection, chosen, photos, on):
        boxes[sha256].append(Head(*box))
    found: defaultdict[bytes, list[Head]] = defaultdict(list)
    turned: set[bytes] = set()
    with connection.cursor() as cursor:
        cursor.execute(query("faces_found"), {"photos": photos})
        for sha256, x, y, w, h, score, landmarks in cursor.fetchall():
            found[bytes(sha256)].append(Head(x, y, w, h, sure=landmarks is not None and score >= SURE))
            if landmarks and abs(tilt(tuple(zip(landmarks[::2], landmarks[1::2], strict=True)))) > _TURNED:
                turned.add(bytes(sha256))
        cursor.execute(
            """
            SELECT DISTINCT sha256 FROM detections WHERE sha256 = ANY (%s) AND problem IS NULL
              AND detector_fingerprint IN (SELECT fingerprint FROM fingerprints WHERE meaning ->> 'detector' <> 'whole')
            """,
            [photos],
        )
        judged = {bytes(sha256) for (sha256,) in cursor.fetchall()}
    return {
        photo.hex(): Hiding(
            (*(Head(*box) for box in shown[photo.hex()]), *boxes[photo]), tuple(found[photo]), photo in turned
        )
        for photo in photos
        if photo in judged
    }


def _faces_of_those_who_agreed(
    connection: Connection, chosen: RegisteredSet, photos: Sequence[bytes], on: date
) -> list[tuple[bytes, Rectangle]]:
    agreed, calibration = people_who_agreed(connection, on), read_calibration(connection, chosen.key)
    if not agreed:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            query("faces_of_people"), {"parameter_set": chosen.key, "people": agreed, "photos": list(photos)}
        )
        rows = cursor.fetchall()
    sure = calibration.sure_cut if calibration is not None else 0.0
    return [
        (bytes(sha256), (x, y, w, h)) for sha256, x, y, w, h, score, confirmed in rows if confirmed or score <= sure
    ]
