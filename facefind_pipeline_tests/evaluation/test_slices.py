"""Slices: what a face is like."""

import numpy as np
import pytest

from facefind_pipeline.evaluation.slices import turned


@pytest.mark.parametrize(
    ("nose", "expected"), [((50, 60), False), ((40, 60), False), ((20, 60), True), ((85, 60), True), ((-5, 60), True)]
)
def test_a_face_is_turned_where_the_nose_leaves_the_middle(nose: tuple[int, int], expected: bool) -> None:
    landmarks = np.array([(0, 0), (100, 0), nose, (20, 100), (80, 100)], dtype=float)
    angle = np.deg2rad(30)
    tilted = landmarks @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) + 400
    for points in (landmarks, tilted):
        assert turned(points.ravel().tolist()) is expected
