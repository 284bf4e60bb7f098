"""TIFF of more than 8 bits, and odd ones, shown as viewers show them."""

import io
from typing import Any

import numpy as np
import pytest
import tifffile

from facefind_pipeline.vision.decode import UnreadablePhotoError, decode
from facefind_pipeline.vision.exif import read_facts
from facefind_pipeline_tests.vision.test_decode import STORED, scene
from facefind_pipeline_tests.vision.tiff_files import grey_or_rgb

GREY = scene()[..., 0]
WIDE = {"16 bits": np.uint16, "32 bits": np.uint32}
FLOATS = {"half": np.float16, "single": np.float32, "double": np.float64}


def written(samples: np.ndarray, photometric: str, **options: Any) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, samples, photometric=photometric, **options)
    return out.getvalue()


def shown(data: bytes) -> np.ndarray:
    photo = decode(data, rgb=True, grey=False)
    facts = read_facts(data)
    assert photo.rgb is not None
    assert (facts.width, facts.height) == photo.size
    return photo.rgb


def grey(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[..., None], 3, axis=2)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_samples(bits: int) -> None:
    deep = (scene().astype(int) << (bits - 8)) + 1
    np.testing.assert_array_equal(shown(grey_or_rgb(deep, bits, 2)), scene())
    np.testing.assert_array_equal(shown(grey_or_rgb(deep[..., 0], bits, 1)), grey(GREY))
    np.testing.assert_array_equal(shown(grey_or_rgb(deep[..., 0], bits, 0)), grey(255 - GREY))


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_wide_samples(name: str, compression: str | None, byteorder: str) -> None:
    dtype = np.dtype(WIDE[name])
    white = np.iinfo(dtype).max
    deep = (scene() * float(white / 255)).astype(dtype.newbyteorder(byteorder))
    data = written(deep, "rgb", compression=compression, byteorder=byteorder)
    assert np.abs(shown(data).astype(int) - scene()).max() <= 1


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("white", [1, 255])
def test_floats(name: str, white: int) -> None:
    deep = (scene() / 255 * white).astype(FLOATS[name])
    assert np.abs(shown(written(deep, "rgb", compression="zlib")).astype(int) - scene()).max() <= 1
    assert np.abs(shown(written(deep[..., 0], "minisblack")).astype(int) - grey(GREY)).max() <= 1


def test_floats_that_are_no_numbers_are_black_and_highlights_are_clipped() -> None:
    deep = np.full((20, 30), 0.5, np.float32)
    deep[0, 0], deep[0, 1], deep[0, 2] = np.nan, 1.5, -1
    pixels = shown(written(deep, "minisblack"))
    assert pixels[0, :4, 0].tolist() == [0, 255, 0, 128]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_min_is_white(dtype: type) -> None:
    deep = GREY.astype(dtype) * (257 if dtype is np.uint16 else 1)
    np.testing.assert_array_equal(shown(written(deep, "miniswhite")), grey(255 - GREY))


def test_planes_one_after_the_other() -> None:
    deep = np.moveaxis(scene().astype(np.uint16) * 257, -1, 0)
    np.testing.assert_array_equal(shown(written(deep, "rgb", planarconfig="separate")), scene())


def test_transparent_parts_become_white() -> None:
    deep = np.dstack([scene(), np.full(GREY.shape, 255, np.uint8)]).astype(np.uint16) * 257
    deep[:, :80, 3] = 0
    pixels = shown(written(deep, "rgb", extrasamples=["unassalpha"]))
    assert (pixels[:, :80] == 255).all()
    np.testing.assert_array_equal(pixels[:, 80:], scene()[:, 80:])


def test_cmyk_of_16_bits() -> None:
    inks = np.dstack([255 - scene(), np.zeros(GREY.shape, np.uint8)]).astype(np.uint16) * 257
    assert np.abs(shown(written(inks, "separated")).astype(int) - scene()).max() <= 1


@pytest.mark.parametrize("flag", range(1, 9))
def test_orientation_of_deep_samples(flag: int) -> None:
    deep = np.ascontiguousarray(STORED[flag](scene())).astype(np.uint16) * 257
    np.testing.assert_array_equal(shown(written(deep, "rgb", extratags=[(274, 3, 1, flag, True)])), scene())


def test_a_deep_tiff_cut_short_has_a_reason() -> None:
    data = written((scene() / 255).astype(np.float32), "rgb", compression="zlib")
    with pytest.raises(UnreadablePhotoError, match="truncated or damaged TIFF"):
        decode(data[: len(data) // 2], rgb=True, grey=False)
