"""Contact sheets: every face on it, small enough inline, names with accents drawn."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facefind_pipeline.faces import Box
from facefind_pipeline.vision.sheet import (
    THUMBNAIL_SIDE,
    Tile,
    contact_sheet,
    thumbnail,
    write_sheet,
)
from facefind_pipeline_tests.conftest import Portraits


@pytest.fixture(scope="module")
def jpeg(portraits: Portraits) -> bytes:
    return thumbnail(np.asarray(portraits.hopper), Box(180, 139, 187, 187))


def _open(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def test_a_thumbnail_shows_the_box_with_margin(portraits: Portraits, jpeg: bytes) -> None:
    image = _open(jpeg)
    assert max(image.size) == THUMBNAIL_SIDE
    with_margin = portraits.hopper.crop((143, 102, 404, 363)).resize(image.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(image, float) - np.asarray(with_margin, float)).mean() < 6


def test_a_box_at_the_border_and_a_grey_photo_have_thumbnails() -> None:
    grey = np.full((50, 80), 200, np.uint8)
    image = _open(thumbnail(grey, Box(0, 0, 50, 50)))
    assert image.mode == "L"
    assert _open(thumbnail(np.zeros((10, 10, 3), np.uint8), Box(9, 9, 1, 1))).size[0] >= 1


def test_a_sheet_has_a_cell_for_each_face(jpeg: bytes) -> None:
    one, many = (_open(contact_sheet([Tile(jpeg)] * count)) for count in (1, 23))
    assert many.width == 10 * (one.width - 8) + 8
    assert many.height > 2.5 * THUMBNAIL_SIDE
    last_row = np.asarray(many.convert("L"))[-THUMBNAIL_SIDE:]
    assert last_row[:, : 3 * THUMBNAIL_SIDE].std() > 30
    assert last_row[:, 4 * THUMBNAIL_SIDE :].min() > 240


def test_accents_are_drawn_as_letters(jpeg: bytes) -> None:
    def title(text: str) -> np.ndarray:
        return np.asarray(_open(contact_sheet([Tile(jpeg)] * 4, title=text)).convert("L"))[:30]

    # A font without a letter draws the same box for each.
    assert np.abs(title("é").astype(int) - title("ñ")).max() > 100


@given(st.text(max_size=60))
def test_any_name_can_be_a_caption(name: str) -> None:
    tile = Tile(thumbnail(np.zeros((8, 8), np.uint8), Box(0, 0, 8, 8)), (name, name))
    assert _open(contact_sheet([tile], title=name)).height > THUMBNAIL_SIDE


def test_a_sheet_is_replaced_in_place(tmp_path: Path, jpeg: bytes) -> None:
    file = write_sheet(tmp_path / "new" / "sheet.jpg", [Tile(jpeg, ("1. 0.2", "a.jpg"))], title="José")
    first = file.read_bytes()
    assert write_sheet(file, [Tile(jpeg)] * 2).read_bytes() != first
    assert [path.name for path in file.parent.iterdir()] == ["sheet.jpg"]


def test_a_sheet_of_more_rows_than_a_jpeg_can_have_gets_more_columns(
    monkeypatch: pytest.MonkeyPatch, jpeg: bytes
) -> None:
    monkeypatch.setattr("facefind_pipeline.vision.sheet.JPEG_SIDE", 4 * 170)
    tall = _open(contact_sheet([Tile(jpeg, ("1", "a"))] * 40, title="all"))
    assert tall.height <= 4 * 170
    assert tall.width > 13 * THUMBNAIL_SIDE


def test_a_marked_tile_stands_in_a_frame(jpeg: bytes) -> None:
    def green(*tiles: Tile) -> list[int]:
        sheet = np.asarray(_open(contact_sheet(tiles, image_format="PNG")))
        return np.flatnonzero((sheet == (0, 150, 60)).all(-1).any(0)).tolist()

    columns = green(Tile(jpeg), Tile(jpeg, framed=True))
    assert columns
    assert min(columns) > THUMBNAIL_SIDE
    assert not green(Tile(jpeg))
