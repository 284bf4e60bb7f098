"""PNG files as chunks: what their text says, and the file without the chunks that its pixels do not need.

Viewers skip optional chunks that are bad or too large; Pillow refuses the file, and looks for EXIF behind the pixels
only once it has decoded them.
"""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP = "XML:com.adobe.xmp"
CREATION_TIMES = ("Creation Time", "creation_time", "CreationTime", "exif:DateTimeOriginal")

_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_TEXT_LIMIT = 8_000_000  # bytes of an inflated text; XMP with a history has been of megabytes
_EXIF_PROFILES = ("Raw profile type exif", "Raw profile type APP1")  # as ImageMagick writes EXIF
_KEYWORDS = frozenset({XMP, *CREATION_TIMES, *_EXIF_PROFILES})


def essential(data: bytes) -> bytes:
    """The file with the chunks that its pixels need, and its EXIF before them."""
    exif = b""
    others: list[bytes | memoryview] = []
    for kind, content, whole in _chunks(data):
        if kind == b"eXIf":
            exif = bytes(content)
        elif kind in _PIXELS:
            others.append(whole)
    exif = exif or _exif_profile(texts(data))
    if exif and others:
        others.insert(1, _chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    return b"".join([SIGNATURE, *others])


def texts(data: bytes) -> dict[str, str]:
    """Texts of the keywords above; those that can't be read, or are larger than any metadata, are left out."""
    found: dict[str, str] = {}
    for kind, content, _ in _chunks(data):
        if kind not in _TEXTS:
            continue
        head, _, value = bytes(content).partition(b"\0")
        keyword = head.decode("latin-1")
        if keyword not in _KEYWORDS:  # a file may hold thousands that inflate to the limit each
            continue
        try:
            if kind == b"tEXt":
                found[keyword] = value.decode("latin-1")
            elif kind == b"zTXt":
                found[keyword] = _inflated(value[1:]).decode("latin-1")
            elif kind == b"iTXt":
                compressed, value = value[0] == 1, value[2:].split(b"\0", 2)[2]
                found[keyword] = (_inflated(value) if compressed else value).decode()
        except (zlib.error, ValueError, IndexError):
            continue
    return found


def _exif_profile(found: dict[str, str]) -> bytes:
    """EXIF as hex digits behind a line with its name and one with its length."""
    for name in _EXIF_PROFILES:
        try:
            profile = bytes.fromhex("".join(found.get(name, "").split()[2:]))
        except ValueError:
            continue
        if profile.startswith(b"Exif\0\0"):
            return profile
    return b""


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Type, content and all of each chunk; of a chunk that is cut off, what is there."""
    view, position = memoryview(data), len(SIGNATURE)
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        yield kind, view[position + 8 : end - 4], view[position:end]
        position = end


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", zlib.crc32(kind + content))


def _inflated(value: bytes) -> bytes:
    inflater = zlib.decompressobj()
    text = inflater.decompress(value, _TEXT_LIMIT)
    if inflater.unconsumed_tail:
        raise ValueError("larger than any metadata")
    return text
