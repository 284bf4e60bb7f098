"""What a photo says of itself: size, time, place and camera, from its header, what lies beside it and its name."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PIL.ExifTags import GPS, IFD, Base

from facefind_pipeline.vision import png, raw
from facefind_pipeline.vision.dates import date_in_name, parse_date
from facefind_pipeline.vision.iptc import read_iptc
from facefind_pipeline.vision.opening import RAW, OpenedPhoto, open_photo
from facefind_pipeline.vision.raw import Tags
from facefind_pipeline.vision.takeout import read_takeout
from facefind_pipeline.vision.towns import nearest_town
from facefind_pipeline.vision.xmp import TextMetadata, read_xmp

if TYPE_CHECKING:
    from PIL.Image import Exif

_IPTC_RESOURCE = 0x0404  # of Photoshop's blocks


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies beside a photo and describes it.

    Attributes:
        name: of the photo file.
        xmp: content of its XMP sidecar.
        takeout: content of the JSON file that Google's Takeout wrote for it.
    """

    name: str = ""
    xmp: bytes | None = None
    takeout: bytes | None = None


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What is known of a photo; None where nothing says so, or nonsense does.

    Attributes:
        format: such as "JPEG", "PNG", "HEIF", "RAW".
        width: of the upright photo in full size, pixels.
        height: likewise.
        orientation: the EXIF flag, 1 to 8; 1 for HEIC, which turns its pixels by other means.
        taken_at: local time by the camera's clock, without time zone; of Takeout in UTC.
        taken_source: which source says so, as "EXIF" or "file name".
        latitude: degrees north, WGS84.
        longitude: degrees east.
        position_source: which source says so.
        country: ISO 3166-1 alpha-2 code of the nearest town's country.
        place: the nearest town of 1,000 people or more.
        camera: make and model.
        note: what is wrong with a photo that is used nevertheless.
    """

    format: str
    width: int
    height: int
    orientation: int
    taken_at: datetime | None = None
    taken_source: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    position_source: str | None = None
    country: str | None = None
    place: str | None = None
    camera: str | None = None
    note: str | None = None


def read_facts(data: bytes, beside: Beside | None = None) -> PhotoFacts:
    """What is known of the photo without decoding its pixels; of several sources the first that is clear counts.

    Raises:
        UnreadablePhotoError: as `decode`, as far as the header shows it.
    """
    beside = beside or Beside()
    photo = open_photo(data)
    main, exif, gps = _tags(photo, data)
    texts = png.texts(data) if photo.format == "PNG" else {}
    packet = read_xmp(_packet(photo, main, texts))
    sidecar, takeout = read_xmp(beside.xmp or b""), read_takeout(beside.takeout or b"")
    dates = {
        "EXIF": _exif_date(main, exif),
        "XMP": packet.taken_at,
        "XMP sidecar": sidecar.taken_at,
        "IPTC": read_iptc(_iptc(photo, main)),
        "PNG": next(filter(None, (parse_date(texts.get(name, "")) for name in png.CREATION_TIMES)), None),
        "Takeout": takeout.taken_at,
        "file name": date_in_name(beside.name),
    }
    positions = {
        "EXIF": _position(gps),
        "XMP": packet.position,
        "XMP sidecar": sidecar.position,
        "Takeout": takeout.position,
    }
    taken_source, taken_at = next(((source, date) for source, date in dates.items() if date), (None, None))
    position_source, position = next(((source, found) for source, found in positions.items() if found), (None, None))
    town = nearest_town(*position) if position else None
    width, height = photo.size
    return PhotoFacts(
        format=photo.format,
        width=width,
        height=height,
        orientation=photo.orientation,
        taken_at=taken_at,
        taken_source=taken_source,
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
        position_source=position_source,
        country=town.country if town else None,
        place=town.name if town else None,
        camera=_camera(_text(main.get(Base.Make)), _text(main.get(Base.Model)))
        or _camera_of(packet)
        or _camera_of(sidecar),
        note=photo.note,
    )


def _tags(photo: OpenedPhoto, data: bytes) -> tuple[Tags, Tags, Tags]:
    """The tags of the main, the Exif and the GPS directory; empty where there are none or they are damaged."""
    from PIL import Image

    own: tuple[Tags, Tags, Tags] = ({}, {}, {})
    if photo.header is None or photo.format == RAW:
        try:
            own = raw.tags(data)
        except Exception:  # noqa: BLE001 - as below
            own = ({}, {}, {})
    if any(own) or photo.header is None:
        return own
    try:
        # PNG's own getexif would decode all pixels, in search of EXIF behind them.
        main = Image.Image.getexif(photo.header)
    except Exception:  # noqa: BLE001 - damaged EXIF gave SyntaxError, and Pillow's reader promises nothing
        return {}, {}, {}
    return main, _directory(main, IFD.Exif), _directory(main, IFD.GPSInfo)


def _directory(main: "Exif", number: IFD) -> Tags:
    try:
        return main.get_ifd(number)
    except Exception:  # noqa: BLE001 - as in _tags; the other directory may be whole
        return {}


def _packet(photo: OpenedPhoto, main: Tags, texts: Mapping[str, str]) -> bytes:
    """The XMP packet inside the photo; empty without one."""
    embedded = photo.header.info.get("xmp") if photo.header is not None else None
    packet = texts.get(png.XMP) or main.get(Base.XMLPacket) or embedded or b""
    if isinstance(packet, str):
        return packet.encode()
    return packet if isinstance(packet, bytes) else b""  # numbers, of a tag that is damaged


def _iptc(photo: OpenedPhoto, main: Tags) -> bytes:
    """The IPTC block inside the photo; empty without one."""
    resources = photo.header.info.get("photoshop") if photo.header is not None else None
    block = (
        resources.get(_IPTC_RESOURCE)
        if isinstance(resources, dict)
        else main.get(Base.IPTCNAA) or main.get(Base.ImageResources)
    )
    return block if isinstance(block, bytes) else b""


def _exif_date(main: Tags, exif: Tags) -> datetime | None:
    written = (exif.get(Base.DateTimeOriginal), exif.get(Base.DateTimeDigitized), main.get(Base.DateTime))
    return next(filter(None, (parse_date(_text(value) or "") for value in written)), None)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    # PostgreSQL stores no NUL, which cameras pad with.
    return " ".join("".join(c if c.isprintable() else " " for c in value).split()) or None


def _camera(make: str | None, model: str | None) -> str | None:
    if make is None or model is None:
        return model or make
    # "NIKON CORPORATION" and "NIKON D90" are one "NIKON D90".
    return model if model.casefold().startswith(make.split()[0].casefold()) else f"{make} {model}"


def _camera_of(metadata: TextMetadata) -> str | None:
    return _camera(_text(metadata.make), _text(metadata.model))


def _position(gps: Tags) -> tuple[float, float] | None:
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), "NS", 90)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), "EW", 180)
    # Cameras without a fix write 0 and 0.
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return latitude, longitude


def _degrees(value: Any, reference: object, hemispheres: str, limit: float) -> float | None:
    """Signed degrees from degrees, minutes and seconds, or a text of those; None where they or the side are unclear."""
    if isinstance(value, str | bytes):
        value = tuple(re.findall(r"-?\d+(?:\.\d+)?", _text(value) or ""))
    try:
        parts = [float(part) for part in (value if isinstance(value, tuple) else (value,))][:3]
    except (TypeError, ValueError):
        return None
    if not parts or not math.isfinite(parts[0]):
        return None
    hemisphere = (_text(reference) or "-")[0].upper()
    negative = math.copysign(1, parts[0]) < 0
    if negative and hemisphere == "-":
        hemisphere = hemispheres[1]  # a sign says as much
    # Minutes or seconds that are nonsense leave the rest clear to a mile.
    degrees: float = sum(abs(part) / 60**power for power, part in enumerate(parts) if math.isfinite(part))
    if hemisphere not in hemispheres or degrees > limit or (negative and hemisphere == hemispheres[0]):
        return None
    return -degrees if hemisphere in "SW" else degrees
