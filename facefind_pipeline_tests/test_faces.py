"""Boxes against their pixels."""

from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.faces import Box

SIDES = st.integers(1, 50)
BOXES = st.builds(Box, st.integers(-50, 50), st.integers(-50, 50), SIDES, SIDES)


@given(BOXES, BOXES)
def test_iou_is_the_share_of_pixels_that_both_have(a: Box, b: Box) -> None:
    def pixels(box: Box) -> set[tuple[int, int]]:
        return {(i, j) for i in range(box.x, box.x + box.w) for j in range(box.y, box.y + box.h)}

    both, either = pixels(a) & pixels(b), pixels(a) | pixels(b)
    assert a.iou(b) == b.iou(a) == len(both) / len(either)
    assert a.iou(a) == 1
