"""Decoding real files of every format, whole and broken."""

import io
import struct
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageSequence

from facefind_pipeline.vision.decode import UnreadablePhotoError, decode
from facefind_pipeline.vision.formats import PHOTO_SUFFIXES
from facefind_pipeline.vision.opening import open_photo

pillow_heif.register_heif_opener()

UNKNOWN_TO_PILLOW = {".jfi": "JPEG", ".jif": "JPEG"}
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")
PORTRAIT = Path(str(distribution("matplotlib").locate_file("matplotlib/mpl-data/sample_data/grace_hopper.jpg")))
# What a camera stores for each orientation flag, so that viewers see the scene upright.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def scene() -> np.ndarray:
    """160x96, different in each corner."""
    pixels = np.full((96, 160, 3), 255, np.uint8)
    pixels[:40, :60] = (200, 0, 0)
    pixels[60:, 100:] = (0, 0, 200)
    pixels[:16, 130:] = (0, 160, 0)
    return pixels


def encoded(pixels: np.ndarray, image_format: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, image_format, **options)
    return out.getvalue()


def oriented(image_format: str, flag: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = flag
    return encoded(STORED[flag](scene()), image_format, exif=exif.tobytes(), quality=95)


def photoshop(pixels: np.ndarray) -> bytes:
    """A PSD without layers, uncompressed."""
    height, width = pixels.shape[:2]
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, height, width, 8, 3)
    return head + bytes(14) + np.moveaxis(pixels, -1, 0).tobytes()


def mean_difference(image: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(image.astype(int) - other).mean())


def jpegs() -> dict[str, bytes]:
    portrait = Image.open(PORTRAIT)
    pixels = np.asarray(portrait)
    return {
        "as shipped": PORTRAIT.read_bytes(),
        "4:4:4": encoded(pixels, subsampling=0),
        "4:2:0": encoded(pixels, subsampling=2),
        "progressive": encoded(pixels, progressive=True),
        "grey": encoded(np.asarray(portrait.convert("L"))),
        "RGB": encoded(pixels, keep_rgb=True),
        "flag 6": oriented("JPEG", 6),
        "flag 7": oriented("JPEG", 7),
    } | {"CMYK": encoded_cmyk(portrait)}


def encoded_cmyk(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.convert("CMYK").save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("flag", range(1, 9))
def test_every_orientation_is_upright(image_format: str, flag: int) -> None:
    photo = decode(oriented(image_format, flag), rgb=True, grey=True)
    assert photo.size == (160, 96)
    assert photo.rgb is not None
    assert photo.grey is not None
    assert photo.grey.shape == (96, 160)
    assert mean_difference(photo.rgb, scene()) < 6


@pytest.mark.parametrize("suffix", sorted(PHOTO_SUFFIXES))
def test_every_suffix_decodes(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"photo{suffix}"
    if suffix == ".psd":
        path.write_bytes(photoshop(scene()))
    else:
        Image.fromarray(scene()).save(path, UNKNOWN_TO_PILLOW.get(suffix))
    photo = decode(path.read_bytes(), rgb=True, grey=False)
    assert photo.rgb is not None
    assert photo.rgb.dtype == np.uint8
    assert mean_difference(photo.rgb, scene()) < 12


@pytest.mark.parametrize("name", jpegs())
def test_grey_jpeg_is_what_imread_gives(name: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpegs()[name])
    wanted = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    alone, both = (decode(path.read_bytes(), rgb=rgb, grey=True) for rgb in (False, True))
    np.testing.assert_array_equal(alone.grey, wanted)
    np.testing.assert_array_equal(both.grey, wanted)


@pytest.mark.parametrize("name", jpegs())
def test_rgb_is_the_same_with_and_without_grey(name: str) -> None:
    alone, both = (decode(jpegs()[name], rgb=True, grey=grey) for grey in (False, True))
    assert alone.grey is None
    np.testing.assert_array_equal(alone.rgb, both.rgb)


def test_grey_of_other_formats_is_that_of_their_rgb() -> None:
    photo = decode(encoded(np.asarray(Image.open(PORTRAIT)), "PNG"), rgb=True, grey=True)
    np.testing.assert_array_equal(photo.grey, cv2.cvtColor(photo.rgb, cv2.COLOR_RGB2GRAY))
    assert decode(encoded(scene(), "PNG"), rgb=False, grey=True).rgb is None


def test_transparent_parts_become_white() -> None:
    pixels = np.dstack([scene(), np.full((96, 160), 255, np.uint8)])
    pixels[:, :80, 3] = 0
    photo = decode(encoded(pixels, "PNG"), rgb=True, grey=False)
    assert photo.rgb is not None
    assert (photo.rgb[:, :80] == 255).all()
    np.testing.assert_array_equal(photo.rgb[:, 80:], scene()[:, 80:])


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(image_format: str) -> None:
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    photo = decode(encoded(ramp, image_format), rgb=True, grey=True)
    np.testing.assert_array_equal(photo.grey, ramp >> 8)
    assert photo.rgb is not None
    np.testing.assert_array_equal(photo.rgb[..., 2], ramp >> 8)


@pytest.mark.parametrize("image_format", ["GIF", "TIFF"])
def test_first_frame_of_several(image_format: str) -> None:
    frames = [Image.fromarray(np.full((20, 30, 3), level, np.uint8)) for level in (40, 200)]
    out = io.BytesIO()
    frames[0].save(out, image_format, save_all=True, append_images=frames[1:])
    assert len(list(ImageSequence.Iterator(Image.open(io.BytesIO(out.getvalue()))))) == 2
    photo = decode(out.getvalue(), rgb=True, grey=False)
    assert photo.rgb is not None
    assert (photo.rgb == 40).all()


@pytest.mark.parametrize("image_format", [*FORMATS[1:], "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_truncated_file(image_format: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    data = encoded(np.asarray(Image.open(PORTRAIT)), image_format)
    with pytest.raises(UnreadablePhotoError, match=f"^truncated or damaged {image_format}$"):
        decode(data[: int(len(data) * share)], rgb=False, grey=True)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"The guest list, saved as .jpg\n", "not an image"),
        (bytes(4096), "not an image"),
        (b"x", "not an image"),
        (encoded(scene())[:40], "truncated or damaged JPEG"),
        (b"\xff\xd8\xff", "truncated or damaged JPEG"),
        (b"%PDF-1.7\n" + bytes(100), "not an image but a PDF"),
        (b"ID3" + bytes(100), "not an image but an audio file"),
    ],
)
def test_unreadable_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePhotoError) as caught:
        decode(data, rgb=True, grey=False)
    assert str(caught.value) == reason


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("cut", [2, 0.01, 0.1, 0.5, 0.8])
def test_an_incomplete_jpeg_is_used_as_far_as_it_goes(
    progressive: bool, cut: float, capfd: pytest.CaptureFixture[str]
) -> None:
    pixels = np.asarray(Image.open(PORTRAIT).convert("RGB"))
    data = encoded(pixels, progressive=progressive, quality=90)
    missing = cut if cut > 1 else int(len(data) * cut)
    photo = decode(data[:-missing], rgb=True, grey=True)
    assert open_photo(data).note is None
    assert open_photo(data[:-missing]).note == "incomplete JPEG: used as far as it goes"
    assert photo.rgb is not None
    assert photo.rgb.shape == pixels.shape
    whole = slice(0, int(len(pixels) * (1 - cut) * 0.6) if cut < 1 else len(pixels) - 16)
    assert mean_difference(photo.rgb[whole], pixels[whole]) < (12 if progressive else 4)
    assert photo.grey is not None
    assert mean_difference(photo.grey, cv2.cvtColor(photo.rgb, cv2.COLOR_RGB2GRAY)) == 0
    assert capfd.readouterr().err == ""


def test_a_thumbnails_end_is_not_the_photos() -> None:
    exif = Image.Exif()
    exif[0x927C] = encoded(scene()[::4, ::4])  # any tag that holds a whole JPEG
    data = encoded(scene(), exif=exif.tobytes())
    assert data.count(b"\xff\xd9") == 2
    assert open_photo(data).note is None
    assert open_photo(data[:-2]).note is not None


def test_a_jpeg_with_bytes_behind_its_end_is_complete() -> None:
    assert open_photo(encoded(scene()) + b"\0a film" * 5000).note is None


@pytest.mark.parametrize("side", [14_143, 30_000])
def test_too_large_is_refused_before_any_pixel_is_read(side: int) -> None:
    # A BMP says its size in bytes 18 to 26, under no checksum.
    small = encoded(scene(), "BMP")
    huge = small[:18] + side.to_bytes(4, "little") * 2 + small[26:]
    with pytest.raises(UnreadablePhotoError, match=f"^too large: {side}x{side}$"):
        decode(huge, rgb=True, grey=False)


def test_bytes_after_the_end_do_no_harm() -> None:
    data = encoded(scene())
    whole, longer = (decode(bytes_, rgb=True, grey=False) for bytes_ in (data, data + b"\0maker's notes" * 50))
    np.testing.assert_array_equal(whole.rgb, longer.rgb)


def test_threads_do_not_disturb_each_other() -> None:
    files = [*jpegs().values(), *(oriented(image_format, 6) for image_format in FORMATS)] * 4
    expected = [decode(data, rgb=True, grey=True) for data in files]
    with ThreadPoolExecutor(2) as pool:
        for photo, wanted in zip(
            pool.map(lambda data: decode(data, rgb=True, grey=True), files), expected, strict=True
        ):
            np.testing.assert_array_equal(photo.rgb, wanted.rgb)
            np.testing.assert_array_equal(photo.grey, wanted.grey)
