"""An album looked at before it is made: each photo small as it would be given away, the person's face in a frame."""

import io
from dataclasses import replace
from pathlib import Path

from facefind_pipeline.progress import Progress
from facefind_pipeline.publish.album import Album, AlbumPhoto, name_files
from facefind_pipeline.publish.contents import Contents
from facefind_pipeline.publish.exports import QUALITY, Exported, Size, export
from facefind_pipeline.vision.sheet import Tile, write_sheet

TILE_SIDE = 320  # pixels
SHOWN = 300  # photos on a sheet: about 100 MB while it is drawn
_COLUMNS = 5
_FRAME = "lime"


def try_album(album: Album, sheet: Path, models: Path, progress: Progress) -> Contents:
    """What the album would hold, with what is covered counted; writes the sheet alone.

    Raises:
        OutageError: the disk is full.
    """
    contents = album.contents(name_files(album.photos, {}, ()))
    names = {item.sha256: item.file for item in contents.items}
    covered, problems, tiles = dict[str, int](), dict[str, str](), list[Tile]()
    small = [replace(photo.export, size=Size.WEB) for photo in album.photos]
    progress.begin(f"album of {contents.name}", len(small), "photo")
    for photo, given in zip(album.photos, export(small, models), strict=True):
        progress.advance()
        sha256 = photo.match.sha256
        if given.data is None:
            problems[sha256] = given.problem or ""
            continue
        covered[sha256] = given.covered
        if len(tiles) < SHOWN:
            tiles.append(Tile(_framed(photo, given.data), (names[sha256], _caption(album, photo, given))))
    progress.end()
    if tiles:
        title = f"{contents.name}: {len(tiles)} of {len(album.photos)} photos"
        write_sheet(sheet, tiles, title=title, columns=_COLUMNS, side=TILE_SIDE)
    items = [
        replace(item, covered=covered[item.sha256] if album.options.hide_others else None)
        for item in contents.items
        if item.sha256 in covered
    ]
    left_out = {
        photo.match.photo: problems[photo.match.sha256] for photo in album.photos if photo.match.sha256 in problems
    }
    return replace(contents, items=items, left_out={**contents.left_out, **left_out})


def _framed(photo: AlbumPhoto, jpeg: bytes) -> bytes:
    """The picture small, with a frame around the face that is the person's by the match."""
    from PIL import Image as PILImage
    from PIL import ImageDraw

    with PILImage.open(io.BytesIO(jpeg)) as picture:
        picture.draft("RGB", (TILE_SIDE, TILE_SIDE))
        small = picture.convert("RGB")
    small.thumbnail((TILE_SIDE, TILE_SIDE))
    scale = small.width / photo.size[0]
    x, y, w, h = (value * scale for value in photo.match.box)
    ImageDraw.Draw(small).rectangle((x - 2, y - 2, x + w + 2, y + h + 2), outline=_FRAME, width=2)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY[Size.WEB])
    return out.getvalue()


def _caption(album: Album, photo: AlbumPhoto, given: Exported) -> str:
    hidden = f", {given.covered} covered" if album.options.hide_others else ""
    return f"{photo.match.band}{hidden}"
