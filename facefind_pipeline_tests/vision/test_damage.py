"""Damaged photos and what lies beside them: read as far as they go, or refused by the one clear error; nothing else."""

import io
import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from facefind_pipeline.vision import png
from facefind_pipeline.vision.apart import apart
from facefind_pipeline.vision.dates import FIRST_YEAR, date_in_name, parse_date
from facefind_pipeline.vision.decode import decode
from facefind_pipeline.vision.exif import Beside, PhotoFacts, read_facts
from facefind_pipeline.vision.failures import UnreadablePhotoError
from facefind_pipeline.vision.iptc import read_iptc
from facefind_pipeline.vision.takeout import read_takeout
from facefind_pipeline.vision.xmp import TextMetadata, read_xmp
from facefind_pipeline_tests.vision.test_exif import LISBON, ORIGINAL, photo
from facefind_pipeline_tests.vision.test_sources import AS_ATTRIBUTE, IPTC, TAKEN, with_iptc, with_xmp
from facefind_pipeline_tests.vision.tiff_files import LONG, RATIONAL, dng, grey_or_rgb, image_tags, tiff

Change = tuple[str, int, bytes]
NOISE = np.random.default_rng(0).integers(0, 255, (24, 36, 3), np.uint8)
HEAD = 700  # bytes in which most formats have what they say of a photo of this size
XMP = (
    '<rdf:Description exif:DateTimeOriginal="2024-06-15T12:30:00" exif:GPSLatitude="38,42.69N" '
    'exif:GPSLongitude="9,8.3W" tiff:Make="Canon" xmp:CreateDate="20240615"/>'
)
changes = st.lists(
    st.tuples(
        st.sampled_from(["overwrite", "overwrite", "overwrite", "insert", "delete", "cut"]),
        st.integers(0, HEAD) | st.integers(-300, -1) | st.integers(0, 6000),
        st.sampled_from([b"\0", b"\1", b"\x80", b"\xff", b"\0\0\0\0", b"\xff\xff\xff\xff"])
        | st.binary(min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=8,
)


def encoded(image_format: str, **options: Any) -> bytes:
    """A photo of noise with all that a header can say."""
    tags = Image.Exif()
    tags.update({0x010F: "Canon", 0x0110: "Canon EOS R6", 0x0112: 6})
    tags.get_ifd(0x8769).update({ORIGINAL: "2024:06:14 16:05:09"})
    tags.get_ifd(0x8825).update(LISBON)
    out = io.BytesIO()
    Image.fromarray(NOISE).save(out, image_format, exif=tags, **options)
    return out.getvalue()


def png_with_texts() -> bytes:
    texts = PngInfo()
    texts.add_itxt(png.XMP, XMP, zip=True)
    texts.add_text("Creation Time", "Sat, 15 Jun 2024 12:30:00 +0200")
    return encoded("PNG", pnginfo=texts)


def raw_file() -> bytes:
    sensor = np.kron(NOISE, np.ones((2, 2, 1), np.uint8))
    preview = io.BytesIO()
    Image.fromarray(sensor).save(preview, "JPEG")
    return dng(sensor, preview.getvalue(), sensor.shape[1::-1], 6)


FORMATS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: with_xmp(XMP, encoded("JPEG", progressive=True)),
    "JPEG with IPTC": lambda: with_iptc(IPTC),
    "MPO": lambda: encoded("MPO", save_all=True, append_images=[Image.fromarray(NOISE)]),
    "PNG": png_with_texts,
    "WEBP": lambda: encoded("WEBP", xmp=XMP.encode()),
    "HEIF": lambda: encoded("HEIF", xmp=XMP.encode()),
    "AVIF": lambda: encoded("AVIF", xmp=XMP.encode()),
    "TIFF": lambda: encoded("TIFF", compression="tiff_lzw"),
    "TIFF of 12 bits": lambda: grey_or_rgb(NOISE.astype(np.uint16) * 16, 12, 2),
    "JPEG 2000": lambda: encoded("JPEG2000"),
    "GIF": lambda: encoded("GIF"),
    "BMP": lambda: encoded("BMP"),
    "RAW": raw_file,
}


@cache
def whole(name: str) -> bytes:
    return FORMATS[name]()


def damaged(data: bytes, changes: list[Change]) -> bytes:
    """The bytes with the changes made one after the other; places from the end are negative."""
    for kind, place, value in changes:
        start = place % len(data) if data else 0
        if kind == "cut":
            data = data[:start]
        elif kind == "delete":
            data = data[:start] + data[start + 1 + value[0] :]
        else:
            data = data[:start] + value + data[start + (len(value) if kind == "overwrite" else 0) :]
    return data


def read(data: bytes, beside: Beside | None = None) -> PhotoFacts:
    """Reads facts and pixels; what the facts say can be stored."""
    facts = read_facts(data, beside)
    decode(data, rgb=True, grey=True)
    check(facts.taken_at, facts.latitude, facts.longitude)
    assert facts.camera is None or facts.camera.isprintable()
    return facts


def check(taken_at: datetime | None, latitude: float | None, longitude: float | None) -> None:
    assert taken_at is None or taken_at.year >= FIRST_YEAR
    assert latitude is None or abs(latitude) <= 90
    assert longitude is None or abs(longitude) <= 180


def check_texts(found: TextMetadata) -> None:
    check(found.taken_at, *(found.position or (None, None)))


@pytest.mark.parametrize("name", FORMATS)
def test_photos_are_whole_before_they_are_damaged(name: str) -> None:
    assert read(whole(name)).width in {24, 36, 48}


@pytest.mark.parametrize("name", FORMATS)
@given(changes=changes)
@settings(max_examples=60)
def test_a_damaged_photo_is_read_or_refused(name: str, changes: list[Change]) -> None:
    try:
        apart(read, damaged(whole(name), changes))  # a crash of a library, too, is such an error
    except UnreadablePhotoError as error:
        assert str(error).isprintable()


@given(data=st.binary(max_size=200), head=st.sampled_from([b"", *(whole(name)[:12] for name in FORMATS)]))
def test_a_mere_beginning_is_refused(data: bytes, head: bytes) -> None:
    with pytest.raises(UnreadablePhotoError):
        apart(read, head + data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["timestamp", "latitude", "longitude"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["photoTakenTime", "geoData", "geoDataExif"]), json_values) | json_values)
def test_any_json_is_a_takeout_or_says_nothing(said: Any) -> None:
    check_texts(read_takeout(json.dumps(said).encode()))


@given(changes=changes)
def test_a_damaged_takeout_says_nothing_wrong(changes: list[Change]) -> None:
    check_texts(read_takeout(damaged(json.dumps(TAKEN).encode(), changes)))


@given(changes=changes, encoding=st.sampled_from(["utf-8", "utf-16"]))
def test_a_damaged_xmp_says_nothing_wrong(changes: list[Change], encoding: str) -> None:
    check_texts(read_xmp(damaged(XMP.encode(encoding), changes)))


@given(xmp=st.binary(max_size=200), takeout=st.binary(max_size=200), changes=changes, name=st.text(max_size=60))
def test_nothing_beside_a_photo_makes_it_unreadable(
    xmp: bytes, takeout: bytes, changes: list[Change], name: str
) -> None:
    beside = damaged(AS_ATTRIBUTE.encode(), changes)
    read(photo(), Beside(name, beside + xmp, takeout))


@given(st.binary(max_size=60), changes)
def test_a_damaged_iptc_block_says_nothing_wrong(before: bytes, changes: list[Change]) -> None:
    check(read_iptc(before + damaged(IPTC, changes)), None, None)


WORDS = st.sampled_from(
    ["Sat,", "15", "Jun", "2024", "99", "12:30:00", "+0200", "-1", "2024:06:15", "0", "PM", "T", "Z"]
)


@given(st.lists(WORDS | st.text(max_size=8) | st.integers().map(str), max_size=8).map(" ".join))
def test_any_text_is_a_date_or_none(text: str) -> None:
    check(parse_date(text), None, None)
    check(date_in_name(text), None, None)


# What the properties above found once.


@pytest.mark.parametrize("tag", [256, 257])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_of_a_size_of_several_numbers_the_first_counts(tag: int) -> None:
    facts = read(tiff(image_tags(4, 4, [16], 1) | {tag: (LONG, [4, 4])}, bytes(32)))
    assert (facts.width, facts.height) == (4, 4)


@pytest.mark.parametrize("value", [(LONG, 4_000_000_000), (LONG, [1, 2, 300]), (RATIONAL, [1, 2])])
def test_an_xmp_packet_of_numbers_is_none(value: tuple[int, Any]) -> None:
    assert read(tiff(image_tags(4, 4, [8], 1) | {700: value}, bytes(16))).taken_at is None  # once, 4 GB of zeros


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sat, 15 Jun 20240000000000 12:30:00", None),
        ("Sat, 15 Jun 2024 123000000000000000000:30:00", datetime(2024, 6, 15)),
    ],
)
def test_numbers_that_no_date_holds(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


def test_numbers_that_no_place_or_time_holds() -> None:
    nowhere, long_ago = {"latitude": 10**400, "longitude": 1}, {"timestamp": -60_000_000_000}
    assert read_takeout(json.dumps({"geoData": nowhere, "photoTakenTime": long_ago}).encode()) == TextMetadata()


def test_a_value_of_millions_of_letters_is_cut() -> None:
    found = read_xmp(
        b'<rdf:Description exif:GPSLatitude="' + b"1" * 9_000_000 + b'" tiff:Make="' + b"x" * 9_000_000 + b'"/>'
    )
    assert found.position is None
    assert len(found.make or "") == 200
