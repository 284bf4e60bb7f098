"""What the tables know of every (person, photo) that is ranked under a set or true, and the rankings of each person."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.evaluation.losses import OtherFace
from facefind_pipeline.evaluation.metrics import Ranking
from facefind_pipeline.faces import Box
from facefind_pipeline.search.priors import prior_of
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.queries import operator, query, results_table

SAME_PICTURE_RATE = 1e-4  # of two photos of one person so few are as near as one photo is to what was cut from it
SAME_VECTOR = 1e-3  # what rounding makes of no distance at all; where nothing is known of the embedder


class TruthFact(NamedTuple):
    """A row of `truth_facts`."""

    person: str
    sha256: bytes
    rank: int | None
    distance: float | None
    score: float | None
    face_rank: int | None
    face_score: float | None
    plain_distance: float | None
    rival: str | None
    rival_distance: float | None
    relevant: bool
    x: int | None
    y: int | None
    w: int | None
    h: int | None
    shown: bool | None
    by_hand: bool
    path: str | None
    problem: str | None
    detected: bool
    face_width: int | None
    sharpness: float | None
    landmarks: Sequence[float] | None
    faces: int
    left_out: bool
    unlabelled: bool

    @property
    def counts(self) -> bool:
        """Whether the photo is true or false for the person."""
        return not self.left_out and not self.unlabelled

    @property
    def box(self) -> Box | None:
        """The person's face where truth gives it."""
        if self.x is None or self.y is None or self.w is None or self.h is None:
            return None
        return Box(self.x, self.y, self.w, self.h)


def read_truth_facts(
    connection: Connection, key: str, person: str | None = None, photo: bytes | None = None, *, clothes: bool = True
) -> list[TruthFact]:
    """All ranked and all true (person, photo) of a set, by person and rank.

    Args:
        connection: where the tables are.
        key: the set's.
        person: of this one only, as if the photo were true.
        photo: its SHA-256.
        clothes: False has ranks, scores and faces as they are by the face alone.
    """
    values = {"parameter_set": key, "person": person, "photo": photo, "same_picture": same_picture(key)}
    with connection.cursor() as cursor:
        metric = parameter_sets.find(connection, key).metric
        cursor.execute(query("truth_facts", operator=operator(metric), results=results_table(clothes=clothes)), values)
        return [TruthFact(person, bytes(sha256), *rest) for person, sha256, *rest in cursor.fetchall()]


def same_picture(key: str) -> float:
    """The distance up to which a face may be the one that a reference was cut from, found again in the cut picture.

    Cut out and saved again, faces of 20 to 80 pixels got vectors .07 to .20 from their own with dlib's network; scaled
    to half their size up to .47, where other photos of the person lie too, so that lists have to name such a photo.
    """
    prior = prior_of(key)
    return SAME_VECTOR if prior is None else prior.genuine.at(SAME_PICTURE_RATE)


def have_clothes_counted(facts: Iterable[TruthFact]) -> bool:
    """Whether clothes moved any score."""
    return any((fact.rank, fact.score) != (fact.face_rank, fact.face_score) for fact in facts)


def template_ranking(facts: Sequence[TruthFact]) -> Ranking:
    """One person's ranking as it is stored, by score."""
    ranked = [fact for fact in facts if fact.rank is not None]
    scores = np.array([fact.score or 0.0 for fact in ranked], dtype=np.float64)
    # What was confirmed is ranked before nearer faces.
    return Ranking(_hits(ranked), np.maximum.accumulate(scores), _relevant(facts))


def nearest_reference_ranking(facts: Sequence[TruthFact]) -> Ranking:
    """The same photos by the distance to the nearest reference alone; a box drawn by hand has none."""
    ranked = [fact for fact in facts if fact.rank is not None and not fact.by_hand]
    ranked.sort(key=lambda fact: (fact.plain_distance or 0.0, fact.sha256))
    distances = np.array([fact.plain_distance or 0.0 for fact in ranked], dtype=np.float64)
    return Ranking(_hits(ranked), distances, _relevant(facts))


def faces_in(connection: Connection, photos: Iterable[bytes]) -> Mapping[bytes, Sequence[OtherFace]]:
    """The faces that all sets found in photos, by the photo's SHA-256; a photo without any has none."""
    faces: dict[bytes, list[OtherFace]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(query("faces_of_photo"), {"photos": list(photos)})
        for sha256, parameter_set, x, y, w, h in cursor.fetchall():
            faces[bytes(sha256)].append(OtherFace(parameter_set, Box(x, y, w, h)))
    return faces


def _hits(ranked: Sequence[TruthFact]) -> npt.NDArray[np.bool_]:
    return np.array([fact.relevant for fact in ranked], dtype=np.bool_)


def _relevant(facts: Sequence[TruthFact]) -> int:
    return sum(fact.relevant for fact in facts)
