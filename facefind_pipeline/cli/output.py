"""How JSON, tables and remarks are printed, and the contact sheet of a search."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from facefind_pipeline.cli.table import table_lines
from facefind_pipeline.cli.workspace import absolute
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.plurals import counted
from facefind_pipeline.search.matches import CONFIRMED, Match


def echo_json(value: object) -> None:
    """Prints JSON on standard output; in ASCII where that takes no more, or a path has bytes that are no text."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=1)
    click.echo(text)


def echo_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Prints rows under the first one's keys; on a terminal they fit its width, elsewhere nothing is shortened."""
    for line in table_lines(rows, shutil.get_terminal_size().columns if sys.stdout.isatty() else None):
        click.echo(line)


def warn_of_days_left_out(key: str, days: Sequence[str]) -> None:
    """Says which event days a search left out, since another version of the embedder made their vectors."""
    if days:
        named = ", ".join([*days[:3], *(["..."] if len(days) > 3 else [])])
        click.echo(
            f"{counted(len(days), 'event day')} not searched ({named}): embedded by another version of "
            f"{key.partition('@')[2]}; `facefind run PHOTOS --params {key}` embeds them again",
            err=True,
        )


def echo_sheet(matches: Sequence[Match], file: Path, *, title: str) -> None:
    """Writes a contact sheet of the matches, the confirmed ones in a green frame, and says where."""
    from facefind_pipeline.vision.sheet import Tile, write_sheet

    tiles = [
        Tile(
            match.thumbnail,
            (f"{match.rank}. {match.band or _three(match.score)}", _named(match)),
            framed=match.band == CONFIRMED,
        )
        for match in matches
    ]
    click.echo(f"contact sheet: {write_sheet(file, tiles, title=title)}", err=True)


def echo_unknown(undated: int, unplaced: int) -> None:
    """Says on standard error that photos were not looked at, since nobody knows when or where they were taken."""
    for count, what, options in ((undated, "date", "--from and --to"), (unplaced, "position", "--near")):
        if count:
            verb = "has" if count == 1 else "have"
            click.echo(f"{counted(count, 'photo')} {verb} no {what} and can't match {options}", err=True)


def sheet_option(shows: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option `--sheet FILE`; the file is absolute and can be written, or the command ends before its work."""
    return click.option(
        "--sheet",
        type=click.Path(),
        metavar="FILE",
        callback=_sheet_file,
        help=f"Write a contact sheet of {shows}: JPEG or PNG, by the suffix.",
    )


def _sheet_file(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value is None:
        return None

    from facefind_pipeline.vision.sheet import FORMATS

    file = absolute(value)
    if file.suffix.lower() not in FORMATS:
        raise FacefindError(f"--sheet {value}: the name of a contact sheet ends with one of {' '.join(FORMATS)}")
    if not file.parent.is_dir():
        raise FacefindError(f"--sheet {value}: no folder {file.parent}")
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise FacefindError(f"--sheet {value}: {'is a folder' if file.is_dir() else 'can not be written there'}")
    return file


def _three(number: float | None) -> str:
    return "" if number is None else f"{number:.3f}"


def _named(match: Match) -> str:
    return match.photo if match.there else f"gone: {match.photo}"
