"""The ranking against brute force: random people, faces and feedback."""

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest

from facefind_pipeline.search import rank
from facefind_pipeline.search.asked import Asked, DrawnBoxes, Feedback
from facefind_pipeline.search.distances import GRID, Faces, Probes, in_metric, nearest_squares, on_grid
from facefind_pipeline.search.histogram import EDGES
from facefind_pipeline.search.templates import make_templates, sure_faces
from facefind_pipeline.store.vectors import Block
from facefind_pipeline_tests.search.brute_force import Face, Result, World, brute_force
from facefind_pipeline_tests.search.worlds import DIMENSION, EMBEDDERS, METRICS, check, random_world


def _asked(world: World) -> Asked:
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
    return Asked(names, EMBEDDERS, probes(references), probes(members), feedback, boxes)


def _blocks(world: World, photos_a_block: int) -> list[Block]:
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


def _ranked(world: World, photos_a_block: int) -> tuple[rank.Ranked, Mapping[str, int]]:
    asked, blocks = _asked(world), Faces(_blocks(world, photos_a_block), world.metric)
    templates = make_templates(asked, blocks, world.sure)
    return rank.rank(asked, blocks, templates.probes), sure_faces(asked, templates)


def _results(names: Sequence[str], rows: rank.Rows) -> dict[str, list[Result]]:
    made: dict[str, list[Result]] = {name: [] for name in names}
    for (
        person,
        confirmed,
        score,
        distance,
        to_reference,
        rival,
        rival_distance,
        photo,
        key,
        by_hand,
        *_,
    ) in rows.tolist():
        *numbers, away = (None if np.isnan(one) else one for one in (score, distance, to_reference, rival_distance))
        rival_name = None if rival == rank.NOBODY else names[rival]
        made[names[person]].append(Result(photo, None if by_hand else key, confirmed, *numbers, rival_name, away))
    return made


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kept", [1_000, 6])
def test_results_are_those_of_brute_force(monkeypatch: pytest.MonkeyPatch, metric: str, kept: int) -> None:
    monkeypatch.setattr(rank, "KEPT", kept)
    joined = rivals = ties = 0
    for seed in range(150):
        world = random_world(seed, metric)
        expected = brute_force(world, kept)
        found, sure = _ranked(world, photos_a_block=1 + seed % 9)
        check(_results(sorted(world.references), found.rows), expected)
        assert sure == expected.sure, seed
        joined += sum(sure.values())
        shown = [one for theirs in expected.results.values() for one in theirs]
        rivals += sum(one.rival is not None for one in shown)
        ties += len(shown) - len({(one.score, one.rival, one.distance) for one in shown})
    assert min(joined, rivals, ties) > 100  # the worlds have what they are meant to have


def test_the_calibration_learns_from_all_that_was_compared() -> None:
    for seed in range(30):
        world = random_world(seed, METRICS[seed % 2])
        expected = brute_force(world, kept=10)
        found, _ = _ranked(world, photos_a_block=4)
        for histogram, numbers in ((found.scores, expected.scores), (found.distances, expected.to_reference)):
            counts, _ = np.histogram(np.log(np.maximum(numbers, 1e-9)).clip(-11.99, 7.99), EDGES)
            assert histogram.counts.sum() == len(numbers)
            # A distance at an edge of two bins may fall on either side.
            assert np.abs(np.cumsum(histogram.counts - counts)).max() <= 1
        assert found.faces == len(expected.scores) // max(1, sum(map(bool, expected.results.values())))


@pytest.mark.parametrize("metric", METRICS)
def test_neither_blocks_nor_their_order_of_summing_change_a_result(metric: str) -> None:
    for seed in range(20):
        world = random_world(seed, metric)
        (one, _), (other, _) = _ranked(world, photos_a_block=1), _ranked(world, photos_a_block=1_000)
        for name in set(rank.ROW.names or ()) - {"score"}:  # which depends on a mean of all
            assert one.rows[name].tobytes() == other.rows[name].tobytes(), name
        np.testing.assert_allclose(one.rows["score"], other.rows["score"], rtol=1e-12)


def test_faces_that_are_nearly_a_reference_are_as_far_as_they_are() -> None:
    # |a|^2 + |b|^2 - 2ab in 32 bits gives distances of up to .0005 here, and of 0.
    random = np.random.default_rng(1)
    reference = random.normal(0, 0.12, 128)
    away = 10.0 ** -np.arange(1, 7)
    near = reference + away[:, None] * np.eye(128)[:6]
    probes = Probes(on_grid(reference[None], "l2"), np.zeros(1), np.zeros(1, np.int64), np.ones(1, np.int64))
    squares = nearest_squares(on_grid(near, "l2"), np.ones(6, np.int64), probes, 1)
    np.testing.assert_allclose(in_metric(squares, "l2")[:, 0], away, atol=2 / GRID)
    same = nearest_squares(on_grid(reference[None], "l2"), np.ones(1, np.int64), probes, 1)
    assert same.item() == 0


def test_memory_does_not_grow_with_the_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank, "KEPT", 20)
    people_asked, faces_a_block = 30, 200
    random = np.random.default_rng(2)
    references = {f"person-{number:02}": [("a", random.normal(0, 0.3, DIMENSION))] for number in range(people_asked)}
    asked = _asked(World("l2", None, [], references))

    class Endless:
        def __init__(self, blocks: int) -> None:
            self.blocks = blocks

        def __iter__(self) -> Iterator[Block]:
            for number in range(self.blocks):
                made = np.random.default_rng([3, number])
                photos_of = np.sort(np.array([made.bytes(32) for _ in range(faces_a_block)], "S32")).astype("V32")
                keys = np.array([made.bytes(16) for _ in range(faces_a_block)], "V16")
                vectors = made.normal(0, 0.3, (faces_a_block, DIMENSION))
                yield Block(photos_of, np.arange(faces_a_block), keys, np.ones(faces_a_block, np.int64), vectors)

    def peak(blocks: int) -> int:
        endless = Faces(Endless(blocks), "l2")
        templates = make_templates(asked, endless, 0.5)
        tracemalloc.start()
        rank.rank(asked, endless, templates.probes)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(40) < 1.1 * peak(8)
