"""Random people, faces and feedback for the tests of the ranking; and whether results are those of brute force."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

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
        for photo in {face.photo for face in found}:
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


def check(found: Mapping[str, Sequence[Result]], expected: Answer) -> None:
    """Fails unless results are the expected ones, numbers within `TOLERANCE`."""
    assert found.keys() == expected.results.keys()
    for name, theirs in expected.results.items():
        assert [(one.photo, one.face, one.confirmed, one.rival) for one in found[name]] == [
            (one.photo, one.face, one.confirmed, one.rival) for one in theirs
        ]
        for one, other in zip(found[name], theirs, strict=True):
            for measure in ("score", "distance", "plain_distance", "rival_distance"):
                assert getattr(one, measure) == pytest.approx(getattr(other, measure), abs=TOLERANCE), measure
