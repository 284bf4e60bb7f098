"""Files that break readers of photos, all in one folder, each with what is to become of it.

`FOUND`: used, and the person in it is found. `USED`: a photo without that face. Any other word is part of the reason
for which the photo is a row that is left out. `NONE`: no photo at all.
"""

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import tifffile
from PIL import Image

from facefind_pipeline_tests.odd_photos import encoded, numbered
from facefind_pipeline_tests.vision.test_png import chunk, png
from facefind_pipeline_tests.vision.tiff_files import LONG, SHORT, image_tags, tiff

FOUND, USED, NONE = "found", "used", "none"
DAMAGED, NO_IMAGE, TOO_LARGE = "damaged", "not an image", "too large"
SPARSE = 3 << 30  # bytes

Written = Iterator[tuple[str | bytes, bytes | Callable[[Path], None], str]]


def write_hostile(folder: Path, portrait: Image.Image) -> dict[str, str]:
    """Writes all of them.

    Returns:
        What is to become of each, by name; undecodable bytes as `os.fsdecode` has them.
    """
    pillow_heif.register_heif_opener()
    person = numbered(portrait)
    expected: dict[str, str] = {}
    for kind in (_cut, _wrong, _huge, _bombs, _sparse, _metadata, _formats, _names, _entries, _extremes):
        for name, content, outcome in kind(person):
            file = folder / os.fsdecode(name)
            assert file.name not in expected, file.name
            expected[file.name] = outcome
            if callable(content):
                content(file)
            else:
                file.write_bytes(content)
    return expected


def _cut(person: Callable[[], Image.Image]) -> Written:
    jpeg = encoded(person(), quality=92)
    for end, outcome in ((1, NO_IMAGE), (2, DAMAGED), (4, DAMAGED), (20, DAMAGED), (160, DAMAGED), (400, DAMAGED)):
        yield f"cut at {end}.jpg", jpeg[:end], outcome
    for percent in (10, 50):
        yield f"cut at {percent} percent.jpg", jpeg[: len(jpeg) * percent // 100], USED
    for percent in (90, 99):
        yield (
            f"cut at {percent} percent.jpg",
            encoded(person(), quality=92)[: -len(jpeg) * (100 - percent) // 100],
            FOUND,
        )
    for image_format in ("PNG", "WEBP", "TIFF", "AVIF", "HEIF", "JPEG2000", "BMP"):
        data = encoded(person(), image_format)
        yield f"half.{image_format.lower()}.jpg", data[: len(data) // 2], DAMAGED
        yield f"16 bytes.{image_format.lower()}.jpg", data[:16], DAMAGED
    gif = encoded(person(), "GIF")
    yield "half.gif", gif[: len(gif) // 2], DAMAGED
    for number, position in enumerate((0.3, 0.5, 0.7)):
        broken = bytearray(encoded(person(), quality=92))
        at = int(len(broken) * position)
        broken[at : at + 40] = bytes(40)
        yield f"hole {number}.jpg", bytes(broken), USED


def _wrong(person: Callable[[], Image.Image]) -> Written:
    yield "empty.jpg", b"", "empty file"
    yield "empty.png", b"", "empty file"
    yield "text.jpg", b"this is no photo", NO_IMAGE
    yield "page.jpg", b"<!DOCTYPE html><html><img src=x>", NO_IMAGE
    yield "drawing.jpg", b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>', NO_IMAGE
    yield "script.jpg", b"#!/bin/sh\nrm -rf ~\n", NO_IMAGE
    yield "program.jpg", b"\x7fELF" + bytes(500), NO_IMAGE
    yield "menu.jpg", b"%PDF-1.7\n" + bytes(500), "not an image but a PDF"
    yield "archive.jpg", b"PK\x03\x04" + bytes(500), "not an image but an archive"
    yield "film.jpg", b"\0\0\0\x20ftypisom" + bytes(500), "not an image but a video"
    yield "zeros.jpg", bytes(100_000), NO_IMAGE
    yield "ones.jpg", b"\xff" * 100_000, NO_IMAGE
    yield "fill bytes.jpg", b"\xff\xd8" + b"\xff" * 3_000_000, DAMAGED
    random = np.random.default_rng(0)
    for name, head in {
        "noise.jpg": b"",
        "noise.jpeg.jpg": b"\xff\xd8\xff\xe0",
        "noise.png.jpg": b"\x89PNG\r\n\x1a\n",
        "noise.gif.jpg": b"GIF89a",
        "noise.webp.jpg": b"RIFF\x00\x10\x00\x00WEBPVP8 ",
        "noise.tif.jpg": b"II*\0\x08\0\0\0",
        "noise.heic.jpg": b"\0\0\0\x18ftypheic",
        "noise.avif.jpg": b"\0\0\0\x18ftypavif",
        "noise.jp2.jpg": b"\0\0\0\x0cjP  \r\n\x87\n",
        "noise.psd.jpg": b"8BPS\0\x01",
        "noise.bmp.jpg": b"BM",
        "noise.cr3.jpg": b"\0\0\0\x18ftypcrx ",
        "noise.raf.jpg": b"FUJIFILMCCD-RAW",
    }.items():
        unlike = {"noise.jpg": NO_IMAGE, "noise.gif.jpg": TOO_LARGE}
        yield name, head + random.bytes(5000), unlike.get(name, DAMAGED)
    loop = bytearray(tiff(image_tags(8, 8, [8], 1), bytes(64)))
    first = struct.unpack_from("<I", loop, 4)[0]
    count = struct.unpack_from("<H", loop, first)[0]
    struct.pack_into("<I", loop, first + 2 + 12 * count, first)
    yield "directory that follows itself.tif", bytes(loop), USED
    yield "directory at nowhere.tif", b"II*\0" + struct.pack("<I", 2**31), DAMAGED
    yield "png as.jpg", encoded(person(), "PNG"), FOUND
    yield "jpeg as.png", encoded(person(), quality=92), FOUND


def _huge(_: Callable[[], Image.Image]) -> Written:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    yield (
        "huge.png",
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
        TOO_LARGE,
    )
    jpeg = bytearray(encoded(Image.new("RGB", (16, 16))))
    frame = jpeg.index(b"\xff\xc0")
    struct.pack_into(">HH", jpeg, frame + 5, 65_500, 65_500)
    yield "huge.jpg", bytes(jpeg), TOO_LARGE
    gif = bytearray(encoded(Image.new("P", (16, 16)), "GIF"))
    struct.pack_into("<HH", gif, 6, 65_535, 65_535)
    yield "huge.gif", bytes(gif), TOO_LARGE
    bmp = bytearray(encoded(Image.new("RGB", (16, 16)), "BMP"))
    struct.pack_into("<ii", bmp, 18, 2**31 - 1, 2**31 - 1)
    yield "huge.bmp", bytes(bmp), TOO_LARGE
    yield "huge.tif", tiff(image_tags(2**31, 2**31, [8], 1), bytes(64)), TOO_LARGE
    yield (
        "huge.psd",
        b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 300_000, 300_000, 8, 3) + bytes(100),
        TOO_LARGE,
    )
    webp = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\xff\xff\xff\xff\xff"
    yield "huge.webp", b"RIFF" + struct.pack("<I", 4 + len(webp)) + b"WEBP" + webp, DAMAGED
    yield "no width.tif", tiff(image_tags(0, 16, [8], 1), bytes(64)), DAMAGED


def _bombs(person: Callable[[], Image.Image]) -> Written:
    for number, side in enumerate((14_000, 13_900, 13_800, 13_700)):
        yield f"bomb {number}.png", _flat_png(side, side), TOO_LARGE
    yield "bomb of 16 bits.png", _flat_png(9_000, 9_000, bits=16), TOO_LARGE
    flat = np.zeros((11_500, 12_000), np.uint8)
    yield "bomb.jpg", cv2.imencode(".jpg", flat)[1].tobytes(), TOO_LARGE
    progressive = cv2.imencode(".jpg", flat[:8_000, :9_000], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    yield "bomb that is progressive.jpg", progressive, TOO_LARGE
    yield "bomb.gif", encoded(Image.fromarray(flat[:9_000, :9_000], "P"), "GIF"), TOO_LARGE
    output = io.BytesIO()
    tifffile.imwrite(output, flat[:8_000, :9_000].astype(np.uint16), photometric="minisblack", compression="zlib")
    yield "bomb of 16 bits.tif", output.getvalue(), TOO_LARGE
    text = zlib.compress(bytes(300_000_000), 9)
    yield "text bomb.png", png(np.asarray(person()), chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + text)), FOUND
    yield "profile bomb.png", png(np.asarray(person()), chunk(b"iCCP", b"p\0\0" + text)), FOUND
    many = chunk(b"tEXt", b"k\0v") * 50_000
    yield "many texts.png", png(np.asarray(person()), many), FOUND
    frames = [Image.new("P", (60, 60), number % 200) for number in range(2000)]
    yield "many frames.gif", encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]), USED


def _flat_png(width: int, height: int, bits: int = 8) -> bytes:
    packer = zlib.compressobj(9)
    row = bytes(1 + width * 3 * bits // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in parts)


def _sparse(person: Callable[[], Image.Image]) -> Written:
    def sparse(head: bytes) -> Callable[[Path], None]:
        def write(file: Path) -> None:
            file.write_bytes(head)
            os.truncate(file, SPARSE)

        return write

    yield "sparse.jpg", sparse(b""), TOO_LARGE
    yield "sparse after a photo.jpg", sparse(encoded(person(), quality=92)), TOO_LARGE
    yield "sparse.tif", sparse(b"II*\0\x08\0\0\0"), TOO_LARGE
    yield "sparse.heic", sparse(b"\0\0\0\x18ftypheic"), TOO_LARGE


def _metadata(person: Callable[[], Image.Image]) -> Written:
    for flag in (0, 9, 255, 65_535):
        exif = Image.Exif()
        exif[0x0112] = flag
        yield f"orientation {flag}.jpg", encoded(person(), quality=92, exif=exif), FOUND
    exif = Image.Exif()
    exif[0x010F] = "orientation as text"
    broken = exif.tobytes()
    for name, block in {
        "a directory that follows itself": b"Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "a directory at nowhere": b"Exif\0\0II*\0" + struct.pack("<I", 2**32 - 1),
        "too many entries": b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(200),
        "a count of 4 thousand million": b"Exif\0\0II*\0\x08\0\0\0\1\0\x0f\1\2\0\xff\xff\xff\xff\x08\0\0\0" + bytes(8),
        "an orientation of text": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\2\0\4\0\0\0abc\0" + bytes(8),
        "an orientation that is negative": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\x08\0\1\0\0\0\xff\xff\0\0" + bytes(8),
        "a rational over nought": b"Exif\0\0II*\0\x08\0\0\0\1\0\x1a\1\5\0\1\0\0\0\x1a\0\0\0" + bytes(12),
        "no byte order": b"Exif\0\0??*\0\x08\0\0\0" + bytes(8),
        "nothing": b"Exif\0\0",
        "half of it": broken[: len(broken) // 2],
        "zeros": b"Exif\0\0" + bytes(60_000),
    }.items():
        yield f"EXIF with {name}.jpg", encoded(person(), quality=92, exif=block), FOUND
    places = Image.Exif()
    places.get_ifd(0x8825).update({1: "X", 2: (1e9, 5.0, 7.0), 3: "W", 4: (999.0, 0.0, 0.0)})
    yield "place beyond the world.jpg", encoded(person(), quality=92, exif=places), FOUND
    dates = Image.Exif()
    dates[0x0132] = "9999:99:99 99:99:99"
    yield "date that is none.jpg", encoded(person(), quality=92, exif=dates), FOUND
    for name, packet in {
        "cut": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF exif:DateTimeOriginal='2024-",
        "zeros": bytes(30_000),
        "brackets": b"<" * 60_000,
        "blanks": b"exif:DateTimeOriginal" + b" " * 60_000,
        "entities": b"<!DOCTYPE a [<!ENTITY b 'bbbb'>]>" + b"&b;" * 10_000,
    }.items():
        yield f"XMP of {name}.jpg", encoded(person(), quality=92, xmp=packet), FOUND
    for name, profile in {
        "noise": np.random.default_rng(1).bytes(3000),
        "nothing": b"\0",
        "zeros": bytes(60_000),
    }.items():
        yield f"profile of {name}.jpg", encoded(person(), quality=92, icc_profile=profile), FOUND
    yield "sidecar.jpg", encoded(person(), quality=92), FOUND
    yield "sidecar.jpg.xmp", lambda file: (file.touch(), os.truncate(file, SPARSE))[0], NONE
    yield "takeout.jpg", encoded(person(), quality=92), FOUND
    yield "takeout.jpg.json", b"[" * 100_000, NONE


def _formats(person: Callable[[], Image.Image]) -> Written:
    yield "several.mpo", encoded(person(), "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))]), FOUND
    yield "moving.gif", encoded(person(), "GIF", save_all=True, append_images=[person()]), FOUND
    yield "moving.webp", encoded(person(), "WEBP", save_all=True, append_images=[person()]), FOUND
    yield "moving.png", encoded(person(), "PNG", save_all=True, append_images=[person()]), FOUND
    yield "four inks.jpg", encoded(person().convert("CMYK"), quality=92), FOUND
    yield "grey.jpg", encoded(person().convert("L"), quality=92), FOUND
    yield "progressive.jpg", encoded(person(), quality=92, progressive=True), FOUND
    yield "two colours.png", encoded(Image.new("1", (300, 300), 1), "PNG"), USED
    yield "palette.png", encoded(person().quantize(128), "PNG"), FOUND
    glass = person()
    glass.putalpha(250)
    yield "glass.png", encoded(glass, "PNG"), FOUND
    yield "invisible.png", encoded(Image.new("RGBA", (200, 200), (0, 0, 0, 0)), "PNG"), USED
    sixteen = np.asarray(person()).astype(np.uint16) << 8
    yield "16 bits.png", cv2.imencode(".png", sixteen)[1].tobytes(), FOUND
    output = io.BytesIO()
    tifffile.imwrite(output, np.full((200, 200, 3), np.nan, np.float32), photometric="rgb")
    yield "no numbers.tif", output.getvalue(), USED
    yield "one strip too few.tif", tiff(image_tags(64, 64, [8, 8, 8], 2), bytes(10)), DAMAGED
    yield "of 7 samples.tif", tiff(image_tags(4, 4, [8] * 7, 2) | {338: (SHORT, [0] * 4)}, bytes(112)), DAMAGED
    yield "compressed by nobody.tif", tiff(image_tags(64, 64, [8], 1, compression=40_000), bytes(64)), DAMAGED
    yield "strips at nowhere.tif", tiff(image_tags(64, 64, [16], 1) | {273: (LONG, 2**31)}, b""), DAMAGED


def _names(person: Callable[[], Image.Image]) -> Written:
    for name in (
        b"\xff\xfe.jpg",
        "new\nline.jpg",
        "tab\tand\x1b[31mred.jpg",
        "bell\x07.jpg",
        "right\u202egpj.to.left.jpg",
        "zero\u200bwidth.jpg",
        "--help.jpg",
        "-rf.jpg",
        "%s%n%d.jpg",
        "'; DROP TABLE photos; --.jpg",
        "back\\slash.jpg",
        "$(reboot).jpg",
        "`reboot`.jpg",
        "<script>alert(1)</script>.jpg".replace("/", "\u2215"),
        "a" * 251 + ".jpg",
        "\U0001f389" * 60 + ".jpg",
        " blank .jpg",
        "dot..jpg",
        "UPPER.JPG",
    ):
        yield name, encoded(person(), quality=92), FOUND


def _entries(person: Callable[[], Image.Image]) -> Written:
    def linked(to: str) -> Callable[[Path], None]:
        return lambda file: file.symlink_to(to)

    def listening(file: Path) -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            before = Path.cwd()
            os.chdir(file.parent)  # the path of a socket has at most 100 letters
            listener.bind(file.name)
            os.chdir(before)

    yield "loop.jpg", linked("loop.jpg"), NONE
    yield "link to nothing.jpg", linked("nothing"), NONE
    yield "link to its folder.jpg", linked("."), NONE
    yield "endless.jpg", linked("/dev/zero"), NONE
    yield "terminal.jpg", linked("/dev/tty"), NONE
    yield "pipe.jpg", os.mkfifo, NONE
    yield "socket.jpg", listening, NONE
    yield "folder.jpg", Path.mkdir, NONE
    yield "link to a program's memory.jpg", linked("/proc/self/maps"), "empty file"

    def locked(file: Path) -> None:
        file.write_bytes(encoded(person(), quality=92))
        file.chmod(0)

    yield "locked.jpg", locked, FOUND if os.geteuid() == 0 else "permission denied"


def _extremes(person: Callable[[], Image.Image]) -> Written:
    for width, height in ((1, 1), (2, 2), (65_500, 1), (1, 65_500), (65_500, 3), (20_000, 200)):
        yield f"{width} by {height}.jpg", encoded(Image.new("RGB", (width, height), "steelblue")), USED
        yield f"{width} by {height}.png", encoded(Image.new("RGB", (width, height), "tomato"), "PNG"), USED
    wide = Image.new("RGB", (9_000, 700), "grey")
    wide.paste(person(), (4_000, 50))
    yield "panorama.jpg", encoded(wide, quality=92), USED
