"""How folders that facefind wrote pictures into are known, so that these are never taken for photos."""

from collections.abc import Collection
from pathlib import Path

GALLERY_MARK = ".facefind-gallery"
ALBUM_CONTENTS = "album.json"
ALBUM_KIND = "facefind album"  # what an album's contents say first: other programs write an `album.json`, too
_ALBUM_HEAD = f'"kind": "{ALBUM_KIND}"'.encode()
_HEAD_BYTES = 64


def written_as(folder: Path, names: Collection[str]) -> str | None:
    """Whether a folder that holds files of these names is a `gallery` or an `album` of facefind; None for any other."""
    if GALLERY_MARK in names:
        return "gallery"
    if ALBUM_CONTENTS not in names:
        return None
    try:
        with (folder / ALBUM_CONTENTS).open("rb") as file:
            return "album" if _ALBUM_HEAD in file.read(_HEAD_BYTES) else None
    except OSError:
        return None
