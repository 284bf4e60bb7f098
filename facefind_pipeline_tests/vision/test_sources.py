"""When and where without EXIF: XMP, IPTC, Takeout, the name; each with its source, the first that is clear counts."""

import io
import json
import struct
from datetime import datetime

import pytest
from PIL import Image

from facefind_pipeline.vision.exif import Beside, PhotoFacts, _position, read_facts
from facefind_pipeline.vision.takeout import read_takeout
from facefind_pipeline.vision.xmp import read_xmp
from facefind_pipeline_tests.vision.test_exif import LISBON, ORIGINAL, photo
from facefind_pipeline_tests.vision.tiff_files import ASCII, BYTE, LONG, SHORT, UNDEFINED, image_tags, tiff

NOON = datetime(2024, 6, 15, 12, 30)
OTHER_DAY = "2024-06-20T08:00:00"
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" %s</rdf:Description></rdf:RDF></x:xmpmeta>"""
AS_ATTRIBUTE = XMP % 'exif:DateTimeOriginal="2024-06-15T12:30:00+02:00">'
AS_ELEMENT = XMP % "><exif:DateTimeOriginal>2024-06-15T12:30:00</exif:DateTimeOriginal>"
IPTC = b"\x1c\x02\x37\x00\x0820240615" + b"\x1c\x02\x3c\x00\x0b123000+0200"
TAKEN = {"photoTakenTime": {"timestamp": "1718454600"}, "geoData": {"latitude": 38.7, "longitude": -9.13}}


def segment(marker: int, content: bytes, into: bytes | None = None) -> bytes:
    """A JPEG with one more segment at its beginning."""
    data = into or photo()
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + data[2:]


def with_xmp(packet: str, into: bytes | None = None) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet.encode(), into)


def with_iptc(block: bytes) -> bytes:
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block + b"\0" * (len(block) % 2)
    return segment(0xED, b"Photoshop 3.0\0" + resource)


def taken(facts: PhotoFacts) -> tuple[datetime | None, str | None]:
    return facts.taken_at, facts.taken_source


@pytest.mark.parametrize(
    "packet",
    [AS_ATTRIBUTE, AS_ELEMENT, AS_ATTRIBUTE[:-40], XMP % "xmp:CreateDate = '2024-06-15T12:30:00' tiff:Make=''>"],
)
def test_xmp_in_a_jpeg(packet: str) -> None:
    assert taken(read_facts(with_xmp(packet))) == (NOON, "XMP")


@pytest.mark.parametrize("image_format", ["WEBP", "AVIF", "HEIF", "TIFF"])
def test_xmp_in_other_formats(image_format: str) -> None:
    out = io.BytesIO()
    image = Image.new("RGB", (24, 16), "teal")
    if image_format == "TIFF":
        out.write(tiff(image_tags(4, 4, [8], 1) | {700: (BYTE, AS_ATTRIBUTE.encode())}, bytes(16)))
    else:
        image.save(out, image_format, xmp=AS_ATTRIBUTE.encode())
    assert taken(read_facts(out.getvalue())) == (NOON, "XMP")


def test_iptc_in_a_jpeg_and_a_tiff() -> None:
    assert taken(read_facts(with_iptc(IPTC))) == (NOON, "IPTC")
    assert taken(read_facts(with_iptc(IPTC[:13]))) == (datetime(2024, 6, 15), "IPTC")
    directory = image_tags(4, 4, [8], 1) | {33723: (UNDEFINED, IPTC)}
    assert taken(read_facts(tiff(directory, bytes(16)))) == (NOON, "IPTC")
    deep = image_tags(4, 4, [16], 1) | {33723: (UNDEFINED, IPTC), 339: (SHORT, 1)}
    assert taken(read_facts(tiff(deep, bytes(32)))) == (NOON, "IPTC")


@pytest.mark.parametrize("packet", [AS_ELEMENT.encode(), AS_ELEMENT.encode("utf-16")])
def test_an_xmp_sidecar(packet: bytes) -> None:
    assert taken(read_facts(photo(), Beside(xmp=packet))) == (NOON, "XMP sidecar")


def test_takeout() -> None:
    facts = read_facts(photo(), Beside(takeout=json.dumps(TAKEN).encode()))
    assert taken(facts) == (NOON, "Takeout")
    assert (facts.latitude, facts.longitude, facts.position_source, facts.country) == (38.7, -9.13, "Takeout", "PT")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"[" * 100_000, b"\xff\xfe\x00"),
        b'{"photoTakenTime": 5, "geoData": []}',
        b'{"photoTakenTime": {"timestamp": "0"}}',
        b'{"photoTakenTime": {"timestamp": "99999999999999999"}, "geoData": {"latitude": 0.0, "longitude": 0.0}}',
        b'{"geoData": {"latitude": 95, "longitude": "x"}}',
    ],
)
def test_other_json_says_nothing(content: bytes) -> None:
    said = read_takeout(content)
    assert (said.taken_at, said.position) == (None, None)


def test_the_name() -> None:
    assert taken(read_facts(photo(), Beside("IMG-20240615-WA0001.jpg"))) == (datetime(2024, 6, 15), "file name")
    assert taken(read_facts(photo(), Beside("DSC_0001.jpg"))) == (None, None)


def test_the_first_source_that_is_clear_counts() -> None:
    beside = Beside(
        "2024-06-21.jpg", (XMP % f'exif:DateTimeOriginal="{OTHER_DAY}">').encode(), json.dumps(TAKEN).encode()
    )
    dated = photo(exif={ORIGINAL: "2024:06:14 16:05:09"})
    nonsense = photo(exif={ORIGINAL: "0001:01:01 00:00:00"})
    assert taken(read_facts(with_xmp(AS_ATTRIBUTE, dated), beside)) == (datetime(2024, 6, 14, 16, 5, 9), "EXIF")
    assert taken(read_facts(with_xmp(AS_ATTRIBUTE, nonsense), beside)) == (NOON, "XMP")
    assert taken(read_facts(nonsense, beside)) == (datetime.fromisoformat(OTHER_DAY), "XMP sidecar")
    assert taken(read_facts(with_iptc(IPTC), Beside("", None, beside.takeout))) == (NOON, "IPTC")
    assert taken(read_facts(nonsense, Beside("2024-06-21.jpg", None, beside.takeout))) == (NOON, "Takeout")


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("38,42.69N", "9,7.98W", (38.7115, -9.133)),
        ("38,42,41.4N", "9,7,58.8W", (38.7115, -9.133)),
        ("33.5S", "151.25E", (-33.5, 151.25)),
        ("91,0.0N", "9,7.98W", None),
        ("38,42.69", "9,7.98W", None),
        ("38,42.69N", "", None),
        ("38,42.69E", "9,7.98W", None),
    ],
)
def test_a_position_in_xmp(latitude: str, longitude: str, expected: tuple[float, float] | None) -> None:
    packet = XMP % f'exif:GPSLatitude="{latitude}" exif:GPSLongitude="{longitude}">'
    found = read_xmp(packet.encode()).position
    assert found == (pytest.approx(expected) if expected else None)
    facts = read_facts(with_xmp(packet))
    assert facts.position_source == ("XMP" if expected else None)


@pytest.mark.parametrize(
    "gps",
    [
        LISBON,
        LISBON | {1: "north", 3: "west"},
        LISBON | {2: (38.0, 42.69, float("nan"))},
        LISBON | {2: (38.0, 42.69)},
        LISBON | {2: "38.7115", 4: "9.133"},
        LISBON | {2: "38/42/41.4"},
        LISBON | {4: (-9.0, 7.0, 58.8)},
        {1: "N", 2: LISBON[2], 4: (-9.0, 7.0, 58.8)},
    ],
)
def test_a_malformed_position_as_far_as_it_is_clear(gps: dict) -> None:
    assert _position(gps) == pytest.approx((38.7115, -9.133), abs=1e-4)


def test_the_camera_in_xmp() -> None:
    assert read_facts(with_xmp(XMP % 'tiff:Make="SONY" tiff:Model="ILCE-7M4">')).camera == "SONY ILCE-7M4"


def test_one_damaged_directory_leaves_the_others() -> None:
    dated = ({ORIGINAL: (ASCII, b"2024:06:15 12:30:00\0")}, b"")
    block = tiff({0x8825: (LONG, 10_000_000)}, b"", {0x8769: [dated]})  # the GPS directory lies outside the file
    out = io.BytesIO()
    Image.new("RGB", (24, 16)).save(out, "JPEG", exif=b"Exif\0\0" + block)
    assert taken(read_facts(out.getvalue())) == (NOON, "EXIF")
