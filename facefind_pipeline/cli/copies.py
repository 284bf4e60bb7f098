"""Copies of the photos that a search shows, in a folder of the user's."""

import filecmp
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import click

from facefind_pipeline.cli.workspace import absolute
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.plurals import counted
from facefind_pipeline.search.matches import Match


@dataclass
class Copies:
    """What became of the photos.

    Attributes:
        copied: how many.
        size: of those, bytes.
        known: how many were there already.
        missing: photos of which no file could be read, with the reason.
    """

    copied: int = 0
    size: int = 0
    known: int = 0
    missing: list[str] = field(default_factory=list)


def copy_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--copy-to DIR`: an absolute folder, or one that can be made."""
    return click.option(
        "--copy-to",
        type=click.Path(),
        metavar="DIR",
        callback=_folder,
        help="Copy the photos shown into this folder, made if missing; no file in it is overwritten.",
    )(command)


def _folder(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value is None:
        return None
    folder = absolute(value)
    if folder.exists() and not folder.is_dir():
        raise FacefindError(f"--copy-to {value}: is no folder")
    return folder


def check_outside(folder: Path, roots: Sequence[Path]) -> None:
    """Looks whether copies in the folder would be read as photos themselves.

    Raises:
        FacefindError: the folder is, or lies in, one of the roots.
    """
    inside = next((root for root in roots if _real(folder).is_relative_to(_real(root))), None)
    if inside is not None:
        raise FacefindError(
            f"--copy-to {folder}: the photos of {inside} are searched, and copies in it would be too: give a folder "
            "elsewhere"
        )


def copy_photos(matches: Sequence[Match], folder: Path) -> None:
    """Copies the photos and says how many, of which size, and which are missing.

    Raises:
        FacefindError: the folder can't be written.
    """
    try:
        made = copy_into(matches, folder)
    except OSError as error:
        raise FacefindError(f"--copy-to {folder}: {error.filename or folder}: {error.strerror}") from error
    known = f"; {counted(made.known, 'photo')} there already" if made.known else ""
    click.echo(f"copied {counted(made.copied, 'photo')} ({spelt(made.size)}) to {folder}{known}", err=True)
    for photo in made.missing:
        click.echo(f"not copied: {photo}", err=True)


def copy_into(matches: Sequence[Match], folder: Path) -> Copies:
    """Copies each photo with its times into the folder, under its own name or, if another file has it, a numbered one.

    Of a photo whose file is gone a copy of the same content serves.

    Raises:
        OSError: the folder can't be written.
    """
    from facefind_pipeline.cli.bars import Bars

    if matches:
        folder.mkdir(parents=True, exist_ok=True)
    made, bars = Copies(), Bars()
    bars.begin("copying", len(matches), "photo")
    try:
        for match in matches:
            files = ((match.file, match.there), *((copy.file, copy.there) for copy in match.copies))
            source = next((file for file, there in files if there and file.is_file()), None)
            if source is None:
                made.missing.append(f"{match.photo}: {match.file} is not there")
            elif not os.access(source, os.R_OK):
                made.missing.append(f"{match.photo}: {source} can't be read")
            else:
                _copy(source, folder, made)
            bars.advance()
    finally:
        bars.end()
    return made


def _copy(source: Path, folder: Path, made: Copies) -> None:
    target, number = folder / source.name, 1
    while True:
        try:
            with source.open("rb") as photo, target.open("xb") as file:
                _fill(photo, file, target)
        except FileExistsError:
            if target.is_file() and filecmp.cmp(source, target, shallow=False):
                made.known += 1
                return
            number += 1
            target = folder / f"{source.stem}-{number}{source.suffix}"
        else:
            with suppress(PermissionError):  # file systems of memory cards have no owners and modes
                shutil.copystat(source, target)
            made.copied += 1
            made.size += target.stat().st_size
            return


def _fill(photo: BinaryIO, file: BinaryIO, target: Path) -> None:
    try:
        shutil.copyfileobj(photo, file, 1 << 20)
    except BaseException:  # a disk that is full, Ctrl-C: no half of a photo stays
        target.unlink(missing_ok=True)
        raise


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def spelt(size: int) -> str:
    """A number of bytes as file managers show it: `940 bytes`, `3.2 MB`."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:,.1f} {unit}"
    return counted(size, "byte")
