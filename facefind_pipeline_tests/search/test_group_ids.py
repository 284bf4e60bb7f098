"""Ids of groups follow from their faces, and stay with most of these."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.search.group_ids import group_ids

FACES = [hashlib.sha256(bytes([number])).digest()[:16] for number in range(40)]
memberships = st.lists(st.integers(0, 5), min_size=len(FACES), max_size=len(FACES))


def grouped(membership: list[int], count: int = len(FACES)) -> list[list[bytes]]:
    groups: dict[int, list[bytes]] = {}
    for face, group in zip(FACES[:count], membership, strict=False):
        groups.setdefault(group, []).append(face)
    return list(groups.values())


def held(groups: list[list[bytes]], ids: list[str]) -> dict[bytes, str]:
    return {face: id_ for faces, id_ in zip(groups, ids, strict=True) for face in faces}


@given(memberships, st.randoms(use_true_random=False))
def test_the_same_faces_have_the_same_ids_in_any_order(membership: list[int], order: object) -> None:
    groups = grouped(membership)
    turned = [list(faces) for faces in groups]
    order.shuffle(turned)  # type: ignore[attr-defined]
    for faces in turned:
        order.shuffle(faces)  # type: ignore[attr-defined]
    assert held(turned, group_ids(turned, {}, {})) == held(groups, group_ids(groups, {}, {}))


@given(memberships)
def test_new_faces_change_no_id(membership: list[int]) -> None:
    before = grouped(membership, 20)
    ids = held(before, group_ids(before, {}, {}))
    after = grouped(membership)
    now = held(after, group_ids(after, ids, {}))
    assert {face: now[face] for face in ids} == ids


@given(memberships, memberships)
def test_no_two_groups_have_one_id(one: list[int], other: list[int]) -> None:
    before = grouped(one)
    after = grouped(other)
    ids = group_ids(after, held(before, group_ids(before, {}, {})), {})
    assert len(set(ids)) == len(ids)


def test_of_groups_that_become_one_the_larger_keeps_its_id_and_a_part_that_leaves_gets_a_new_one() -> None:
    large, small = FACES[:3], FACES[3:5]
    ids = group_ids([large, small], {}, {})
    before = held([large, small], ids)
    assert group_ids([[*small, *large]], before, {}) == [ids[0]]
    first, second = group_ids([large[:2], large[2:]], held([large], ids[:1]), {})
    assert first == ids[0]
    assert second not in ids


def test_the_id_of_a_named_group_stays_theirs_however_many_faces_leave() -> None:
    hers, wrong = FACES[:2], FACES[2:6]
    before = held([[*hers, *wrong]], ["gada"])
    assert group_ids([wrong, hers], before, {"gada": 1})[1] == "gada"
    assert group_ids([wrong, hers], before, {})[0] == "gada"
    assert group_ids([wrong, FACES[6:]], before, {"gada": 1})[0] == "gada"  # none of its faces is hers any more
    joined = {**before, **held([FACES[6:]], ["glarge"])}
    assert group_ids([FACES], joined, {"gada": 0}) == ["glarge"]
