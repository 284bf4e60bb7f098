"""TIFF files of any tags, and DNG files made of them: there is no other writer of 12 bits or of RAW."""

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

SHORT, LONG, ASCII, BYTE, RATIONAL, SIGNED_RATIONAL, UNDEFINED = 3, 4, 2, 1, 5, 10, 7
_LETTERS = {SHORT: "H", LONG: "I", RATIONAL: "II", SIGNED_RATIONAL: "ii"}

Tag = tuple[int, Any]  # type and value: bytes, a number or several
Directory = Mapping[int, Tag]


def tiff(directory: Directory, strip: bytes, below: Mapping[int, list[tuple[Directory, bytes]]] | None = None) -> bytes:
    """A little-endian TIFF of one image, with directories below it under the tags that point to them."""
    data = bytearray(struct.pack("<2sHI", b"II", 42, 0))
    pointers: dict[int, Tag] = {}
    for tag, others in (below or {}).items():
        pointers[tag] = (LONG, [_append(data, other, content) for other, content in others])
    data[4:8] = struct.pack("<I", _append(data, {**directory, **pointers}, strip))
    return bytes(data)


def grey_or_rgb(pixels: np.ndarray, bits: int, photometric: int, **more: Tag) -> bytes:
    """An uncompressed TIFF whose samples have so many bits, packed."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    planes = ((pixels.reshape(height, -1)[..., None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
    strip = np.packbits(planes.reshape(height, -1), axis=1).tobytes()
    return tiff(image_tags(width, height, [bits] * samples, photometric), strip)


def image_tags(width: int, height: int, bits: list[int], photometric: int, compression: int = 1) -> dict[int, Tag]:
    """The tags that every image has, but for those of its strip."""
    return {
        256: (LONG, width),
        257: (LONG, height),
        258: (SHORT, bits),
        259: (SHORT, compression),
        262: (SHORT, photometric),
        277: (SHORT, len(bits)),
        278: (LONG, height),
        284: (SHORT, 1),
    }


def dng(colours: np.ndarray, preview: bytes, preview_size: tuple[int, int], orientation: int = 1) -> bytes:
    """A DNG of a Bayer sensor (RGGB, 16 bits) that saw these colours, (h, w, 3) linear, with a JPEG preview."""
    height, width = colours.shape[:2]
    sensor = colours[..., 1].astype(np.uint16) * 257
    sensor[::2, ::2] = colours[::2, ::2, 0].astype(np.uint16) * 257
    sensor[1::2, 1::2] = colours[1::2, 1::2, 2].astype(np.uint16) * 257
    ones = [65536, 65536] * 3
    raw = image_tags(width, height, [16], 32803) | {
        254: (LONG, 0),
        33421: (SHORT, [2, 2]),
        33422: (BYTE, bytes([0, 1, 1, 2])),
        50714: (LONG, 0),
        50717: (LONG, 65535),
    }
    small = image_tags(*preview_size, [8, 8, 8], 6, 7) | {
        254: (LONG, 1),
        271: (ASCII, b"Facefind\0"),
        272: (ASCII, b"Facefind Test 1\0"),
        274: (SHORT, orientation),
        50706: (BYTE, bytes([1, 4, 0, 0])),
        50707: (BYTE, bytes([1, 1, 0, 0])),
        50708: (ASCII, b"Facefind Test 1\0"),
        # XYZ to camera: that of sRGB, so that colours come out as they were.
        50721: (
            SIGNED_RATIONAL,
            [
                n
                for x in (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)
                for n in (round(x * 10000), 10000)
            ],
        ),
        50728: (RATIONAL, ones),
        50778: (SHORT, 21),
    }
    exif: Directory = {36867: (ASCII, b"2024:06:15 12:30:00\0")}
    return tiff(small, preview, {330: [(raw, sensor.tobytes())], 34665: [(exif, b"")]})


def _append(data: bytearray, directory: Directory, strip: bytes) -> int:
    """Adds strip, long values and directory; returns where the directory is."""
    if strip:
        directory = {**directory, 273: (LONG, len(data)), 279: (LONG, len(strip))}
        data += strip + bytes(len(strip) % 2)
    entries = b""
    for tag, (kind, value) in sorted(directory.items()):
        if isinstance(value, bytes):
            content, count = value, len(value)
        else:
            numbers = list(value) if isinstance(value, list) else [value]
            count = len(numbers) // len(_LETTERS[kind])
            content = struct.pack(f"<{_LETTERS[kind] * count}", *numbers)
        if len(content) > 4:
            content, position = b"", len(data)
            packed = value if isinstance(value, bytes) else struct.pack(f"<{_LETTERS[kind] * count}", *numbers)
            data += packed + bytes(len(packed) % 2)
            content = struct.pack("<I", position)
        entries += struct.pack("<HHI", tag, kind, count) + content.ljust(4, b"\0")
    place = len(data)
    data += struct.pack("<H", len(directory)) + entries + struct.pack("<I", 0)
    return place
