"""Faces put into groups, from vectors to labels: in any order, by their own event's distances, and how good that is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.groups import bcubed
from facefind_pipeline.search.crowding import LEAST_PEOPLE, crowding
from facefind_pipeline.search.distances import on_grid
from facefind_pipeline.search.grouping import SMALLEST, SetFaces, group, pairs_of_one_photo
from facefind_pipeline.search.priors import DLIB
from facefind_pipeline.search.said_groups import Said
from facefind_pipeline.search.within import even_within
from facefind_pipeline_tests.search.guests import Guests, as_sets, guests


def faces_of(event: Guests, order: np.ndarray | None = None, side: int = 60) -> SetFaces:
    """The faces of an event's photos, the photos in another order."""
    photos = event.photos if order is None else np.argsort(order)[event.photos]
    places = np.argsort(photos, kind="stable")
    count = len(places)
    boxes = np.column_stack([100 * np.arange(count), np.zeros((count, 1)), np.full((count, 2), side)]).astype(np.int64)
    scores = np.abs(event.vectors[places, 0])  # each face's own, whatever its place
    return SetFaces(photos[places], event.vectors[places], boxes, scores)


def test_bcubed_is_the_mean_over_faces() -> None:
    precision, recall = bcubed(np.array([0, 0, 0, 1, 1]), ["a", "a", "b", "b", "b"])
    assert precision == pytest.approx(np.mean([2 / 3, 2 / 3, 1 / 3, 1, 1]))
    assert recall == pytest.approx(np.mean([1, 1, 1 / 3, 2 / 3, 2 / 3]))


def test_guests_are_told_apart_from_each_other_and_from_strangers() -> None:
    event = guests(5, people=20, each=12, strangers=120)
    faces = faces_of(event)
    people = event.people[np.argsort(event.photos, kind="stable")]
    precision, recall = bcubed(group(faces, Said(), DLIB, "l2"), people.astype(str).tolist())
    assert precision > 0.95
    assert recall > 0.9


@settings(max_examples=10)
@given(seed=st.integers(0, 100), shuffled=st.integers(0, 100))
def test_the_same_photos_give_the_same_groups_in_any_order(seed: int, shuffled: int) -> None:
    event = guests(seed, people=6, each=8, strangers=40)
    order = np.random.default_rng(shuffled).permutation(event.photos.max() + 1)

    def found(order: np.ndarray | None) -> set[frozenset[bytes]]:
        faces = faces_of(event, order)
        groups = as_sets(group(faces, Said(), DLIB, "l2"))
        return {frozenset(faces.vectors[face].tobytes() for face in one) for one in groups}

    assert found(order) == found(None)


def test_small_faces_are_alone_unless_somebody_said_so() -> None:
    event = guests(1, people=4, each=6, strangers=0)
    small = faces_of(event, side=SMALLEST - 1)
    count = len(event.people)
    assert len(np.unique(group(small, Said(), DLIB, "l2"))) == count
    assert len(np.unique(group(small, Said([np.array([0, 5])]), DLIB, "l2"))) == count - 1


def test_too_few_faces_of_an_unknown_embedder_are_alone_unless_somebody_said_so() -> None:
    few = faces_of(guests(1, people=2, each=4, strangers=0))
    assert len(np.unique(group(few, Said(), None, "l2"))) == 8
    assert len(np.unique(group(few, Said([np.array([0, 5, 6])]), None, "l2"))) == 6


def test_pairs_of_one_photo_are_neither_one_face_found_twice_nor_unsure() -> None:
    boxes = np.array([[0, 0, 50, 50], [10, 10, 50, 50], [200, 0, 50, 50], [400, 0, 50, 50], [0, 0, 50, 50]])
    scores = np.array([0.9, 0.8, 0.7, 0.1, 0.6])  # the last but one is of the third that is least sure
    faces = SetFaces(np.array([0, 0, 0, 0, 1]), np.zeros((5, 2)), boxes, scores)
    assert pairs_of_one_photo(faces).tolist() == [[0, 2], [1, 2]]


def test_a_face_in_a_crowd_of_alike_ones_is_told_by_nearer_distances() -> None:
    random = np.random.default_rng(0)
    far = random.normal(0, 0.5, (2 * LEAST_PEOPLE, 8))
    crowd = far[0] + random.normal(0, 0.05, (LEAST_PEOPLE, 8))
    vectors = np.concatenate([far, crowd])
    sample = np.arange(len(vectors))
    shifts = crowding(vectors, sample, sample, "l2")
    assert shifts[len(far) :].max() < shifts[1 : len(far)].min()
    assert abs(shifts.mean()) < 1e-12
    assert not crowding(vectors[:50], sample[:50], sample[:50], "l2").any()  # too few people to say anything


def test_directions_in_which_one_person_varies_count_less() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(60), 4)
    varying = np.array([1.0, 0.1, 0.1, 0.1])
    vectors = random.normal(0, 1, (60, 4))[labels] + random.normal(0, 1, (240, 4)) * varying
    weighted = even_within(vectors, labels)
    scale = np.linalg.norm(even_within(np.vstack([vectors, np.eye(4)]), labels)[-4:], axis=1)
    assert scale[0] < 1 < scale[1:].min()
    assert np.allclose(weighted, even_within(vectors, labels))
    assert even_within(vectors[:8], labels[:8]) is not weighted
    assert np.array_equal(even_within(vectors[:8], labels[:8]), vectors[:8])  # too few to learn from


@pytest.mark.parametrize("copies", [7, 8])  # a seventh is rounded, an eighth is not
def test_nothing_is_learnt_of_groups_that_are_all_copies_of_one_picture(copies: int) -> None:
    pictures = on_grid(np.random.default_rng(0).normal(0, 0.1, (20, 32)), "l2")
    vectors, labels = (np.repeat(rows, copies, axis=0) for rows in (pictures, np.arange(len(pictures))))
    assert np.array_equal(even_within(vectors, labels), vectors)
    boxes = np.tile(np.array([0, 0, 60, 60]), (len(vectors), 1))
    found = group(SetFaces(np.arange(len(vectors)), vectors, boxes, np.ones(len(vectors))), Said(), DLIB, "l2")
    assert np.array_equal(found, copies * labels)
