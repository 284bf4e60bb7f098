"""How matches and tables are printed, and the contact sheet of a search."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from facefind_pipeline.search.find import Match


def echo_json(value: object) -> None:
    """Prints JSON on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def echo_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Prints rows under the first one's keys, in aligned columns; nothing without rows."""
    if not rows:
        return
    lines = [list(rows[0])] + [[_on_one_line(value) for value in row.values()] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _on_one_line(value: object) -> str:
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def echo_sheet(matches: Sequence[Match], file: Path, *, title: str) -> None:
    """Writes a contact sheet of the matches and says where."""
    from facefind_pipeline.vision.sheet import Tile, write_sheet

    tiles = [Tile(match.thumbnail, (f"{match.rank}. {match.distance:.3f}", match.photo)) for match in matches]
    click.echo(f"contact sheet: {write_sheet(file, tiles, title=title)}", err=True)


def echo_undated(count: int) -> None:
    """Says on standard error that photos were not looked at, since nobody knows when they were taken."""
    if count:
        subject = "1 photo has" if count == 1 else f"{count} photos have"
        click.echo(f"{subject} no date and can't match --from and --to", err=True)


def echo_matches(matches: Sequence[Match]) -> None:
    """Prints ranked photos with their distances."""
    echo_table(
        [
            {
                "rank": match.rank,
                "match": match.band,
                "distance": f"{match.distance:.3f}",
                "nearer to": match.rival,
                "event day": match.event_day,
                "photo": match.photo,
                "taken": match.taken_at.strftime("%Y-%m-%d %H:%M") if match.taken_at else "",
                "place": ", ".join(part for part in (match.place, match.country) if part),
                "also": "; ".join(path for _, path in match.copies),
            }
            for match in matches
        ]
    )
