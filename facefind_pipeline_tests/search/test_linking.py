"""Linking along pairs that tell something against all pairs, in any order; and what is known of faces beside them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facefind_pipeline.search.linking import Known, link
from facefind_pipeline.search.neighbours import neighbours
from facefind_pipeline_tests.search.guests import EVIDENCE, Guests, as_sets, brute_force, guests


def linked(event: Guests, shifts: np.ndarray | None = None, **known: object) -> list[frozenset[int]]:
    made = np.zeros(len(event.people)) if shifts is None else shifts
    pairs = neighbours(event.vectors, made, "l2", EVIDENCE)
    return as_sets(link(pairs, Known(event.photos, **known), EVIDENCE))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(6))
def test_groups_are_those_of_all_pairs(seed: int) -> None:
    event = guests(seed, people=6, each=7, strangers=20)
    shifts = np.random.default_rng(seed).normal(0, 0.03, len(event.people))
    found = linked(event, shifts)
    assert found == brute_force(event, EVIDENCE, shifts)
    assert 6 < len(found) < len(event.people)  # some are together, some are not


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_those_of_all_pairs_with_what_people_said(seed: int) -> None:
    event = guests(seed, people=6, each=7, strangers=20)
    random = np.random.default_rng(seed)
    together = [random.choice(len(event.people), 3, replace=False) for _ in range(3)]
    first, second = np.array_split(random.permutation(len(event.people)), 2)
    apart = [(first[:8], second[:8])]
    together = [faces for faces in together if not (set(faces) & set(first[:8]) and set(faces) & set(second[:8]))]
    nothing = np.zeros(len(event.people))
    assert linked(event, together=together, apart=apart) == brute_force(event, EVIDENCE, nothing, together, apart)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), order=st.randoms(use_true_random=False))
def test_the_same_faces_give_the_same_groups_in_any_order(seed: int, order: object) -> None:
    event = guests(seed, people=5, each=6, strangers=10)
    places = list(range(len(event.people)))
    order.shuffle(places)  # type: ignore[attr-defined]
    turned = Guests(event.people[places], event.photos[places], event.vectors[places])
    expected = {frozenset(group) for group in linked(event)}
    assert {frozenset(places[face] for face in group) for group in linked(turned)} == expected


def test_two_faces_of_one_photo_are_never_one_person() -> None:
    vectors = np.zeros((6, 32))
    vectors[:, 0] = np.arange(6) / 1000
    event = Guests(np.zeros(6, np.int64), np.array([0, 0, 1, 1, 2, 2]), vectors)
    found = linked(event)
    assert [len(group) for group in found] == [3, 3]
    assert all(len({event.photos[face] for face in group}) == 3 for group in found)


def test_what_people_said_holds_against_distance() -> None:
    event = guests(1, people=2, each=4, strangers=0, within=0.05)
    ada, bob = (np.flatnonzero(event.people == person) for person in (0, 1))
    assert linked(event) == sorted([frozenset(ada.tolist()), frozenset(bob.tolist())], key=min)
    assert len(linked(event, together=[np.array([ada[0], bob[0]])])) <= 2
    parted = linked(event, apart=[(ada[:2], ada[2:])])
    assert {frozenset(ada[:2].tolist()), frozenset(ada[2:].tolist())} <= set(parted)
