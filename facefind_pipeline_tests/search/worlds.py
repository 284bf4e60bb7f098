"""Random people, faces and feedback for the tests of the ranking; and whether results are those of brute force."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from facefind_pipeline.search.asked import Asked, DrawnBoxes, Feedback, KnownFaces
from facefind_pipeline.search.distances import Probes, on_grid
from facefind_pipeline.store.vectors import Block
from facefind_pipeline_tests.search.brute_force import Answer, Face, Result, World

DIMENSION = 16
METRICS = ("l2", "cosine")
EMBEDDERS = ("a", "b")
TOLERANCE = 1e-5
NAMES = ("ada", "bob", "cleo", "dora", "eve", "finn")


def random_world(seed: int, metric: str, dimension: int = DIMENSION) -> World:
    """A few people of whom some look alike or are the same, in photos with up to four faces; vectors that recur."""
    random = np.random.default_rng(seed)
    between, within = 1.2 / np.sqrt(dimension), 0.24 / np.sqrt(dimension)
    everyone = NAMES[: random.integers(1, len(NAMES) + 1)]
    embedders = EMBEDDERS[: random.integers(1, 3)]
    centres = {name: random.normal(0, between, dimension) for name in everyone}
    if len(everyone) > 2:  # two are twins, and may have the same reference
        centres["bob"] = centres["ada"] + random.choice([0.0, 0.02])

    def of(name: str) -> np.ndarray:
        return np.float32(centres[name] + random.normal(0, within, dimension)).astype(np.float64)

    references = {
        name: [(str(random.choice(embedders)), of(name)) for _ in range(random.integers(1, 4))] for name in everyone
    }
    if len(everyone) > 2 and seed % 3 == 0:
        references["bob"] = references["ada"]
    found: list[Face] = []
    for number in range(random.integers(1, 30)):
        photo = hashlib.sha256(f"{seed} {number}".encode()).digest()
        for face in range(random.integers(0, 5)):
            stranger = np.float32(random.normal(0, between, dimension)).astype(np.float64)
            vector = stranger if random.random() < 0.3 else of(str(random.choice(everyone)))
            if found and random.random() < 0.15:
                vector = found[random.integers(len(found))].vector
            if seed % 5 == 0 and random.random() < 0.1:
                vector = references[everyone[0]][0][1]
            key = hashlib.sha256(photo + bytes([face])).digest()[:16]
            found.append(Face(photo, key, str(random.choice(embedders)), vector))
    confirmed, rejected, drawn = {}, set(), {}
    for name in everyone:
        for photo in sorted({face.photo for face in found}):
            faces_of = [face for face in found if face.photo == photo]
            kind = random.random()
            if kind < 0.05 and seed % 5:
                confirmed[name, photo] = [faces_of[random.integers(len(faces_of))]]
            elif kind < 0.1:
                rejected.add((name, photo))
            elif kind < 0.13:
                drawn[name, photo] = (random.choice([0, 1]) and (str(random.choice(embedders)), of(name))) or None
    # Where a face is a reference, templates are made of nothing else: from the middle of two vectors both are equally
    # far, but for what is rounded, and either may be first.
    sure = random.choice([None, 0.3, 0.45]) if seed % 5 else None
    return World(metric, sure, found, references, confirmed, frozenset(rejected), drawn)


def asked_of(world: World) -> Asked:
    """Whom a world asks for, as a search reads it from tables."""
    names = sorted(world.references)
    members = [(by, names.index(n), made, True) for n in names for by, made in world.references[n]]
    members += [
        (face.embedder, names.index(n), face.vector, False) for (n, _), them in world.confirmed.items() for face in them
    ]
    members.sort(key=lambda member: member[:2])

    def probes(chosen: Sequence[tuple[str, int, np.ndarray, bool]]) -> Probes:
        return Probes(
            on_grid(np.array([vector for _, _, vector, _ in chosen]), world.metric),
            np.zeros(len(chosen)),
            np.array([person for _, person, *_ in chosen]),
            np.array([EMBEDDERS.index(by) + 1 for by, *_ in chosen]),
        )

    feedback: dict[bytes, list[Feedback]] = {}
    kinds = ((world.confirmed, True, False), (world.rejected, False, False), (world.drawn, True, True))
    for pairs, shown, by_hand in kinds:
        for name, photo in pairs:
            feedback.setdefault(photo, []).append(Feedback(names.index(name), shown, by_hand))
    drawn = sorted(world.drawn.items(), key=lambda one: one[0][1])
    vectors = np.array([made[1] if made else np.ones(DIMENSION) for _, made in drawn]).reshape(-1, DIMENSION)
    boxes = DrawnBoxes(
        [photo for (_, photo), _ in drawn],
        np.array([names.index(name) for (name, _), _ in drawn], dtype=np.int64),
        on_grid(vectors, world.metric),
        np.array([EMBEDDERS.index(made[0]) + 1 if made else 0 for _, made in drawn], dtype=np.int64),
    )
    references = [member for member in members if member[3]]
    found = [(names.index(name), face) for (name, _), faces in world.confirmed.items() for face in faces]
    confirmed = KnownFaces(
        np.array([person for person, _ in found], np.int64),
        np.array([face.photo for _, face in found], "V32"),
        np.array([face.key for _, face in found], "V16"),
    )
    return Asked(names, EMBEDDERS, probes(references), probes(members), feedback, boxes, confirmed)


def blocks_of(world: World, photos_a_block: int) -> list[Block]:
    """The faces of a world, as a search reads them."""
    by_photo: dict[bytes, list[Face]] = {}
    for face in sorted(world.faces, key=lambda face: (face.photo, face.key)):
        by_photo.setdefault(face.photo, []).append(face)
    keys = list(by_photo)
    blocks = []
    for start in range(0, len(keys), photos_a_block):
        some = keys[start : start + photos_a_block]
        found = [face for photo in some for face in by_photo[photo]]
        sizes = [len(by_photo[photo]) for photo in some]
        blocks.append(
            Block(
                np.array(some, "V32"),
                np.cumsum([0, *sizes[:-1]]),
                np.array([face.key for face in found], "V16"),
                np.array([EMBEDDERS.index(face.embedder) + 1 for face in found]),
                np.array([face.vector for face in found]),
            )
        )
    return blocks


def check(found: Mapping[str, Sequence[Result]], expected: Answer) -> None:
    """Fails unless results are the expected ones, numbers within `TOLERANCE`."""
    assert found.keys() == expected.results.keys()
    for name, theirs in expected.results.items():
        assert [(one.photo, one.face, one.confirmed, one.rival) for one in found[name]] == [
            (one.photo, one.face, one.confirmed, one.rival) for one in theirs
        ]
        for one, other in zip(found[name], theirs, strict=True):
            assert one.clothes_photos == other.clothes_photos
            for measure in ("score", "distance", "plain_distance", "rival_distance", "face_score"):
                assert getattr(one, measure) == pytest.approx(getattr(other, measure), abs=TOLERANCE), measure
