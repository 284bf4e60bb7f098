"""One photo as it is given away: read, other people's heads covered, made small, encoded; many in processes apart."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from facefind_pipeline.publish.covering import Head, cover_heads, covering_bytes
from facefind_pipeline.publish.hiding import Hiding, LowLook, heads_to_cover, low_look
from facefind_pipeline.publish.metadata import in_srgb
from facefind_pipeline.publish.previews import thumbnails
from facefind_pipeline.publish.sources import Source
from facefind_pipeline.vision.apart import cores
from facefind_pipeline.vision.arrays import Image
from facefind_pipeline.vision.decode import UnreadablePhotoError, decode_opened, require_memory
from facefind_pipeline.vision.detectors import Effort, reduce, reduced_size
from facefind_pipeline.vision.opening import OpenedPhoto, open_photo


class Size(Enum):
    """How large a photo is given away."""

    WEB = "web"
    FULL = "full"
    ORIGINAL = "original"

    @property
    def side(self) -> int:
        """Pixels of the longer side at most; 0 for no limit."""
        return WEB_SIDE if self is Size.WEB else 0

    def of(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height that an upright photo of this size is given away with."""
        return reduced_size(size, self.side)


WEB_SIDE = 2048  # fills a phone's screen three times over and a desktop's once
QUALITY = {Size.WEB: 85, Size.FULL: 92, Size.ORIGINAL: 95}  # of the JPEGs
_ENCODING_BYTES = 6  # per pixel that is given away: a copy in OpenCV's order of colours and the JPEG


@dataclass(frozen=True, slots=True)
class ToExport:
    """A photo to give away.

    Attributes:
        sha256: of its content, in hex.
        files: that held it when they were last looked at.
        size: how large; the original is the file as it is, unless something is hidden.
        hiding: whose faces stay; None hides nothing.
        thumbnails: whether it is wanted as small as a gallery's grid shows it, too.
    """

    sha256: str
    files: tuple[Path, ...]
    size: Size
    hiding: Hiding | None = None
    thumbnails: bool = False

    @property
    def source(self) -> Source:
        """The photo's content."""
        return Source(self.sha256, self.files)

    @property
    def as_it_is(self) -> bool:
        """Whether the file is given away byte by byte."""
        return self.size is Size.ORIGINAL and self.hiding is None


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of a photo.

    Attributes:
        photo: that was asked for.
        data: of the file to write; None where there is a problem.
        covered: heads of other people.
        problem: why it can't be given away.
        thumbnails: JPEGs by the pixels of their longer side.
    """

    photo: ToExport
    data: bytes | None = None
    covered: int = 0
    problem: str | None = None
    thumbnails: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Picture:
    """Upright sRGB pixels (h, w, 3), and how many heads of others are covered in them."""

    pixels: Image
    covered: int


def export(photos: Iterable[ToExport], models: Path) -> Iterator[Exported]:
    """The photos in their order, a few per core at a time in memory; as `export_photo`, with its errors."""
    ahead = 2 * cores()
    waiting: deque[Future[Exported]] = deque()
    with ThreadPoolExecutor(cores(), thread_name_prefix="exports") as pool:
        try:
            for photo in photos:
                waiting.append(pool.submit(export_photo, photo, models))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def export_photo(photo: ToExport, models: Path) -> Exported:
    """A photo as it is given away, in whatever thread; made in a process apart, unless it is the file as it is.

    Args:
        photo: to give away.
        models: the folder of the detector's file.

    Raises:
        FacefindError: the detector's file is missing, or no process can be started to decode photos in.
    """
    try:
        if photo.as_it_is:
            return Exported(photo, photo.source.read())
        return photo.source.make(_export, photo, models)
    except UnreadablePhotoError as error:
        return Exported(photo, problem=str(error))


def picture(content: bytes, hiding: Hiding | None, models: Path, side: int = 0) -> Picture:
    """The pixels of a photo as they may be shown, with a longer side of at most `side`; 0 leaves it.

    Raises:
        UnreadablePhotoError: the photo is damaged.
        FacefindError: others are to be hidden, and the detector's file is missing.
    """
    opened = open_photo(content)
    effort = _effort(opened, hiding, side)
    require_memory(opened, working=effort.memory, seconds=effort.seconds)
    decoded = decode_opened(opened, rgb=True, grey=False)
    pixels = decoded.rgb
    assert pixels is not None
    heads: list[Head] = []
    if hiding is not None:
        heads = heads_to_cover(hiding, low_look(models).heads(pixels, turned=hiding.turned))
    small, reduction = reduce(pixels, side, fast=True)
    small, scale = in_srgb(small, decoded.profile), 1 / reduction
    shown = tuple(head.scaled(scale) for head in (hiding.shown if hiding else ()))
    cover_heads(small, [head.scaled(scale) for head in heads], shown)
    return Picture(small, len(heads))


def encode(pixels: Image, quality: int) -> bytes:
    """A JPEG of (h, w, 3) RGB pixels and nothing else."""
    import cv2

    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def _export(content: bytes, photo: ToExport, models: Path) -> Exported:
    made = picture(content, photo.hiding, models, photo.size.side)
    small = thumbnails(made.pixels) if photo.thumbnails else {}
    return Exported(photo, encode(made.pixels, QUALITY[photo.size]), made.covered, thumbnails=small)


def _effort(photo: OpenedPhoto, hiding: Hiding | None, side: int) -> Effort:
    """What it takes beside decoding: one more look, heads covered, and the picture encoded."""
    width, height = reduced_size(photo.size, side)
    encoding = _ENCODING_BYTES * width * height
    if hiding is None:
        return Effort(encoding)
    look = LowLook.effort(photo.size, turned=hiding.turned)
    return Effort(look.memory + encoding + covering_bytes((width, height)), look.seconds)
