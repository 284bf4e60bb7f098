"""Where an album is written: a folder, whose other files are never touched, or a zip, which is whole or not there."""

import os
import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Protocol

from facefind_pipeline.errors import FacefindError, is_disk_full, no_space
from facefind_pipeline.publish.contents import COLLAGE, CONTENTS, TABLE, Contents, read_contents
from facefind_pipeline.vision.models import write_atomically

_COMPRESSED = (".json", ".csv", ".xmp")  # pictures are compressed already
_FIRST_YEAR = 1980  # that a zip can name


class Destination(Protocol):
    """What an album's files are written to; names have no folders in them."""

    def read(self, name: str) -> bytes | None:
        """A file that is there; None without one."""
        ...

    def write(self, name: str, data: bytes, taken_at: datetime | None = None) -> None:
        """Writes a file whole, in place of what the album had under that name; with the photo's local time."""
        ...

    def remove(self, name: str) -> None:
        """Removes a file of the album, if it is there."""
        ...

    def write_contents(self, contents: Contents) -> None:
        """Remembers how far the album is."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of files, and what an earlier album of the same person there says of itself."""

    path: Path
    before: Contents | None

    def names(self) -> set[str]:
        """Of all files that are there."""
        return {file.name for file in self.path.iterdir()}

    def read(self, name: str) -> bytes | None:
        """A file that is there; None without one."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes, taken_at: datetime | None = None) -> None:
        """Writes a file whole; its time is the photo's.

        Raises:
            OutageError: the disk is full.
        """
        write_atomically(self.path / name, data)
        if taken_at is not None:
            os.utime(self.path / name, (taken_at.timestamp(),) * 2)

    def link(self, name: str, photo: Path) -> None:
        """Makes a symbolic link to a photo.

        Raises:
            FacefindError: the file system has none.
        """
        partial = self.path / f".{secrets.token_hex(8)}"
        try:
            partial.symlink_to(photo)
            partial.replace(self.path / name)
        except OSError as error:
            raise FacefindError(
                f"no link {self.path / name}: {error.strerror}; without --links photos are copied"
            ) from error

    def remove(self, name: str) -> None:
        """Removes a file of the album, if it is there."""
        (self.path / name).unlink(missing_ok=True)

    def write_contents(self, contents: Contents) -> None:
        """Writes `album.json` and `album.csv`."""
        self.write(CONTENTS, contents.to_json())
        self.write(TABLE, contents.to_csv())


class Zip:
    """A zip being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def read(self, name: str) -> bytes | None:  # noqa: ARG002 - as the protocol has it
        """None: a zip is written anew."""
        return None

    def write(self, name: str, data: bytes, taken_at: datetime | None = None) -> None:
        """Appends a file."""
        time = taken_at if taken_at is not None and taken_at.year >= _FIRST_YEAR else datetime(_FIRST_YEAR, 1, 1)
        entry = zipfile.ZipInfo(name, time.timetuple()[:6])
        entry.external_attr = 0o600 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_COMPRESSED) else zipfile.ZIP_STORED
        self._archive.writestr(entry, data)

    def remove(self, name: str) -> None:
        """Nothing is there yet."""

    def write_contents(self, contents: Contents) -> None:
        """Nothing: a zip is whole, and then says so once, or not there."""


def open_folder(path: Path, person: str) -> Folder:
    """The folder, made if it is missing.

    Raises:
        FacefindError: it is a file, or has a file where an album's own would go, or another person's album.
    """
    if path.exists() and not path.is_dir():
        raise FacefindError(f"--to {path} is a file: give a folder, or a name that ends with .zip")
    folder = Folder(path, None)
    held = folder.read(CONTENTS) if path.is_dir() else None
    before = None if held is None else _contents_of(held, path / CONTENTS, person)
    reserved = {CONTENTS, TABLE} if before is None else set()
    foreign = {COLLAGE, *reserved} if before is None or not before.collage else reserved
    clash = next((name for name in sorted(foreign) if (path / name).exists()), None)
    if clash is not None:
        raise FacefindError(f"{path / clash} is there already and no album made it: give another folder")
    path.mkdir(parents=True, exist_ok=True)
    return Folder(path, before)


def contents_of_zip(file: Path, person: str) -> Contents | None:
    """What the zip that is there says of itself; None where none is.

    Raises:
        FacefindError: it is no album, or another person's: it is not replaced.
    """
    if not file.exists():
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            held = archive.read(CONTENTS)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise FacefindError(f"{file} is there already and no album: give another name") from error
    return _contents_of(held, file, person)


@contextmanager
def open_zip(file: Path) -> Iterator[Zip]:
    """A zip that takes the name of `file` once it is whole.

    Raises:
        FacefindError: it can't be written there.
        OutageError: the disk is full.
    """
    try:
        descriptor, partial = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    except OSError as error:
        raise FacefindError(f"--to {file} can't be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
            yield Zip(archive)
        Path(partial).replace(file)
    except BaseException as error:
        Path(partial).unlink(missing_ok=True)
        if is_disk_full(error):
            raise no_space(file) from error
        raise


def _contents_of(data: bytes, file: Path, person: str) -> Contents:
    try:
        contents = read_contents(data)
    except FacefindError as error:
        raise FacefindError(f"{file} {error}: give another place") from error
    if contents.person != person:
        raise FacefindError(f"{file} is of the album of {contents.name}: give another place")
    if any(PurePath(item.file).name != item.file for item in contents.items):
        raise FacefindError(f"{file} names files outside of the album: give another place")
    return contents
