"""Clothes: the same shirt is near in any light and pose, another one far, and what is not visible has no descriptor."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.faces import Box, Face
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.clothes import LENGTH, describe

RED, GREEN, NAVY, GREY, WHITE = (190, 40, 45), (40, 140, 70), (30, 40, 90), (120, 120, 120), (235, 235, 235)
HEAD = 40  # pixels
Colour = tuple[int, int, int]
Place = tuple[int, int]


def photo(shirt: Colour, trousers: Colour, *, at: Place = (150, 40), seed: int = 0, light: float = 1.0) -> Image:
    """A person with the head at a place, in front of noise that differs with the seed."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(60, 200, (300, 340, 3)).astype(np.float64)
    x, y = at
    pixels[y : y + HEAD, x : x + HEAD] = (220, 180, 150)
    chest, hips, feet = (round(y + HEAD * down) for down in (1.2, 2.9, 4.2))
    pixels[chest:hips, x - 15 : x + HEAD + 15] = shirt
    pixels[hips:feet, x - 15 : x + HEAD + 15] = trousers
    pixels += rng.normal(0, 8, pixels.shape)
    return np.clip(pixels * light, 0, 255).astype(np.uint8)


def face(at: Place = (150, 40)) -> Face:
    return Face(Box(*at, HEAD, HEAD), 1.0)


def similarity(first: bytes | None, second: bytes | None) -> float:
    assert first is not None
    assert second is not None
    a, b = (np.frombuffer(one, np.uint8).astype(np.float64) for one in (first, second))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def described(pixels: Image, one: Face) -> bytes | None:
    (descriptor,) = describe(pixels, [one])
    return descriptor


@pytest.mark.parametrize("light", [0.8, 1.0, 1.2])
@pytest.mark.parametrize("other", [(GREEN, NAVY), (GREY, NAVY), (NAVY, RED), (RED, WHITE)])
def test_the_same_clothes_are_nearer_than_others_in_any_light(other: tuple[Colour, Colour], light: float) -> None:
    mine = described(photo(RED, NAVY), face())
    again = described(photo(RED, NAVY, at=(200, 60), seed=1, light=light), face((200, 60)))
    theirs = described(photo(*other, seed=2), face())
    assert similarity(mine, again) > 0.8
    assert similarity(mine, again) > similarity(mine, theirs) + 0.1


def test_light_that_moves_grey_over_a_border_of_bins_changes_little() -> None:
    pixels = [photo(GREY, GREY, light=light) for light in np.linspace(0.8, 1.2, 9)]
    found = [described(one, face()) for one in pixels]
    assert min(similarity(one, after) for one, after in pairwise(found)) > 0.9


def test_a_shirt_above_trousers_is_not_trousers_above_a_shirt() -> None:
    upright, swapped = (described(photo(*colours), face()) for colours in ((RED, NAVY), (NAVY, RED)))
    assert similarity(upright, swapped) < 0.8


def test_no_body_is_visible_below_a_head_at_the_lower_border() -> None:
    pixels = photo(RED, NAVY)
    bottom = pixels.shape[0] - HEAD
    descriptors = describe(pixels, [face(), face((150, bottom)), face((20, bottom - HEAD // 2))])
    assert [descriptor is None for descriptor in descriptors] == [False, True, True]


def test_half_a_body_is_near_the_whole_of_it() -> None:
    whole = photo(RED, RED)
    half = whole[: 40 + round(2.3 * HEAD)]
    assert similarity(described(whole, face()), described(half, face())) > 0.95


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_the_body_of_a_face_that_lies_is_where_its_chin_points(turn: int) -> None:
    pixels = photo(RED, NAVY)
    x, y = 150.0, 40.0
    points = [(x + 10, y + 15), (x + 30, y + 15), (x + 20, y + 24), (x + 12, y + 32), (x + 28, y + 32)]
    corners = [(x, y), (x + HEAD, y + HEAD)]
    height, width = pixels.shape[:2]
    for _ in range(turn):
        points, corners = ([(down, width - right) for right, down in those] for those in (points, corners))
        height, width = width, height
    left, top = (round(min(values)) for values in zip(*corners, strict=True))
    lying = Face(Box(left, top, HEAD, HEAD), 1.0, tuple(points))
    assert described(np.rot90(pixels, turn), lying) == described(pixels, face())
    assert described(np.rot90(pixels, turn), Face(lying.box, 1.0)) != described(pixels, face())


def test_a_head_that_leans_still_has_its_body_below() -> None:
    pixels = photo(RED, NAVY)
    leaning = ((165.0, 50.0), (178.0, 62.0), (167.0, 63.0), (155.0, 64.0), (165.0, 73.0))
    assert described(pixels, Face(face().box, 1.0, leaning)) == described(pixels, face())


def test_a_descriptor_follows_from_photo_and_face_alone() -> None:
    pixels = photo(RED, NAVY)
    alone = described(pixels, face())
    assert describe(pixels, [face((30, 20)), face(), face((260, 100))])[1] == alone
    assert alone is not None
    assert len(alone) == LENGTH


def test_a_large_body_is_described_as_a_small_one() -> None:
    pixels = photo(RED, NAVY)
    large = np.asarray(cv2.resize(pixels, None, fx=9, fy=9, interpolation=cv2.INTER_NEAREST), np.uint8)
    box = Box(*(9 * side for side in face().box))
    assert similarity(described(pixels, face()), described(large, Face(box, 1.0))) > 0.98


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(1, 60),
    st.integers(1, 60),
)
def test_every_box_in_a_photo_has_a_descriptor_of_fixed_norm_or_none(
    width: int, height: int, x: int, y: int, w: int, h: int
) -> None:
    x, y = min(x, width - 1), min(y, height - 1)
    box = Box(x, y, min(w, width - x), min(h, height - y))
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    descriptor = described(pixels, Face(box, 1.0))
    if descriptor is not None:
        # Three thirds whose shares sum to 1, each bin rounded to a 255th.
        norm = np.linalg.norm(np.frombuffer(descriptor, np.uint8).astype(float)) / 255
        assert norm == pytest.approx(3**0.5, abs=0.02)
