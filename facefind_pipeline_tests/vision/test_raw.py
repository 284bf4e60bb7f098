"""RAW files: a DNG made here, read by LibRaw as users' are; other cameras' headers by their layout."""

import io
import struct
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from facefind_pipeline.vision import raw
from facefind_pipeline.vision.decode import UnreadablePhotoError, decode
from facefind_pipeline.vision.exif import read_facts
from facefind_pipeline.vision.sheet import photo_thumbnail
from facefind_pipeline_tests.vision.test_decode import STORED, encoded, mean_difference, scene
from facefind_pipeline_tests.vision.tiff_files import ASCII, dng, tiff

LARGE = np.kron(scene(), np.ones((4, 4, 1), np.uint8))  # 640x384


def small_preview(pixels: np.ndarray) -> tuple[bytes, tuple[int, int]]:
    return encoded(pixels[::4, ::4]), (pixels.shape[1] // 4, pixels.shape[0] // 4)


@pytest.mark.parametrize("flag", range(1, 9))
def test_the_preview_inside_is_the_photo(flag: int) -> None:
    stored = np.ascontiguousarray(STORED[flag](LARGE))
    dark = np.zeros_like(stored)  # what the sensor saw is another picture, so that it shows if it is developed
    data = dng(dark, encoded(stored), stored.shape[1::-1], flag)
    photo = decode(data, rgb=True, grey=True)
    assert photo.rgb is not None
    assert mean_difference(photo.rgb, LARGE) < 6
    assert photo.grey is not None
    assert photo.grey.shape == (384, 640)
    facts = read_facts(data)
    assert (facts.format, facts.width, facts.height, facts.orientation) == ("RAW", 640, 384, flag)
    assert (facts.taken_at, facts.taken_source) == (datetime(2024, 6, 15, 12, 30), "EXIF")
    assert facts.camera == "Facefind Test 1"


@pytest.mark.parametrize("flag", range(1, 9))
def test_a_small_preview_makes_way_for_the_sensors_data_in_full_size(flag: int) -> None:
    stored = np.ascontiguousarray(STORED[flag](LARGE))
    preview, size = small_preview(255 - stored)
    data = dng(stored, preview, size, flag)
    photo = decode(data, rgb=True, grey=False)
    assert photo.rgb is not None
    assert photo.rgb.shape == LARGE.shape
    for corner in (np.s_[:100, :100], np.s_[-60:, -60:], np.s_[:32, -60:], np.s_[-60:, :60]):
        # Brighter than the linear light that the sensor counted, in the same channel.
        assert photo.rgb[corner].mean((0, 1)).argmax() == LARGE[corner].mean((0, 1)).argmax()
    assert photo.size == (read_facts(data).width, read_facts(data).height)


def test_a_preview_that_is_stored_upright_is_not_turned_again() -> None:
    sideways = np.ascontiguousarray(STORED[6](LARGE))
    photo = decode(dng(sideways, encoded(LARGE), (640, 384), 6), rgb=True, grey=False)
    assert photo.rgb is not None
    assert mean_difference(photo.rgb, LARGE) < 6


def test_a_damaged_raw_has_a_reason() -> None:
    preview, size = small_preview(LARGE)
    data = dng(LARGE, preview, size)
    for broken in (b"FUJIFILMCCD-RAW 0201" + bytes(500), b"\0\0\0\x18ftypcrx \0\0\0\x01" + bytes(500)):
        with pytest.raises(UnreadablePhotoError, match="damaged RAW"):
            decode(broken, rgb=True, grey=False)
    with pytest.raises(UnreadablePhotoError, match="damaged"):
        decode(data[: len(preview) + 400], rgb=True, grey=False)


def test_a_raw_has_a_thumbnail() -> None:
    stored = np.ascontiguousarray(STORED[6](LARGE))
    jpeg = photo_thumbnail(dng(stored, encoded(stored), stored.shape[1::-1], 6))
    assert jpeg is not None
    assert Image.open(io.BytesIO(jpeg)).size == (128, 77)


@pytest.mark.parametrize("head", [b"IIRO", b"IIRS", b"IIU\0"])
def test_tags_of_headers_that_are_nearly_tiff(head: bytes) -> None:
    data = tiff({271: (ASCII, b"OLYMPUS\0")}, b"", {34665: [({36867: (ASCII, b"2024:06:15 12:30:00\0")}, b"")]})
    assert raw.is_raw(head + data[4:])
    main, exif, _ = raw.tags(head + data[4:])
    assert (main[271], exif[36867]) == ("OLYMPUS", "2024:06:15 12:30:00")


def test_tags_of_canons_boxes() -> None:
    parts = {
        b"CMT1": tiff({271: (ASCII, b"Canon\0")}, b""),
        b"CMT2": tiff({36867: (ASCII, b"2024:06:15 12:30:00\0")}, b""),
        b"CMT4": tiff({1: (ASCII, b"N\0")}, b""),
    }
    boxes = b"".join(struct.pack(">I", len(part) + 8) + name + part for name, part in parts.items())
    main, exif, gps = raw.tags(b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom" + boxes)
    assert (main[271], exif[36867], gps[1]) == ("Canon", "2024:06:15 12:30:00", "N")
