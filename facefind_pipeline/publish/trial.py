"""Photos looked at before they are given away: a sheet of each small, as it would be, who is meant in a frame."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from facefind_pipeline.progress import Progress
from facefind_pipeline.publish.album import Album, AlbumPhoto, name_files
from facefind_pipeline.publish.contents import Contents
from facefind_pipeline.publish.exports import QUALITY, Size, ToExport, export
from facefind_pipeline.publish.gallery_data import GalleryPhoto
from facefind_pipeline.vision.sheet import Tile, write_sheet

TILE_SIDE = 320  # pixels
SHOWN = 300  # photos on a sheet: about 100 MB while it is drawn
_COLUMNS = 5
_FRAME = "lime"

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """A photo to look at.

    Attributes:
        export: as it would be given away.
        name: to write below it.
        matches: why it is in, to write below that.
        width: of the upright photo, pixels.
        boxes: of the faces it is in for, in its pixels.
    """

    export: ToExport
    name: str
    matches: str
    width: int
    boxes: Sequence[Rectangle]


@dataclass(frozen=True, slots=True)
class Tried:
    """What would become of photos, by SHA-256 in hex: how many heads are covered, or why it can't be given away."""

    covered: Mapping[str, int]
    problems: Mapping[str, str]


def try_album(album: Album, sheet: Path, models: Path, progress: Progress) -> Contents:
    """What the album would hold, with what is covered counted; writes the sheet alone.

    Raises:
        OutageError: the disk is full.
    """
    contents = album.contents(name_files(album.photos, {}, ()))
    names = {item.sha256: item.file for item in contents.items}
    trials = [_of_album(photo, names[photo.match.sha256]) for photo in album.photos]
    tried = draw_trials(contents.name, trials, sheet, models, progress)
    items = [
        replace(item, covered=tried.covered[item.sha256] if album.options.hide_others else None)
        for item in contents.items
        if item.sha256 in tried.covered
    ]
    left_out = {
        photo.match.photo: tried.problems[photo.match.sha256]
        for photo in album.photos
        if photo.match.sha256 in tried.problems
    }
    return replace(contents, items=items, left_out={**contents.left_out, **left_out})


def try_gallery(
    people: Sequence[str], photos: Sequence[GalleryPhoto], sheet: Path, models: Path, progress: Progress
) -> Tried:
    """What would become of a gallery's photos; writes the sheet alone.

    Raises:
        OutageError: the disk is full.
    """
    trials = [_of_gallery(photo, people) for photo in photos]
    return draw_trials(", ".join(people), trials, sheet, models, progress)


def draw_trials(title: str, photos: Sequence[Trial], sheet: Path, models: Path, progress: Progress) -> Tried:
    """Makes the photos as they would be given away, and draws the first of them.

    Raises:
        OutageError: the disk is full.
    """
    covered, problems, tiles = dict[str, int](), dict[str, str](), list[Tile]()
    progress.begin(title, len(photos), "photo")
    for photo, given in zip(photos, export((photo.export for photo in photos), models), strict=True):
        progress.advance()
        if given.data is None:
            problems[photo.export.sha256] = given.problem or ""
            continue
        covered[photo.export.sha256] = given.covered
        if len(tiles) < SHOWN:
            hidden = f", {given.covered} covered" if photo.export.hiding else ""
            tiles.append(Tile(_framed(photo, given.data), (photo.name, f"{photo.matches}{hidden}")))
    progress.end()
    if tiles:
        drawn = f"{title}: {len(tiles)} of {len(photos)} photos"
        write_sheet(sheet, tiles, title=drawn, columns=_COLUMNS, side=TILE_SIDE)
    return Tried(covered, problems)


def _of_album(photo: AlbumPhoto, name: str) -> Trial:
    export = replace(photo.export, size=Size.WEB)
    return Trial(export, name, photo.match.band, photo.size[0], [photo.match.box])


def _of_gallery(photo: GalleryPhoto, people: Sequence[str]) -> Trial:
    export = ToExport(photo.match.sha256, photo.source.files, Size.WEB, photo.hiding)
    matches = ", ".join(f"{people[one.person]}: {one.match.band}" for one in photo.appearances)
    boxes = [one.match.box for one in photo.appearances]
    return Trial(export, photo.match.photo, matches, photo.size[0], boxes)


def _framed(photo: Trial, jpeg: bytes) -> bytes:
    """The picture small, with a frame around each face that it is in for."""
    from PIL import Image as PILImage
    from PIL import ImageDraw

    with PILImage.open(io.BytesIO(jpeg)) as picture:
        picture.draft("RGB", (TILE_SIDE, TILE_SIDE))
        small = picture.convert("RGB")
    small.thumbnail((TILE_SIDE, TILE_SIDE))
    scale = small.width / photo.width
    for box in photo.boxes:
        x, y, w, h = (value * scale for value in box)
        ImageDraw.Draw(small).rectangle((x - 2, y - 2, x + w + 2, y + h + 2), outline=_FRAME, width=2)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY[Size.WEB])
    return out.getvalue()
