"""The one picture of many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facefind_pipeline.publish.collage import GAP, MOST, SHAPE, WIDTH, collage

COLOURS = [(10 + 20 * number, 255 - 20 * number, 120) for number in range(MOST)]


def photos(sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    return [np.full((height, width, 3), COLOURS[n], np.uint8) for n, (width, height) in enumerate(sizes)]


@settings(max_examples=10)
@given(st.lists(st.tuples(st.integers(200, 600), st.integers(200, 600)), min_size=1, max_size=MOST))
def test_every_photo_is_in_it_whole_and_in_order(sizes: list[tuple[int, int]]) -> None:
    made = collage(photos(sizes))
    assert made.shape[1] == WIDTH
    firsts = []
    for number, (width, height) in enumerate(sizes):
        rows, columns = np.nonzero((made == COLOURS[number]).all(axis=2))
        wide, high = columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min()
        assert wide * high == len(rows)  # nothing lies over it
        assert wide / high == pytest.approx(width / height, rel=0.05)
        firsts.append((rows.min(), columns.min()))
    assert firsts == sorted(firsts)


def test_many_photos_come_near_to_a_phones_screen() -> None:
    made = collage(photos([(600, 400)] * MOST))
    assert made.shape[0] / made.shape[1] == pytest.approx(SHAPE, rel=0.35)
    assert (made[:GAP] == 255).all()
