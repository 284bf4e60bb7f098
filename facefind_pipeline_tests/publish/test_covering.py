"""What is covered of a photo, and what is not."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.publish import covering
from facefind_pipeline.publish.covering import (
    BAND,
    BLOCKS,
    FACE,
    HEAD,
    SAMPLES,
    Head,
    cover_heads,
    covering_bytes,
    on_one_face,
)

sides = st.floats(4, 120)
places = st.floats(-60, 260)
heads = st.builds(Head, places, places, sides, sides, st.booleans())


def noise(height: int = 220, width: int = 200) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def inside(head: Head, shape: tuple[int, ...], share: float = 1.0) -> np.ndarray:
    """(h, w), True where a pixel's middle lies in so much of the head's ellipse."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    across = (columns - head.x - head.w / 2) / (HEAD[0] * head.w * share)
    down = (rows - head.y - head.h / 2) / (HEAD[1] * head.h * share)
    return across**2 + down**2 < 1


@given(st.lists(heads, max_size=4))
def test_only_heads_are_covered_wherever_they_lie(others: list[Head]) -> None:
    before = noise()
    after = before.copy()
    cover_heads(after, others, [])
    changed = (before != after).any(axis=2)
    grown = np.zeros(changed.shape, bool)
    for head in others:
        margin = 2 / (min(HEAD) * min(head.w, head.h))  # two pixels, where the ellipse is drawn
        grown |= inside(head, changed.shape, 1 + margin)
    assert not (changed & ~grown).any()


@given(st.builds(Head, st.floats(20, 100), st.floats(20, 100), st.floats(24, 80), st.floats(24, 80)))
def test_a_head_keeps_few_colours_that_change_slowly(head: Head) -> None:
    pixels = noise()
    cover_heads(pixels, [head], [])
    core = inside(head, pixels.shape, 0.9)
    steps = np.abs(np.diff(pixels.astype(int), axis=1)).max(axis=2)[core[:, 1:] & core[:, :-1]]
    assert steps.max() < 255 / (min(head.w, head.h) / 12)  # before, neighbours differed by up to 255


def test_nothing_of_a_face_but_means_decides_what_covers_it() -> None:
    head = Head(50, 50, 80, 100)
    step = int(2 * HEAD[0] * 80) // (SAMPLES * BLOCKS)
    one = noise()
    other = one.copy()
    other[1::step, 1::step] = 0  # whatever lies between the samples
    assert step > 2
    for pixels in (one, other):
        cover_heads(pixels, [head], [])
    core = inside(head, one.shape, 0.95)
    assert np.mean((one[core].astype(int) - other[core]) ** 2) < 9


@given(heads, heads)
def test_a_doubtful_head_takes_nothing_of_a_face_that_is_shown(other: Head, shown: Head) -> None:
    before = noise()
    after = before.copy()
    cover_heads(after, [other._replace(sure=False)], [shown])
    face = inside(shown, before.shape, FACE * 0.99)
    assert (before[face] == after[face]).all()


def test_two_faces_that_overlap_share_at_the_middle() -> None:
    pixels = np.full((200, 200, 3), 200, np.uint8)
    pixels[:, ::2] = 0
    before = pixels.copy()
    shown, other = Head(40, 60, 60, 80), Head(90, 60, 60, 80)
    cover_heads(pixels, [other], [shown])
    changed = (pixels != before).any(axis=2)
    assert not changed[100, 45:94].any()
    assert changed[100, 97:145].all()


def test_a_head_that_fills_a_large_photo_takes_no_more_than_is_asked_for() -> None:
    pixels = np.zeros((3000, 4000, 3), np.uint8)
    shown = [Head(100, 100, 2000, 2000), Head(2000, 100, 1900, 2500)]
    tracemalloc.start()
    try:
        cover_heads(pixels, [Head(200, 200, 3600, 2600), *(head._replace(x=head.x + 300) for head in shown)], shown)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= covering_bytes((4000, 3000)) == 4 * 12_000_000 + 24 * BAND


@given(st.lists(heads, min_size=1, max_size=3), st.lists(heads, min_size=1, max_size=2))
def test_heads_are_covered_the_same_however_many_rows_are_taken_at_a_time(
    others: list[Head], shown: list[Head]
) -> None:
    whole, in_parts = noise(), noise()
    cover_heads(whole, others, shown)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(covering, "BAND", 1_000)
        cover_heads(in_parts, others, shown)
    assert (whole == in_parts).all()


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ((12, 8, 40, 52), True),  # another detector's box
        ((48, 10, 40, 50), False),  # a neighbour's
        ((30, 40, 10, 12), False),  # a child's, before the chin
        ((-100, -60, 200, 240), False),  # something large beside it
    ],
)
def test_boxes_of_one_face_have_each_others_middle(other: tuple[int, ...], same: bool) -> None:
    assert on_one_face((10, 10, 40, 50), other) is same
    assert on_one_face(other, (10, 10, 40, 50)) is same
