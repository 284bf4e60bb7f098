"""The JSON files that Google Photos' Takeout writes beside each photo."""

import json
from datetime import UTC, datetime
from typing import Any

from facefind_pipeline.vision.dates import FIRST_YEAR
from facefind_pipeline.vision.xmp import TextMetadata


def read_takeout(content: bytes) -> TextMetadata:
    """When, in UTC, and where the photo was taken; nothing for any other JSON."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return TextMetadata()
    if not isinstance(said, dict):
        return TextMetadata()
    return TextMetadata(taken_at=_moment(said.get("photoTakenTime")), position=_position(said))


def _moment(said: Any) -> datetime | None:
    try:
        seconds = int(said["timestamp"])
        moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
    return moment if seconds and moment.year >= FIRST_YEAR else None


def _position(said: dict[str, Any]) -> tuple[float, float] | None:
    for name in ("geoData", "geoDataExif"):
        try:
            latitude, longitude = float(said[name]["latitude"]), float(said[name]["longitude"])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        # Nought and nought where it is unknown.
        if -90 <= latitude <= 90 and -180 <= longitude <= 180 and (latitude, longitude) != (0, 0):
            return latitude, longitude
    return None
