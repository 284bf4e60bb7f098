"""What kind of file something is: by its suffix where that is a photo's, else by its own first bytes.

Whether the pixels can be read is decided when they are read, by content alone.
"""

import functools
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from facefind_pipeline.plurals import counted

PHOTO_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib"),
        *(".tif", ".tiff", ".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif", ".jp2", ".jpx", ".psd"),
    }
)
RAW_SUFFIXES = frozenset({".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"})
SIDECAR_SUFFIXES = frozenset({".xmp", ".json", ".aae"})
PHOTO = "photo"
SIDECAR = "sidecar"  # of a photo or of an editor: neither a photo nor worth a word
HEAD_BYTES = 64  # all that any of the signatures below needs

_HEADS = (
    (re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|BM.{12}[\x0c-\x7c]\0\0\0", re.DOTALL), PHOTO),
    # TIFF and BigTIFF, and the RAW files built on it: Olympus's with two signatures of its own, Panasonic's with one.
    (re.compile(rb"II[*+]\0|MM\0[*+]|IIRO|IIRS|IIU\0|FUJIFILMCCD-RAW"), PHOTO),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51|8BPS\0\x01"), PHOTO),
    (re.compile(rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1|avi[fs]|crx )", re.DOTALL), PHOTO),
    (re.compile(rb"....ftyp(M4A|M4B)|ID3|fLaC|OggS|RIFF....WAVE|\xff[\xf1\xf9\xfb\xf3\xf2]", re.DOTALL), "audio file"),
    (re.compile(rb"....(ftyp|moov|mdat|wide|free)|RIFF....AVI |\x1a\x45\xdf\xa3|FLV\x01", re.DOTALL), "video"),
    (re.compile(rb"\0\0\x01[\xb3\xba]|\x30\x26\xb2\x75\x8e\x66\xcf\x11"), "video"),
    (re.compile(rb"%PDF-"), "PDF"),
    (re.compile(rb"PK\x03\x04|Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ"), "archive"),
)
_SUFFIXES = {
    **dict.fromkeys(
        (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".3gp", ".mts", ".m2ts", ".mpg", ".wmv"), "video"
    ),
    **dict.fromkeys((".mp3", ".m4a", ".wav", ".flac", ".ogg", ".aac", ".opus"), "audio file"),
    **dict.fromkeys(
        (".doc", ".docx", ".odt", ".rtf", ".txt", ".md", ".html", ".xls", ".xlsx", ".ods", ".csv"), "document"
    ),
    **dict.fromkeys((".zip", ".rar", ".7z", ".tar", ".gz", ".tgz"), "archive"),
    ".pdf": "PDF",
    **dict.fromkeys(SIDECAR_SUFFIXES, SIDECAR),
}
_OTHER = "other file"


def kind_of_file(file: os.DirEntry[str] | Path) -> str:
    """`PHOTO`, `SIDECAR`, or what the file is instead, in the singular: "video", "PDF", "document", "other file".

    A file with a photo's suffix is not opened. One that is opened is opened again only once it has changed.

    Raises:
        OSError: it can't be read, and its suffix does not say what it is.
    """
    suffix = suffix_of(file.name)
    if suffix in PHOTO_SUFFIXES or suffix in RAW_SUFFIXES:
        return PHOTO
    by_suffix = _SUFFIXES.get(suffix)
    try:
        status = file.stat()
        content = _kind_of_content(os.fspath(file), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError:
        if by_suffix is None:
            raise
        return by_suffix
    # An office document is an archive by its bytes.
    return PHOTO if content == PHOTO else by_suffix or content or _OTHER


def kind_of_bytes(head: bytes) -> str | None:
    """The kind of the content that begins with these bytes, at least `HEAD_BYTES`; None for an unknown one."""
    return next((kind for pattern, kind in _HEADS if pattern.match(head)), None)


def suffix_of(name: str) -> str:
    """The suffix in lower case, with its dot; empty without one."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path for each of 10,000 files costs


def without_twins(names: Iterable[str]) -> list[str]:
    """The names without the RAW files that lie beside a photo of the same name: cameras write both of one shot."""
    names = list(names)
    if not any(suffix_of(name) in RAW_SUFFIXES for name in names):
        return names
    taken = {_stem(name) for name in names if suffix_of(name) in PHOTO_SUFFIXES}
    return [name for name in names if suffix_of(name) not in RAW_SUFFIXES or _stem(name) not in taken]


def left_out(kinds: Mapping[str, int]) -> str:
    """How many files of which kinds were no photos, as "12 videos, 3 PDFs left out"; empty for none."""
    parts = [counted(count, kind) for kind, count in kinds.items() if count]
    return f"{', '.join(parts)} left out" if parts else ""


@functools.lru_cache(maxsize=100_000)
def _kind_of_content(path: str, *_unchanged: int) -> str | None:
    with open(path, "rb") as file:  # noqa: PTH123 - as in suffix_of
        return kind_of_bytes(file.read(HEAD_BYTES))


def _stem(name: str) -> str:
    return os.path.splitext(name)[0].lower()  # noqa: PTH122 - as in suffix_of
