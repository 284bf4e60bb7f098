"""What headers tell, written by Pillow and read back; and headers that tell nonsense."""

import io
import warnings
from datetime import datetime
from fractions import Fraction
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from facefind_pipeline.vision.decode import UnreadablePhotoError
from facefind_pipeline.vision.exif import PhotoFacts, read_facts

pillow_heif.register_heif_opener()

MAKE, MODEL, ORIENTATION, DATE_TIME = 0x010F, 0x0110, 0x0112, 0x0132
ORIGINAL, DIGITIZED = 0x9003, 0x9004
LISBON = {1: "N", 2: (38.0, 42.0, 41.4), 3: "W", 4: (9.0, 7.0, 58.8)}


def photo(
    main: dict[int, Any] | None = None,
    exif: dict[int, Any] | None = None,
    gps: dict[int, Any] | None = None,
    image_format: str = "JPEG",
) -> bytes:
    """A 24x16 photo with these tags."""
    tags = Image.Exif()
    tags.update(main or {})
    tags.get_ifd(0x8769).update(exif or {})
    tags.get_ifd(0x8825).update(gps or {})
    out = io.BytesIO()
    Image.new("RGB", (24, 16), "teal").save(out, image_format, exif=tags.tobytes())
    return out.getvalue()


def sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """As cameras write an angle: whole degrees, whole minutes, seconds as a fraction."""
    minutes, seconds = divmod(Fraction(abs(degrees)) * 3600, 60)
    whole, minutes = divmod(minutes, 60)
    return IFDRational(int(whole), 1), IFDRational(int(minutes), 1), IFDRational(round(seconds * 10_000), 10_000)


@given(
    latitude=st.floats(-90, 90).filter(lambda value: abs(value) > 0.001),
    longitude=st.floats(-180, 180),
    taken_at=st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)).map(lambda time: time.replace(microsecond=0)),
)
@settings(max_examples=60)
def test_position_and_time_survive_the_round_trip(latitude: float, longitude: float, taken_at: datetime) -> None:
    gps = {
        1: "N" if latitude >= 0 else "S",
        2: sexagesimal(latitude),
        3: "E" if longitude >= 0 else "W",
        4: sexagesimal(longitude),
    }
    facts = read_facts(photo(exif={ORIGINAL: taken_at.strftime("%Y:%m:%d %H:%M:%S")}, gps=gps))
    assert facts.taken_at == taken_at
    assert facts.latitude == pytest.approx(latitude, abs=1e-7)
    assert facts.longitude == pytest.approx(longitude, abs=1e-7)


def test_a_photo_with_everything() -> None:
    data = photo({MAKE: "Canon", MODEL: "Canon EOS R6", ORIENTATION: 6}, {ORIGINAL: "2024:06:14 16:05:09"}, LISBON)
    facts = read_facts(data)
    assert facts == PhotoFacts(
        format="JPEG",
        width=16,
        height=24,
        orientation=6,
        taken_at=datetime(2024, 6, 14, 16, 5, 9),
        taken_source="EXIF",
        position_source="EXIF",
        latitude=pytest.approx(38.7115),
        longitude=pytest.approx(-9.133),
        country="PT",
        place=facts.place,
        camera="Canon EOS R6",
    )
    assert facts.place


def test_a_photo_with_nothing() -> None:
    out = io.BytesIO()
    Image.new("L", (24, 16)).save(out, "PNG")
    assert read_facts(out.getvalue()) == PhotoFacts("PNG", 24, 16, 1)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_every_format_tells_its_upright_size_and_time(image_format: str) -> None:
    data = photo({ORIENTATION: 8}, {ORIGINAL: "2024:06:14 16:05:09"}, LISBON, image_format)
    facts = read_facts(data)
    assert (facts.format, facts.width, facts.height) == (image_format, 16, 24)
    assert facts.orientation == (1 if image_format == "HEIF" else 8)
    assert facts.taken_at == datetime(2024, 6, 14, 16, 5, 9)
    assert facts.country == "PT"


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF"])
def test_pixels_are_not_needed(image_format: str) -> None:
    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    Image.fromarray(pixels).save(out, image_format)
    facts = read_facts(out.getvalue()[: len(out.getvalue()) // 2])
    assert (facts.width, facts.height) == (300, 200)


@pytest.mark.parametrize(
    ("main", "exif", "taken_at"),
    [
        ({DATE_TIME: "2024:06:16 03:00:00"}, {ORIGINAL: "2024:06:14 01:00:00", DIGITIZED: "2024:06:15 02:00:00"}, 14),
        ({DATE_TIME: "2024:06:16 03:00:00"}, {DIGITIZED: "2024:06:15 02:00:00"}, 15),
        ({DATE_TIME: "2024:06:16 03:00:00"}, {}, 16),
        ({DATE_TIME: "2024:06:16 03:00:00"}, {ORIGINAL: "0000:00:00 00:00:00"}, 16),
        ({}, {ORIGINAL: "2024-06-14T01:00:00+01:00"}, 14),
        ({}, {ORIGINAL: "2024:02:30 01:00:00"}, None),
        ({}, {ORIGINAL: "    :  :     :  :  "}, None),
        ({}, {ORIGINAL: "yesterday"}, None),
        ({}, {ORIGINAL: 20240614}, None),
        ({}, {ORIGINAL: ""}, None),
    ],
)
def test_the_best_time_that_makes_sense(main: dict[int, Any], exif: dict[int, Any], taken_at: int | None) -> None:
    facts = read_facts(photo(main, exif))
    assert (facts.taken_at.day if facts.taken_at else None) == taken_at


@pytest.mark.parametrize(
    "change",
    [
        {2: (IFDRational(0, 0), IFDRational(0, 0), IFDRational(0, 0))},
        {2: (91.0, 0.0, 0.0)},
        {4: (180.0, 0.0, 0.1)},
        {1: "\0"},
        {3: "Q"},
        {2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)},
    ],
)
def test_nonsense_positions_are_none(change: dict[int, Any]) -> None:
    facts = read_facts(photo(gps=LISBON | change))
    assert (facts.latitude, facts.longitude, facts.country, facts.place) == (None, None, None, None)


def test_far_out_at_sea_is_no_country() -> None:
    facts = read_facts(photo(gps={1: "N", 2: (30.0, 0.0, 0.0), 3: "W", 4: (40.0, 0.0, 0.0)}))
    assert (facts.latitude, facts.longitude) == (30, -40)
    assert (facts.country, facts.place) == (None, None)


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS R6", "Canon EOS R6"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("SONY", "ILCE-7M4", "SONY ILCE-7M4"),
        ("Apple", None, "Apple"),
        (None, "iPhone 14 Pro", "iPhone 14 Pro"),
        ("OLYMPUS OPTICAL\0CO. ", " C2500L \0\0", "OLYMPUS OPTICAL CO. C2500L"),
        ("  ", "\0", None),
    ],
)
def test_camera_says_the_make_once(make: str | None, model: str | None, camera: str | None) -> None:
    tags = {tag: value for tag, value in ((MAKE, make), (MODEL, model)) if value is not None}
    assert read_facts(photo(tags)).camera == camera


@given(
    changes=st.lists(st.tuples(st.integers(6, 330), st.integers(0, 255)), min_size=1, max_size=12),
    image_format=st.sampled_from(["JPEG", "PNG", "WEBP"]),
)
@settings(max_examples=300)
def test_damaged_exif_never_raises(changes: list[tuple[int, int]], image_format: str) -> None:
    tags = Image.Exif()
    tags.update({MAKE: "Canon", MODEL: "Canon EOS R6", ORIENTATION: 1, DATE_TIME: "2024:06:14 16:05:09"})
    tags.get_ifd(0x8769).update({ORIGINAL: "2024:06:14 16:05:09"})
    tags.get_ifd(0x8825).update(LISBON)
    block = bytearray(tags.tobytes())
    for place, value in changes:
        block[place % len(block)] = value
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.new("RGB", (24, 16)).save(out, image_format, exif=bytes(block))
        facts = read_facts(out.getvalue())
    assert {facts.width, facts.height} == {16, 24}


@pytest.mark.parametrize(("data", "reason"), [(b"", "empty file"), (b"a list of guests", "not an image")])
def test_what_is_no_photo_is_unreadable(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadablePhotoError, match=f"^{reason}$"):
        read_facts(data)
