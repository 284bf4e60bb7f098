"""The ranking against brute force: random people, faces and feedback."""

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pytest

from facefind_pipeline.search import rank
from facefind_pipeline.search.distances import GRID, Faces, Probes, in_metric, nearest_squares, on_grid
from facefind_pipeline.search.histogram import EDGES
from facefind_pipeline.search.templates import make_templates, sure_faces
from facefind_pipeline.store.vectors import Block
from facefind_pipeline_tests.search.brute_force import Result, World, brute_force
from facefind_pipeline_tests.search.worlds import DIMENSION, METRICS, asked_of, blocks_of, check, random_world


def _ranked(world: World, photos_a_block: int) -> tuple[rank.Ranked, Mapping[str, int]]:
    asked, blocks = asked_of(world), Faces(blocks_of(world, photos_a_block), world.metric)
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
    asked = asked_of(World("l2", None, [], references))

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
