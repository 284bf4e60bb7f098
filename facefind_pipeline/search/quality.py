"""How good a set is, from its stored rankings and the truth lists: figures, losses, slices and its calibration's truth.

One query brings all rows; the rest is arithmetic on them, so 50 people in 160 photos take a fraction of a second.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from facefind_pipeline.faces import Box
from facefind_pipeline.parameters import HaarSettings, ParameterSet
from facefind_pipeline.plan.due import is_current, would_be_made_from
from facefind_pipeline.search.calibration import Calibration, read_calibration
from facefind_pipeline.search.evaluate import (
    Ranking,
    average_precision,
    interval,
    measure,
    paired_interval,
    precision_recall,
)
from facefind_pipeline.search.losses import Facts, Loss, OtherFace, Outranking, Reason, attribute
from facefind_pipeline.store import parameter_sets, versions
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import made_version, record_made
from facefind_pipeline.store.queries import query

CURVE_POINTS = 200
RATES = (1e-2, 1e-3)
BEYOND_RANKING = (Reason.GONE, Reason.UNREADABLE, Reason.NOT_DONE, Reason.NO_FACE, Reason.NOT_NEAR)
RELIABILITY = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1.0)


class Row(NamedTuple):
    """A row of `truth_facts`."""

    person: str
    sha256: bytes
    rank: int | None
    distance: float | None
    score: float | None
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

    @property
    def box(self) -> Box | None:
        """The person's face where truth gives it."""
        if self.x is None or self.y is None or self.w is None or self.h is None:
            return None
        return Box(self.x, self.y, self.w, self.h)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A set's figures, as stored.

    Attributes:
        version: data version: what the figures follow from.
        figures: plain values; `docs/quality.md` explains each.
        fresh: whether they were reckoned now.
    """

    version: str
    figures: Mapping[str, Any]
    fresh: bool


def evaluate_set(database: Database, key: str) -> Evaluation:
    """Brings a set's stored evaluation up to its results and the truth; does nothing where neither changed."""
    with database.lock("evaluation", key), database.connect() as connection:
        made_from = would_be_made_from(connection, "evaluation", key)
        version = versions.hash_rows([(made_from,)])
        stored = read_evaluation(connection, key)
        if stored is not None and is_current(connection, "evaluation", key):
            return stored
        figures = evaluate_rows(connection, key)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM evaluations WHERE parameter_set = %s", [key])
            cursor.execute("INSERT INTO evaluations (parameter_set, evaluation) VALUES (%s, %s)", [key, Json(figures)])
        record_made(connection, "evaluation", key, made_from, version)
        return Evaluation(version, figures, fresh=True)


def read_evaluation(connection: Connection, key: str) -> Evaluation | None:
    """The set's stored evaluation."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT evaluation FROM evaluations WHERE parameter_set = %s", [key])
        row = cursor.fetchone()
    version = made_version(connection, "evaluation", key)
    return Evaluation(version, row[0], fresh=False) if row and version else None


def evaluate_rows(connection: Connection, key: str) -> dict[str, Any]:
    """All figures of a set, as plain values."""
    rows = truth_rows(connection, key)
    everyone = {person: list(theirs) for person, theirs in itertools.groupby(rows, key=lambda row: row.person)}
    # Photos that were listed may have moved to a day that the list does not cover.
    people = {person: theirs for person, theirs in everyone.items() if any(row.relevant for row in theirs)}
    sharper = {person: ranking(theirs, plain=False) for person, theirs in people.items()}
    plain = {person: ranking(theirs, plain=True) for person, theirs in people.items()}
    losses = losses_of(connection, key, people)
    calibration = read_calibration(connection, key)
    return {
        "people": [
            {
                "person": person,
                **measure(sharper[person]).as_json(),
                "plain_average_precision": average_precision(plain[person]),
            }
            for person in people
        ],
        "summary": summary(list(sharper.values()), list(plain.values()), [loss for _, loss in losses])
        if people
        else {},
        "seconds_a_photo": _seconds_a_photo(connection, key),
        "losses": [
            {"person": row.person, "photo": row.path, "reason": loss.reason.value, "detail": loss.detail}
            for row, loss in losses
            if loss.reason is not Reason.FOUND
        ],
        "found": [[row.person, row.sha256.hex()] for row, loss in losses if loss.reason is Reason.FOUND],
        "slices": slices(losses),
        "calibration": calibration_check(list(itertools.chain(*people.values())), calibration)
        if calibration and people
        else {},
        "curves": {name: _curve(list(rankings.values())) for name, rankings in (("sharper", sharper), ("plain", plain))}
        if people
        else {},
    }


def truth_rows(connection: Connection, key: str, person: str | None = None, photo: bytes | None = None) -> list[Row]:
    """What is known of all ranked and all true (person, photo); of one person, as if the photo were true, if asked."""
    with connection.cursor() as cursor:
        cursor.execute(query("truth_facts"), {"parameter_set": key, "person": person, "photo": photo})
        return [Row(person, bytes(sha256), *rest) for person, sha256, *rest in cursor.fetchall()]


def ranking(rows: Sequence[Row], *, plain: bool) -> Ranking:
    """One person's ranking, by score or by the distance to the nearest reference alone."""
    ranked = [row for row in rows if row.rank is not None and not (plain and row.by_hand)]
    if plain:
        ranked.sort(key=lambda row: (row.plain_distance or 0.0, row.sha256))
    distances = [(row.plain_distance if plain else row.score) or 0.0 for row in ranked]
    if not plain:  # what was confirmed is ranked before nearer faces
        distances = np.maximum.accumulate(distances).tolist() if distances else []
    return Ranking(
        np.array([row.relevant for row in ranked], dtype=np.bool_),
        np.array(distances, dtype=np.float64),
        sum(row.relevant for row in rows),
    )


def summary(sharper: Sequence[Ranking], plain: Sequence[Ranking], losses: Sequence[Loss]) -> dict[str, Any]:
    """Means over people with their intervals, the gain over the plain ranking, and what perfect ranking would reach."""
    measures = [measure(one).as_json() for one in sharper]
    made: dict[str, Any] = {"people": len(measures), "relevant": sum(one.relevant for one in sharper)}
    for name in ("average_precision", "p_at_1", "p_at_10", "r_precision", "best_f1"):
        values = [float(str(one[name])) for one in measures]
        made[name] = {"mean": float(np.mean(values)), "interval": list(interval(values))}
    ours, theirs = ([average_precision(one) for one in both] for both in (sharper, plain))
    made["plain_average_precision"] = {"mean": float(np.mean(theirs)), "interval": list(interval(theirs))}
    made["gain"] = {"mean": float(np.mean(ours) - np.mean(theirs)), "interval": list(paired_interval(ours, theirs))}
    beyond = sum(loss.reason in BEYOND_RANKING for loss in losses)
    made["ceiling"] = 1 - beyond / made["relevant"]
    return made


def losses_of(connection: Connection, key: str, people: Mapping[str, Sequence[Row]]) -> list[tuple[Row, Loss]]:
    """Each true photo of each person with why it is lost, or that it is found.

    Found is what stands among the first R photos of a person who is in R: the cut at which precision is recall.
    """
    faces = _faces(connection, {row.sha256 for rows in people.values() for row in rows if row.relevant})
    made = []
    for rows in people.values():
        cut = sum(row.relevant for row in rows)
        above: list[Outranking] = []
        place = 0
        for row in rows:
            if row.rank is not None:
                place += 1
            if row.relevant:
                facts = facts_of(key, row, faces[row.sha256], place, cut, tuple(above))
                made.append((row, attribute(facts)))
            elif row.path is not None and row.score is not None:
                above.append(Outranking(row.path, row.score))
    return made


def facts_of(
    key: str,
    row: Row,
    faces: Sequence[OtherFace],
    place: int,
    cut: int,
    above: Sequence[Outranking],
    *,
    filtered: bool = False,
    lost_by_index: bool = False,
) -> Facts:
    """The facts of one (person, photo), from its row and the faces that all sets found in the photo."""
    detector = ParameterSet.parse(key).detector
    return Facts(
        path=row.path,
        problem=row.problem,
        detected=row.detected,
        own_faces=[face.box for face in faces if face.parameter_set == key],
        other_faces=[face for face in faces if face.parameter_set != key],
        box=row.box,
        rejected=row.shown is False,
        by_hand=row.by_hand,
        rank=place if row.rank is not None else None,
        cut=cut,
        outranking=above,
        filtered=filtered,
        lost_by_index=lost_by_index,
        smallest=detector.min_size if isinstance(detector, HaarSettings) else None,
    )


def slices(losses: Iterable[tuple[Row, Loss]]) -> list[dict[str, Any]]:
    """Share of the true photos that are found, by what the face and the photo are like."""
    counted: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for row, loss in losses:
        for kind, name in _kinds(row):
            counted[kind, name][loss.reason is Reason.FOUND] += 1
    return [
        {"by": kind, "slice": name, "photos": counts.total(), "found": counts[True] / counts.total()}
        for (kind, name), counts in sorted(counted.items())
    ]


def calibration_check(rows: Sequence[Row], calibration: Calibration) -> dict[str, Any]:
    """What the truth says of the calibration: false-match rates, bands and reliability.

    The rate is of faces in photos that do not show the person. A photo counts once, by its nearest face; two faces of
    one photo below a threshold that one in a hundred passes are rare. Boxes drawn by hand are no faces to speak of.
    """
    ranked = [row for row in rows if row.score is not None and row.plain_distance is not None and not row.by_hand]
    relevant = np.array([row.relevant for row in ranked])
    distances = np.array([row.plain_distance for row in ranked], dtype=np.float64)
    scores = np.array([row.score for row in ranked], dtype=np.float64)
    probabilities = np.array([calibration.probability(score) for score in scores])
    impostors = sum(row.faces for row in ranked if not row.relevant)
    people, true_photos = len({row.person for row in rows}), sum(row.relevant for row in rows)
    return {
        "pairs": calibration.pairs,
        "rates": [
            {
                "stated": rate,
                "distance": calibration.threshold(rate),
                "measured": float((distances[~relevant] <= calibration.threshold(rate)).sum()) / max(1, impostors),
            }
            for rate in RATES
        ],
        "cuts": [
            {
                "cut": name,
                "false_a_person": float((taken & ~relevant).sum()) / people,
                "recall": float((taken & relevant).sum()) / true_photos,
            }
            for name, taken in (
                ("plain distance 0.6", distances <= 0.6),
                ("sure", scores <= calibration.sure_cut),
                ("likely", scores <= max(calibration.sure_cut, calibration.likely_cut)),
            )
        ],
        "reliability": [
            {
                "from": low,
                "to": high,
                "photos": int(within.sum()),
                "said": float(probabilities[within].mean()),
                "true": float(relevant[within].mean()),
            }
            for low, high in itertools.pairwise(RELIABILITY)
            if (within := (probabilities >= low) & ((probabilities < high) | (high == 1.0))).any()
        ],
    }


def faces_in(connection: Connection, photo: bytes) -> list[OtherFace]:
    """The faces that all sets found in a photo."""
    return _faces(connection, {photo})[photo]


def _faces(connection: Connection, photos: set[bytes]) -> dict[bytes, list[OtherFace]]:
    made: dict[bytes, list[OtherFace]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(query("faces_of_photo"), {"photos": list(photos)})
        for sha256, parameter_set, x, y, w, h in cursor.fetchall():
            made[bytes(sha256)].append(OtherFace(parameter_set, Box(x, y, w, h)))
    return made


def _seconds_a_photo(connection: Connection, key: str) -> float | None:
    """Of the detector, on the machine that ran it; the mean over photos."""
    fingerprint = parameter_sets.find(connection, key).detector_fingerprint
    with connection.cursor() as cursor:
        cursor.execute("SELECT avg(seconds) FROM detections WHERE detector_fingerprint = %s", [fingerprint])
        (seconds,) = cursor.fetchone() or (None,)
        return None if seconds is None else float(seconds)


def _kinds(row: Row) -> Iterable[tuple[str, str]]:
    """The slices that a true photo falls in."""
    yield (
        "faces in the photo",
        "none" if row.faces == 0 else "1" if row.faces == 1 else "2-5" if row.faces <= 5 else "6 or more",
    )
    width = row.w if row.w is not None else row.face_width
    if width is not None:
        yield "face width", "below 60 px" if width < 60 else "60-120 px" if width <= 120 else "above 120 px"
    if row.sharpness is not None:
        yield "sharpness", "blurred" if row.sharpness < 40 else "middling" if row.sharpness < 200 else "sharp"
    if row.landmarks is not None:
        yield "pose", "turned" if turned(row.landmarks) else "frontal"


def turned(landmarks: Sequence[float]) -> bool:
    """Whether the nose stands nearer to one eye than to the other by half, along the line between the eyes.

    Args:
        landmarks: x1, y1, x2, y2, ... of right eye, left eye and nose first.
    """
    right, left, nose = np.array(landmarks[:6], dtype=np.float64).reshape(3, 2)
    between = left - right
    place = float((nose - right) @ between)
    length = float(between @ between)
    return not length / 3 <= place <= 2 * length / 3


def _curve(rankings: Sequence[Ranking]) -> list[list[float]]:
    """Recall and precision, thinned for a plot."""
    recall, precision = precision_recall(rankings)
    if not len(recall):
        return []
    kept = np.unique(np.linspace(0, len(recall) - 1, CURVE_POINTS).astype(int))
    first = np.unique(np.searchsorted(recall, np.linspace(0, recall[-1], CURVE_POINTS)))
    places = np.union1d(kept, np.minimum(first, len(recall) - 1))
    return [[round(float(recall[place]), 4), round(float(precision[place]), 4)] for place in places]
