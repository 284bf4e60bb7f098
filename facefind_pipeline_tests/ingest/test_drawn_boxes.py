"""Boxes that people draw: how they are given, and whether one is around a face that was found."""

import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box
from facefind_pipeline.ingest.drawn_boxes import parse_box, same_face


def test_a_box_is_four_whole_numbers() -> None:
    assert parse_box("120,80, 60,61") == (120, 80, 60, 61)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4", "", "-1,2,3,4", "1,2,0,4", "1,2,3,-4"])
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(FacefindError, match=f"--box {text}: "):
        parse_box(text)


def test_a_box_means_the_face_that_it_covers_by_half() -> None:
    faces = [Box(0, 0, 100, 100), Box(200, 0, 100, 100)]
    assert same_face(Box(205, 5, 100, 100), faces) == Box(200, 0, 100, 100)
    assert same_face(Box(200, 0, 100, 200), faces) == Box(200, 0, 100, 100)  # exactly half
    assert same_face(Box(200, 0, 100, 201), faces) is None
    assert same_face(Box(100, 0, 100, 100), faces) is None
    assert same_face(Box(0, 0, 9, 9), []) is None
