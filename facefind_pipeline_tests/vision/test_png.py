"""PNG files with optional chunks that are large, bad or behind the pixels."""

import io
import os
import struct
import tracemalloc
import zlib
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from facefind_pipeline.vision.decode import decode
from facefind_pipeline.vision.exif import read_facts
from facefind_pipeline_tests.vision.test_decode import STORED, encoded, scene

XMP = b'<x:xmpmeta><rdf:Description exif:DateTimeOriginal="2024-06-15T12:30:00"/></x:xmpmeta>'
NOON = datetime(2024, 6, 15, 12, 30)


def chunk(kind: bytes, content: bytes, *, crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", crc)


def png(pixels: np.ndarray, before: bytes = b"", behind: bytes = b"") -> bytes:
    """A PNG with chunks before and behind its pixels."""
    data = encoded(pixels, "PNG")
    end = data.rindex(b"IEND") - 4
    return data[:33] + before + data[33:end] + behind + data[end:]


def exif(flag: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112], tags[0x0132] = flag, "2024:06:15 12:30:00"
    return tags.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize(
    "bad",
    [
        chunk(b"zTXt", b"history\0\0" + zlib.compress(b"x" * 20_000_000)),
        chunk(b"iTXt", b"history\0\1\0\0\0" + zlib.compress(b"x" * 20_000_000)),
        chunk(b"tEXt", b"history\0" + b"x" * 9_000_000),
        chunk(b"iCCP", b"icc\0\0" + zlib.compress(os.urandom(1_200_000))),
        chunk(b"iCCP", b"icc\0\0not compressed at all"),
        chunk(b"iTXt", b"no separators"),
        chunk(b"pHYs", b"\0"),
        chunk(b"gAMA", b""),
        chunk(b"cHRM", bytes(3)),
        chunk(b"tEXt", b"Comment\0fine but for its checksum", crc=1),
        chunk(b"eXIf", b"no exif"),
        chunk(b"acTL", bytes(3)),
        b"".join(chunk(b"tEXt", b"k%d\0" % n + b"x" * 1_000_000) for n in range(70)),
    ],
    ids=lambda bad: f"{bad[4:8].decode()} {len(bad)}",
)
def test_optional_chunks_that_are_bad_or_large_do_no_harm(bad: bytes) -> None:
    for data in (png(scene(), before=bad), png(scene(), behind=bad)):
        photo = decode(data, rgb=True, grey=False)
        assert photo.rgb is not None
        np.testing.assert_array_equal(photo.rgb, scene())
        assert read_facts(data).width == 160


def test_thousands_of_texts_that_inflate_are_not_kept() -> None:
    bomb = chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * 7_000_000, 9)) * 2000
    tracemalloc.start()
    assert read_facts(png(scene(), before=bomb)).width == 160
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("where", ["before", "behind"])
def test_exif_before_and_behind_the_pixels(where: str) -> None:
    data = png(np.ascontiguousarray(STORED[6](scene())), **{where: chunk(b"eXIf", exif(6))})
    photo = decode(data, rgb=True, grey=False)
    np.testing.assert_array_equal(photo.rgb, scene())
    facts = read_facts(data)
    assert (facts.width, facts.height, facts.orientation) == (160, 96, 6)
    assert (facts.taken_at, facts.taken_source) == (NOON, "EXIF")


def test_exif_as_hex_digits() -> None:
    block = b"Exif\0\0" + exif(1)
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    profile = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    facts = read_facts(png(scene(), before=profile))
    assert (facts.taken_at, facts.taken_source) == (NOON, "EXIF")


@pytest.mark.parametrize(
    "text",
    [
        chunk(b"tEXt", b"Creation Time\x002024:06:15 12:30:00"),
        chunk(b"tEXt", b"Creation Time\0Sat, 15 Jun 2024 12:30:00 +0200"),
        chunk(b"zTXt", b"Creation Time\0\0" + zlib.compress(b"2024-06-15T12:30:00")),
        chunk(b"iTXt", b"Creation Time\0\0\0de\0Zeit\x002024-06-15 12:30:00"),
    ],
)
def test_creation_time(text: bytes) -> None:
    for data in (png(scene(), before=text), png(scene(), behind=text)):
        facts = read_facts(data)
        assert (facts.taken_at, facts.taken_source) == (NOON, "PNG")


def test_xmp_in_a_text_chunk() -> None:
    packet = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
    facts = read_facts(png(scene(), behind=packet))
    assert (facts.taken_at, facts.taken_source) == (NOON, "XMP")


def test_the_first_frame_of_an_animation_is_the_default_image() -> None:
    out = io.BytesIO()
    frames = [Image.fromarray(np.full((20, 30, 3), level, np.uint8)) for level in (40, 200)]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    photo = decode(out.getvalue(), rgb=True, grey=False)
    assert photo.rgb is not None
    assert (photo.rgb == 40).all()
