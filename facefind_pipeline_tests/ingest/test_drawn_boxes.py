"""Boxes that people draw: how they are given, and whether one is around a face that was found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.drawn_boxes import overlap, parse_box, same_face

boxes = st.tuples(*[st.integers(0, 500)] * 2, *[st.integers(1, 200)] * 2)


def test_a_box_is_four_whole_numbers() -> None:
    assert parse_box("120,80, 60,61") == (120, 80, 60, 61)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4", "", "-1,2,3,4", "1,2,0,4", "1,2,3,-4"])
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(FacefindError, match=f"--box {text}: "):
        parse_box(text)


@given(boxes, boxes)
def test_the_overlap_is_that_of_the_pixels(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> None:
    def pixels(box: tuple[int, int, int, int]) -> set[tuple[int, int]]:
        return {(x, y) for x in range(box[0], box[0] + box[2]) for y in range(box[1], box[1] + box[3])}

    first, second = pixels(one), pixels(other)
    assert overlap(one, other) == pytest.approx(len(first & second) / len(first | second))
    assert overlap(one, one) == 1


def test_a_box_means_the_face_that_it_covers_by_half() -> None:
    faces = [(0, 0, 100, 100), (200, 0, 100, 100)]
    assert same_face((205, 5, 100, 100), faces) == (200, 0, 100, 100)
    assert same_face((200, 0, 100, 200), faces) == (200, 0, 100, 100)  # exactly half
    assert same_face((200, 0, 100, 201), faces) is None
    assert same_face((100, 0, 100, 100), faces) is None
    assert same_face((0, 0, 9, 9), []) is None
