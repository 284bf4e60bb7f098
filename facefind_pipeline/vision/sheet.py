"""Thumbnails of faces and photos, and contact sheets made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from facefind_pipeline.faces import Box
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.decode import require_memory, upright_rgb
from facefind_pipeline.vision.opening import open_photo

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

THUMBNAIL_SIDE = 128  # pixels of the longer side; about 4 kB a face
MARGIN = 0.2  # of the box, on each side: hair and chin tell people more than the bare face
CAPTION_HEIGHT = 34
GAP = 8
FRAME = (0, 150, 60)  # of tiles that are marked
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}  # of a sheet's file, by its suffix
JPEG_SIDE = 65_500  # pixels, the most that a JPEG's side can have


@dataclass(frozen=True, slots=True)
class Tile:
    """One face of a sheet: a JPEG and up to two lines below it, and whether it stands in a green frame."""

    jpeg: bytes
    caption: tuple[str, ...] = ()
    framed: bool = False


EMPTY = Tile(b"")  # a place that is left free


def thumbnail(photo: Image, box: Box) -> bytes:
    """A JPEG of the box with some margin, cut at the photo's border; grey for a grey photo."""
    import cv2

    height, width = photo.shape[:2]
    dx, dy = round(box.w * MARGIN), round(box.h * MARGIN)
    crop = photo[
        max(0, box.y - dy) : min(height, box.y + box.h + dy), max(0, box.x - dx) : min(width, box.x + box.w + dx)
    ]
    scale = THUMBNAIL_SIDE / max(crop.shape[:2])
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if small.ndim == 3:
        small = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 82])
    return encoded.tobytes()


def photo_thumbnail(data: bytes) -> bytes | None:
    """A JPEG of a whole photo, upright; None where it can't be read.

    Decoded at an eighth of its size where the format allows, so that a look at a day costs milliseconds a photo.
    """
    from PIL import Image as PILImage

    try:
        photo = open_photo(data)
        if photo.header is not None:
            photo.header.draft("RGB", (2 * THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE))
            photo = replace(photo, stored_size=photo.header.size, jpeg=None)
        require_memory(photo)
        small = PILImage.fromarray(upright_rgb(photo))
        small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        output = BytesIO()
        small.save(output, "JPEG", quality=82)
    except Exception:  # noqa: BLE001 - what Pillow's readers raise of a damaged file has no common class
        return None
    return output.getvalue()


def contact_sheet(
    tiles: Sequence[Tile],
    *,
    columns: int = 10,
    title: str = "",
    image_format: str = "JPEG",
    side: int = THUMBNAIL_SIDE,
) -> bytes:
    """An image, `JPEG` or `PNG`, with all tiles in rows; more columns where the rows would be too many for a JPEG."""
    rows = JPEG_SIDE // (side + GAP + CAPTION_HEIGHT) - 1
    columns = max(columns, -(-len(tiles) // rows))
    return _sheet(tiles, columns=columns, title=title, side=side, quality=85, image_format=image_format)


def write_sheet(
    path: Path, tiles: Sequence[Tile], *, title: str = "", columns: int = 10, side: int = THUMBNAIL_SIDE
) -> Path:
    """Writes a full contact sheet, replacing the one that is there; the suffix is one of `FORMATS`."""
    from facefind_pipeline.vision.models import write_atomically

    path.parent.mkdir(parents=True, exist_ok=True)
    image_format = FORMATS[path.suffix.lower()]
    write_atomically(path, contact_sheet(tiles, title=title, columns=columns, image_format=image_format, side=side))
    return path


def _sheet(
    tiles: Sequence[Tile], *, columns: int, title: str, side: int, quality: int, image_format: str = "JPEG"
) -> bytes:
    from PIL import Image as PILImage
    from PIL import ImageDraw

    captioned = any(tile.caption for tile in tiles)
    cell = (side + GAP, side + GAP + (CAPTION_HEIGHT if captioned else 0))
    columns = max(1, min(columns, len(tiles)))
    top = GAP + (30 if title else 0)
    size = (GAP + columns * cell[0], top + -(-len(tiles) // columns) * cell[1])
    sheet = PILImage.new("RGB", (max(size[0], 12 * len(title)), max(size[1], 1)), "white")
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((GAP, GAP), _printable(title), fill="black", font=_font(18))
    font = _font(11)
    for number, tile in enumerate(tiles):
        if not tile.jpeg:
            continue
        x, y = GAP + number % columns * cell[0], top + number // columns * cell[1]
        with PILImage.open(BytesIO(tile.jpeg)) as face:
            face.thumbnail((side, side))
            left, above = x + (side - face.width) // 2, y + side - face.height
            sheet.paste(face.convert("RGB"), (left, above))
            if tile.framed:
                box = (left, above, left + face.width - 1, above + face.height - 1)
                draw.rectangle(box, outline=FRAME, width=max(2, side // 32))
        for line, text in enumerate(tile.caption[:2]):
            draw.text((x, y + side + 2 + 14 * line), _fit(text, side, font), fill="black", font=font)
    output = BytesIO()
    sheet.save(output, image_format, quality=quality, optimize=True)
    return output.getvalue()


@cache
def _font(size: int) -> "FreeTypeFont":
    from PIL import ImageFont

    # Pillow's own font has no accents; matplotlib ships this one, and importing matplotlib would take 0.2 s.
    package = find_spec("matplotlib")
    assert package is not None
    assert package.origin is not None
    file = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    # The other engine fails on some texts that file names may be.
    return ImageFont.truetype(str(file), size, layout_engine=ImageFont.Layout.BASIC)


def _printable(text: str) -> str:
    """The text on one line: a file's name may hold line breaks."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _fit(text: str, width: int, font: "FreeTypeFont") -> str:
    """The text, its beginning cut so that it fits: the end of a path tells more than its start."""
    cut = _printable(text)
    while len(cut) > 2 and font.getlength(cut) > width:
        cut = "…" + cut[2:]
    return cut
