"""What counts as a photo: known suffixes without a look inside, all else by its first bytes."""

import io
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from facefind_pipeline.vision import formats
from facefind_pipeline.vision.formats import (
    PHOTO,
    PHOTO_SUFFIXES,
    RAW_SUFFIXES,
    kind_of_bytes,
    kind_of_file,
    left_out,
    without_twins,
)

pillow_heif.register_heif_opener()
PIXELS = Image.fromarray(np.zeros((16, 24, 3), np.uint8))


def encoded(image_format: str) -> bytes:
    out = io.BytesIO()
    PIXELS.save(out, image_format)
    return out.getvalue()


def kind(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return kind_of_file(folder / name)


@pytest.mark.parametrize(
    "image_format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF", "JPEG2000", "MPO"]
)
def test_a_photo_without_a_suffix_or_with_another_is_one(image_format: str, tmp_path: Path) -> None:
    data = encoded(image_format)
    for name in ("no suffix", "a.mov", "b.bin", "c.json", "d.TXT"):
        assert kind(tmp_path, name, data) == PHOTO, name


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"II*\0\x10\0\0\0CR\x02\0", "cr2"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "cr3"),
        (b"MM\0*\0\0\0\x08", "nef"),
        (b"II*\0\x08\0\0\0", "arw, dng"),
        (b"FUJIFILMCCD-RAW 0201FF129502X-T3", "raf"),
        (b"IIRO\x08\0\0\0", "orf"),
        (b"IIU\0\x18\0\0\0", "rw2"),
    ],
)
def test_raw_files_are_photos_by_their_first_bytes(head: bytes, suffix: str) -> None:
    assert kind_of_bytes(head + bytes(50)) == PHOTO, suffix


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("film", b"\0\0\0\x20ftypisom" + bytes(60), "video"),
        ("film.mp4", b"\0\0\0\x14ftypqt  " + bytes(60), "video"),
        ("old.avi", b"RIFF\0\0\0\0AVI LIST" + bytes(60), "video"),
        ("clip.webm", b"\x1a\x45\xdf\xa3" + bytes(60), "video"),
        ("menu", b"%PDF-1.7\n" + bytes(60), "PDF"),
        ("song.bin", b"ID3\x04" + bytes(60), "audio file"),
        ("guests.xlsx", b"PK\x03\x04" + bytes(60), "document"),
        ("all.zip", b"PK\x03\x04" + bytes(60), "archive"),
        ("notes.txt", b"PM me\n", "document"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0" + bytes(60), "other file"),
        ("empty", b"", "other file"),
        ("a.xmp", b"<x:xmpmeta/>", "sidecar"),
        ("BMW and me", b"BMW is a car, and this a text of enough letters", "other file"),
    ],
)
def test_what_is_no_photo_has_a_kind(name: str, content: bytes, expected: str, tmp_path: Path) -> None:
    assert kind(tmp_path, name, content) == expected


def test_a_file_with_a_known_suffix_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_kind_of_content", None)
    for suffix in PHOTO_SUFFIXES | RAW_SUFFIXES:
        assert kind(tmp_path, f"a{suffix.upper()}", b"whatever") == PHOTO


def test_a_file_is_opened_again_only_once_it_changed(tmp_path: Path) -> None:
    formats._kind_of_content.cache_clear()
    for _ in range(3):
        assert kind_of_file(_written(tmp_path / "a", b"text", at=5)) == "other file"
    assert formats._kind_of_content.cache_info().misses == 1
    assert kind_of_file(_written(tmp_path / "a", encoded("JPEG"), at=6)) == PHOTO


def test_a_file_that_can_not_be_read_is_what_its_suffix_says_or_nobody_knows(tmp_path: Path) -> None:
    for name, expected in (("gone.jpg", PHOTO), ("gone.xmp", "sidecar"), ("gone.mp4", "video")):
        assert kind_of_file(tmp_path / name) == expected
    with pytest.raises(FileNotFoundError):
        kind_of_file(tmp_path / "gone")


def test_a_raw_beside_its_jpeg_counts_once() -> None:
    names = ["a.CR2", "a.JPG", "b.NEF", "c.heic", "c.dng", "d.jpg", "d.jpg.arw"]
    assert without_twins(names) == ["a.JPG", "b.NEF", "c.heic", "d.jpg", "d.jpg.arw"]


def test_what_is_left_out_is_one_line_with_real_plurals() -> None:
    assert left_out({"video": 12, "PDF": 3}) == "12 videos, 3 PDFs left out"
    assert left_out({"video": 1, "other file": 2}) == "1 video, 2 other files left out"
    assert left_out({}) == ""


def _written(path: Path, content: bytes, at: int) -> Path:
    import os

    path.write_bytes(content)
    os.utime(path, (at, at))
    return path
