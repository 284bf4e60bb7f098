"""Galleries without a search: as many photos as a test wants, of two people over three days."""

import hashlib
import io
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from facefind_pipeline.publish.gallery_data import Appearance, GalleryPhoto
from facefind_pipeline.publish.previews import FULL, SIDES, preview_file
from facefind_pipeline.search.matches import Match

PEOPLE = ("Ada <b>Lovelace</b>", "Bob & Co")
BANDS = ("confirmed", "sure", "sure", "likely")
SIZE = (3000, 2000)


def match(name: str = "a.jpg", *, band: str = "sure", taken_at: datetime | None = None, **more: Any) -> Match:
    """A match of a photo whose content is its name."""
    values = {
        "rank": 1,
        "photo": name,
        "file": Path("/photos") / name,
        "event_day": "friday",
        "distance": 0.31,
        "score": 0.31,
        "plain_distance": 0.3,
        "probability": 0.987,
        "rival": "Somebody Else",
        "rival_distance": 0.5,
        "box": (1200, 500, 300, 400),
        "detector_score": 0.9,
        "country": "PT",
        "place": "Vila <i>Nova</i>",
        "sha256": hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest(),
        "copies": (),
        "thumbnail": b"",
    }
    return Match(**(values | {"band": band, "taken_at": taken_at} | more))


def gallery_photos(count: int) -> list[GalleryPhoto]:
    """Photos of one minute after the other, every fifth of both people, the last without a date."""
    start = datetime(2024, 6, 14, 8)
    photos = []
    for number in range(count):
        taken_at = start + timedelta(minutes=number * 4300 // count) if number < count - 1 else None
        name = f"card {number % 3}/IMG_{number:05}.jpg"
        first = Appearance(number % 2, match(name, band=BANDS[number % 4], taken_at=taken_at))
        both = [Appearance(1 - number % 2, match(name, band="likely", taken_at=taken_at, box=(2400, 500, 300, 400)))]
        photos.append(GalleryPhoto(SIZE, [first, *(both if number % 5 == 0 else [])]))
    return photos


def write_previews(folder: Path, photos: Sequence[GalleryPhoto], picture: Image.Image) -> None:
    """Previews of one and the same picture for all photos; the large ones are coarse, lest 10,000 fill the disk."""
    for side in SIDES:
        small = picture.resize((side, side * SIZE[1] // SIZE[0]))
        encoded = io.BytesIO()
        small.save(encoded, "JPEG", quality=5 if side == FULL else 75)
        first = None
        for photo in photos:
            file = preview_file(folder, photo.match.sha256, side)
            file.parent.mkdir(parents=True, exist_ok=True)
            if first is None:
                file.write_bytes(encoded.getvalue())
                first = file
            else:
                os.link(first, file)
