"""How matches and tables are printed, and the contact sheet of a search."""

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
from facefind_pipeline.path_text import text_of
from facefind_pipeline.plurals import counted
from facefind_pipeline.search.find import KEPT, Match


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


def echo_matches(title: str, key: str, matches: Sequence[Match], total: int) -> None:
    """Prints ranked photos, how many there are in all, and where they lie.

    The rows are in the order of the score, the lowest first, after what was confirmed.
    """
    shown = f"{len(matches):,} of " if len(matches) < total else ""
    more = " or more" if total >= KEPT else ""
    rest = f"; -n {total} for all" if len(matches) < total < KEPT else ""
    click.echo(f"{title}: {shown}{counted(total, 'photo')}{more} with faces, best first, under {key}{rest}")
    echo_table([_row(match) for match in matches])
    roots = dict.fromkeys(text_of(match.file).removesuffix(match.photo).rstrip(os.sep) for match in matches)
    click.echo(f"photos: below {', '.join(roots)}", err=True)


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
    """Writes a contact sheet of the matches and says where."""
    from facefind_pipeline.vision.sheet import Tile, write_sheet

    tiles = [
        Tile(match.thumbnail, (f"{match.rank}. {match.band or _three(match.score)}", _named(match)))
        for match in matches
    ]
    click.echo(f"contact sheet: {write_sheet(file, tiles, title=title)}", err=True)


def echo_undated(count: int) -> None:
    """Says on standard error that photos were not looked at, since nobody knows when they were taken."""
    if count:
        verb = "has" if count == 1 else "have"
        click.echo(f"{counted(count, 'photo')} {verb} no date and can't match --from and --to", err=True)


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


def _row(match: Match) -> dict[str, object]:
    return {
        "rank": match.rank,
        "match": match.band,
        "confidence": "" if match.probability is None else f"{match.probability:.1%}",
        "score": _three(match.score),
        "photo": match.photo,
        "file": "" if match.there else "gone",
        "looks more like": match.rival,
        "event day": match.event_day,
        "taken": match.taken_at.strftime("%Y-%m-%d %H:%M") if match.taken_at else "",
        "place": ", ".join(part for part in (match.place, match.country) if part),
        "also": _copies(match),
    }


def _three(number: float | None) -> str:
    return "" if number is None else f"{number:.3f}"


def _named(match: Match) -> str:
    return match.photo if match.there else f"gone: {match.photo}"


def _copies(match: Match) -> str:
    first, more = [copy.photo for copy in match.copies[:1]], len(match.copies) - 1
    return "".join(first) + (f" and {more} more" if more > 0 else "")
