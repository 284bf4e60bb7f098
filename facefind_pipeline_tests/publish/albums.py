"""Albums planned by hand, of photos in a folder: without a database, and with the faces that the test says."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageOps

from facefind_pipeline.publish.album import Album, AlbumPhoto, Options
from facefind_pipeline.publish.covering import Head
from facefind_pipeline.publish.exports import ToExport
from facefind_pipeline.publish.hiding import Hiding
from facefind_pipeline.publish.selection import Selection
from facefind_pipeline.search.matches import Match
from facefind_pipeline.store.people import Person

ADA = Person("ada", "Ada")
BOX = (20, 10, 30, 40)


def match(file: Path, root: Path, rank: int = 1, box: tuple[int, int, int, int] = BOX) -> Match:
    """A sure match of a photo below a root."""
    return Match(
        rank=rank,
        photo=file.relative_to(root).as_posix(),
        file=file,
        event_day="party",
        distance=0.3,
        score=0.3,
        plain_distance=0.3,
        probability=0.99,
        rival=None,
        rival_distance=None,
        band="sure",
        box=box,
        detector_score=0.9,
        taken_at=datetime(2024, 6, 15, 20, rank % 60),
        country="PT",
        place="Sintra",
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        copies=(),
        thumbnail=b"",
    )


def album_of(
    root: Path,
    files: Sequence[Path],
    options: Options,
    *,
    hiding: Mapping[Path, Hiding] | None = None,
    person: Person = ADA,
) -> Album:
    """An album of photos, best first; where others are hidden, by default nobody else was found."""
    photos, matches = [], []
    for rank, file in enumerate(files, start=1):
        one = match(file, root, rank)
        matches.append(one)
        hidden = (hiding or {}).get(file, Hiding((Head(*BOX),), (Head(*BOX),))) if options.hide_others else None
        with Image.open(file) as image:
            flag, size = image.getexif().get(0x0112, 1), ImageOps.exif_transpose(image).size
        plain = options.links or (options.size.value == "original" and hidden is None)
        name = file.name if plain or file.suffix.lower() in {".jpg", ".jpeg"} else f"{file.stem}.jpg"
        version = f"{one.sha256} {options} {hidden and hidden.version}"
        export = ToExport(one.sha256, (file,), options.size, hidden)
        photos.append(AlbumPhoto(one, export, name, size, flag, version))
    return Album(Selection(person, matches), "some-set", options, photos, {})
