"""The ranking rules of `docs/quality.md` by brute force: every face with every person, one pair at a time.

Written from the rules alone, with nothing of the product: tests hold its results against these.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Pair = tuple[str, bytes]  # a person and the SHA-256 of a photo


@dataclass(frozen=True)
class Face:
    """A face that was found in a photo."""

    photo: bytes
    key: bytes
    embedder: str
    vector: Vector


@dataclass(frozen=True)
class World:
    """All that a ranking follows from.

    Attributes:
        metric: `l2` or `cosine`.
        sure: Euclidean distance up to which a face may join a template; None if not known.
        faces: of all photos.
        references: (embedder, vector) of each person, at least one.
        confirmed: faces that were confirmed, by person and photo.
        rejected: (person, photo).
        drawn: vectors, with their embedders, of boxes drawn by hand, by person and photo; or None.
    """

    metric: str
    sure: float | None
    faces: Sequence[Face]
    references: Mapping[str, Sequence[tuple[str, Vector]]]
    confirmed: Mapping[Pair, Sequence[Face]] = field(default_factory=dict)
    rejected: frozenset[Pair] = frozenset()
    drawn: Mapping[Pair, tuple[str, Vector] | None] = field(default_factory=dict)

    def compared(self, vector: Vector) -> Vector:
        """As vectors are compared: those of the cosine's metric by their direction."""
        return vector / np.linalg.norm(vector) if self.metric == "cosine" else vector

    def in_metric(self, euclidean: float) -> float:
        """The distance in the metric, of vectors as they are compared."""
        return euclidean**2 / 2 if self.metric == "cosine" else euclidean


@dataclass(frozen=True)
class Dressed:
    """Clothes beside the faces of a world.

    Attributes:
        days: of each photo, by its SHA-256; photos without are in no day on which clothes tell.
        clothes: of each face, by its key, as numbers of any length; faces without show none.
        log_odds: that a similarity to a person's clothes adds.
        meanwhile: the score that decides between a photo's faces, of a score and log odds.
        moved: the score with clothes, likewise.
        reach: the score beyond which clothes do not count.
    """

    days: Mapping[bytes, int]
    clothes: Mapping[bytes, Vector]
    log_odds: Callable[[float], float]
    meanwhile: Callable[[float, float], float]
    moved: Callable[[float, float], float]
    reach: float


@dataclass(frozen=True)
class Result:
    """A photo in a person's results."""

    photo: bytes
    face: bytes | None
    confirmed: bool
    score: float | None
    distance: float | None
    plain_distance: float | None
    rival: str | None
    rival_distance: float | None
    clothes: float | None = None
    clothes_photos: int | None = None
    face_score: float | None = None


@dataclass(frozen=True)
class Answer:
    """What everyone's results are.

    Attributes:
        results: by person, best first.
        sure: faces in each person's templates that nobody confirmed.
        scores: of all faces with all people that they are compared with; `to_reference` likewise.
    """

    results: Mapping[str, Sequence[Result]]
    sure: Mapping[str, int]
    scores: Sequence[float]
    to_reference: Sequence[float]


def brute_force(world: World, kept: int, dressed: Dressed | None = None) -> Answer:
    """Everyone's results by the rules; with clothes, if these are given."""
    joined: dict[tuple[str, str], list[Face]] = {}
    for _ in range(2 if world.sure is not None else 0):
        joined = _sure_faces(world, _Templates(world, joined))
    templates = _Templates(world, joined)
    to_template = {
        (person, face.key): world.in_metric(distance)
        for face in world.faces
        for person in world.references
        if (distance := templates.distance(person, face.embedder, face.vector)) is not None
    }
    mean = exp(sum(log(max(distance, 1e-9)) for distance in to_template.values()) / max(1, len(to_template)))
    results, scores, to_reference = {}, [], []
    for person in sorted(world.references):
        photos: dict[bytes, list[Result]] = {}
        for face in world.faces:
            nearest = _to_reference(world, person, face.embedder, face.vector)
            if nearest is None:
                continue
            result = _result(person, face, to_template, mean, nearest, sorted(world.references))
            assert result.score is not None
            scores.append(result.score)
            to_reference.append(nearest)
            photos.setdefault(face.photo, []).append(result)
        results[person] = _ranked(world, templates, person, photos)[:kept]
        if dressed is not None:
            worn = _worn(world, dressed, person, [f for (p, _), faces in joined.items() if p == person for f in faces])
            results[person] = _by_clothes(dressed, results[person], photos, worn)
    sure = {person: max([0, *(len(f) for (p, _), f in joined.items() if p == person)]) for person in world.references}
    return Answer(results, sure, scores, to_reference)


class _Templates:
    def __init__(self, world: World, joined: Mapping[tuple[str, str], Sequence[Face]]) -> None:
        self._world, self._joined = world, joined

    def distance(self, person: str, embedder: str, vector: Vector) -> float | None:
        """Root of the mean square of the distances to what the template was made of; sure faces weigh half at most."""
        members = [made for by, made in self._world.references[person] if by == embedder]
        for (whose, _), faces in self._world.confirmed.items():
            members += [face.vector for face in faces if whose == person and face.embedder == embedder]
        if not members:
            return None
        joined = [face.vector for face in self._joined.get((person, embedder), [])]
        squares = [self._mean_square(group, vector) for group in (members, joined) if group]
        if len(joined) >= len(members):
            return sqrt(sum(squares) / 2)
        return sqrt(self._mean_square([*members, *joined], vector))

    def _mean_square(self, group: Sequence[Vector], vector: Vector) -> float:
        to = self._world.compared(vector)
        return float(np.mean([((self._world.compared(one) - to) ** 2).sum() for one in group]))


def _sure_faces(world: World, templates: _Templates) -> dict[tuple[str, str], list[Face]]:
    judged = {*world.confirmed, *world.rejected, *world.drawn}
    near = []
    for face in world.faces:
        for person in world.references:
            distance = templates.distance(person, face.embedder, face.vector)
            if distance is not None and distance <= world.sure and (person, face.photo) not in judged:
                near.append((distance, face, person))
    joined: dict[tuple[str, str], list[Face]] = {}
    for distance, face, person in near:
        of_photo = min((d, f.key) for d, f, p in near if (p, f.photo) == (person, face.photo))
        of_face = min((d, p) for d, f, p in near if f.key == face.key)
        if of_photo == (distance, face.key) and of_face == (distance, person):
            joined.setdefault((person, face.embedder), []).append(face)
    return joined


def _to_reference(world: World, person: str, embedder: str, vector: Vector) -> float | None:
    references = [world.compared(made) for by, made in world.references[person] if by == embedder]
    distances = [world.in_metric(float(np.linalg.norm(one - world.compared(vector)))) for one in references]
    return min(distances, default=None)


def _result(
    person: str,
    face: Face,
    to_template: Mapping[tuple[str, bytes], float],
    mean: float,
    to_reference: float,
    people: Sequence[str],
) -> Result:
    distance = to_template[person, face.key]
    others = [
        (to_template[other, face.key], other)
        for other in people
        if other != person and (other, face.key) in to_template
    ]
    nearest = min(others, default=None)
    against = mean if nearest is None else max(mean / 4, min(mean, nearest[0]))
    is_rival = nearest is not None and nearest < (distance, person)
    return Result(
        photo=face.photo,
        face=face.key,
        confirmed=False,
        score=distance * sqrt(mean / against),
        distance=distance,
        plain_distance=to_reference,
        rival=nearest[1] if nearest and is_rival else None,
        rival_distance=nearest[0] if nearest and is_rival else None,
    )


def _ranked(world: World, templates: _Templates, person: str, photos: Mapping[bytes, Sequence[Result]]) -> list[Result]:
    ranked = []
    for photo, faces in photos.items():
        if (person, photo) in world.rejected or (person, photo) in world.drawn:
            continue
        best = min(faces, key=lambda one: (one.score, one.face))
        to_reference = min(one.plain_distance for one in faces if one.plain_distance is not None)
        ranked.append(
            Result(**{**vars(best), "plain_distance": to_reference, "confirmed": (person, photo) in world.confirmed})
        )
    for (whose, photo), vector in world.drawn.items():
        if whose == person:
            distance = vector and templates.distance(person, *vector)
            to_reference = vector and _to_reference(world, person, *vector)
            distance = None if distance is None else world.in_metric(distance)
            ranked.append(Result(photo, None, True, distance, distance, to_reference, None, None))
    return sorted(ranked, key=lambda one: (not one.confirmed, one.score is None, one.score or 0.0, one.photo))


def _worn(world: World, dressed: Dressed, person: str, sure: Sequence[Face]) -> dict[bytes, Vector]:
    """What a person wears, by photo: of confirmed faces, then of sure ones."""
    confirmed = [face for (whose, _), faces in world.confirmed.items() if whose == person for face in faces]
    return {face.photo: dressed.clothes[face.key] for face in (*confirmed, *sure) if face.key in dressed.clothes}


def _by_clothes(
    dressed: Dressed, ranked: Sequence[Result], photos: Mapping[bytes, Sequence[Result]], worn: Mapping[bytes, Vector]
) -> list[Result]:
    """The photos in the order that clothes give them, each by its best face with clothes."""
    placed = []
    for alone in ranked:
        chosen = replace(alone, face_score=alone.score)
        if not alone.confirmed and alone.face is not None:
            with_clothes = [_dressed(dressed, face, worn) for face in photos[alone.photo]]
            of_face = next(one for one in with_clothes if one.face == alone.face)
            # A face beyond reach takes no other's place.
            near = [one for one in with_clothes if one is of_face or (one.score or 0.0) <= dressed.reach]
            other = min(near, key=lambda one: (_score(dressed.meanwhile, one), one.face))
            best = min((of_face, other), key=lambda one: _score(dressed.moved, one))
            chosen = replace(
                best,
                score=_score(dressed.moved, best),
                plain_distance=alone.plain_distance,
                face_score=alone.score,
            )
        placed.append(chosen)
    return sorted(placed, key=lambda one: (not one.confirmed, one.score is None, one.score or 0.0))


def _dressed(dressed: Dressed, face: Result, worn: Mapping[bytes, Vector]) -> Result:
    day, mine = dressed.days.get(face.photo), dressed.clothes.get(face.face or b"")
    elsewhere = [its for photo, its in worn.items() if photo != face.photo and dressed.days.get(photo) == day]
    if day is None or mine is None or not elsewhere or (face.score or 0.0) > dressed.reach:
        return face
    alike = float(_on_grid(_unit(mine)) @ _on_grid(np.mean([_on_grid(_unit(its)) for its in elsewhere], axis=0)))
    return replace(face, clothes=dressed.log_odds(alike), clothes_photos=len(elsewhere))


def _unit(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)


def _on_grid(vector: Vector) -> Vector:
    return np.rint(vector * 2_048) / 2_048


def _score(moved: Callable[[float, float], float], face: Result) -> float:
    assert face.score is not None
    return face.score if face.clothes is None else moved(face.score, face.clothes)
