"""Files beside a photo that say when and where it was taken: XMP of editors, JSON of Google's Takeout.

A photo is read again when one of its sidecars came, changed or went.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from facefind_pipeline.store import versions
from facefind_pipeline.vision.exif import Beside

_TAKEOUT = ".supplemental-metadata"
_LARGEST = 16_000_000  # bytes; XMP with a long history has been of megabytes
_TAKEOUT_LENGTH = 46  # letters to which Takeout cuts the name of a JSON file, before its suffix
_NUMBERED = re.compile(r"(.+?)(\(\d+\))?(\.[^.]*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sidecars:
    """The sidecars of one photo."""

    xmp: os.DirEntry[str] | None = None
    takeout: os.DirEntry[str] | None = None

    def state(self) -> str | None:
        """Hash of their names, sizes and times; None without any, or if one went away meanwhile."""
        there = [entry for entry in (self.xmp, self.takeout) if entry is not None]
        try:
            rows = [(os.fsencode(entry.name), entry.stat().st_size, entry.stat().st_mtime_ns) for entry in there]
        except OSError:
            return None
        return versions.hash_rows(rows) if rows else None

    def files(self) -> "SidecarFiles":
        """Where they are."""
        return SidecarFiles(*(None if entry is None else Path(entry.path) for entry in (self.xmp, self.takeout)))


@dataclass(frozen=True, slots=True)
class SidecarFiles:
    """The sidecars of one photo by their paths, for whoever reads them."""

    xmp: Path | None
    takeout: Path | None

    def read(self, photo: str) -> Beside:
        """Their content; one that can't be read, or is larger than any, counts as missing."""
        xmp, takeout = (None if file is None else sidecar_content(file) for file in (self.xmp, self.takeout))
        return Beside(photo, xmp, takeout)


class SidecarIndex:
    """The sidecars of a folder, by the photo they are of."""

    def __init__(self, sidecars: Iterable[os.DirEntry[str]]) -> None:
        self._by_name = {entry.name.lower(): entry for entry in sidecars}

    def of(self, photo: str) -> Sidecars:
        """Those of one photo, by its file name: `a.jpg.xmp` or `a.xmp`, `a.jpg.json` in each of Takeout's spellings."""
        if not self._by_name:
            return Sidecars()
        stem = os.path.splitext(photo)[0]  # noqa: PTH122 - a Path for each of 10,000 files costs
        return Sidecars(
            self._first(f"{photo}.xmp", f"{stem}.xmp"),
            self._first(*(f"{name}.json" for name in _takeout_names(photo.lower()))),
        )

    def _first(self, *names: str) -> os.DirEntry[str] | None:
        found = (self._by_name.get(name.lower()) for name in names)
        return next((entry for entry in found if entry is not None), None)


def _takeout_names(photo: str) -> Iterable[str]:
    """Names, without suffix, that Takeout may give the JSON of a photo.

    Of `a.jpg`: `a.jpg`, `a.jpg.supplemental-metadata` and all between; of `a(1).jpg`: `a.jpg(1)` and so on;
    `a-edited.jpg` shares that of `a.jpg`; names that are too long are cut.
    """
    found = _NUMBERED.fullmatch(photo)
    stem, number, suffix = found.groups("") if found else (photo, "", "")
    for plain in dict.fromkeys((stem, stem.removesuffix("-edited"))):
        full = f"{plain}{suffix}{_TAKEOUT}"
        for length in range(len(full), len(plain + suffix) - 1, -1):
            yield full[:length] + number
        yield full[:_TAKEOUT_LENGTH] + number
        if number:
            yield f"{plain}{number}{suffix}"


def sidecar_content(file: Path) -> bytes | None:
    """What is in a sidecar; None where it can't be read or is larger than any."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except OSError:
        return None
    return content if len(content) <= _LARGEST else None
