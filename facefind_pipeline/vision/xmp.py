"""What an XMP packet says of when, where and with what a photo was taken; embedded, or a file beside the photo.

Read by patterns: packets are often cut short or not quite XML, and prefixes are the same everywhere.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from facefind_pipeline.vision.dates import parse_date

_DATES = ("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate", "exif:DateTimeDigitized")
_LONGEST = 200  # letters of a value: a number of millions of digits would take seconds
_DEGREES = re.compile(r"(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW])\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class TextMetadata:
    """What a packet or a sidecar says.

    Attributes:
        taken_at: local time without zone, of Google's Takeout UTC.
        position: degrees north and east, WGS84.
        make: of the camera.
        model: likewise.
    """

    taken_at: datetime | None = None
    position: tuple[float, float] | None = None
    make: str | None = None
    model: str | None = None


def read_xmp(packet: bytes) -> TextMetadata:
    """What a packet says; what is missing or nonsense is None."""
    encoding = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}.get(packet[:2], "utf-8")
    text = packet.decode(encoding, "replace")
    dates = (parse_date(_value(text, name) or "") for name in _DATES)
    latitude = _degrees(_value(text, "exif:GPSLatitude"), "NS", 90)
    longitude = _degrees(_value(text, "exif:GPSLongitude"), "EW", 180)
    return TextMetadata(
        taken_at=next((date for date in dates if date), None),
        position=None if latitude is None or longitude is None else (latitude, longitude),
        make=_value(text, "tiff:Make"),
        model=_value(text, "tiff:Model"),
    )


def _value(text: str, name: str) -> str | None:
    """The value of a property, written as attribute or as element."""
    found = re.search(rf"""{name}\s*(?:=\s*["']|>)\s*([^"'<]{{1,{_LONGEST}}})""", text)
    return found[1].strip() if found else None


def _degrees(text: str | None, hemispheres: str, limit: float) -> float | None:
    """Signed degrees from `38,42.69N` or `38,42,41W`."""
    found = _DEGREES.fullmatch(text or "")
    if found is None or found[4] not in hemispheres:
        return None
    degrees: float = sum(float(part or 0) / 60**power for power, part in enumerate(found.groups()[:3]))
    if degrees > limit:
        return None
    return -degrees if found[4] in "SW" else degrees
