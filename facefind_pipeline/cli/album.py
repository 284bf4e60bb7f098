"""`facefind album`: a person's photos as a folder or a zip, with other people's heads covered where asked."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import absolute, chosen_set, json_option, open_reading, params_option
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.plurals import counted

if TYPE_CHECKING:
    from facefind_pipeline.publish.album import Album, Options
    from facefind_pipeline.publish.contents import Contents

_ZIP = ".zip"
_NAMED = 10  # photos that are left out and named


@click.command(
    epilog="""\b
Examples:
  facefind album Ada --to ada
  facefind album Ada --to ada.zip --size web --hide-others
  facefind album Ada --hide-others --dry-run       (a sheet of what stays and what is covered; writes no album)
  facefind album Ada --to ada --size original --xmp
  facefind album Ada --to ada --links --collage"""
)
@click.argument("name")
@click.option("--to", metavar="DIR|FILE.zip", help="Where to, outside of the photos.")
@click.option(
    "--size",
    type=click.Choice(["web", "full", "original"]),
    help="web: at most 2048 pixels; full (the default): all pixels, upright, as JPEG of quality 92; original: the file "
    "as it is, with all that it says of place and camera, or with --hide-others a JPEG of quality 95.",
)
@click.option(
    "--hide-others", is_flag=True, help="Cover the heads of all who did not agree: `facefind person consent`."
)
@click.option(
    "--xmp", "sidecars", is_flag=True, help="Beside each photo a sidecar that says where the person is in it."
)
@click.option("--links", is_flag=True, help="Links to the photos where they lie, in place of copies.")
@click.option("--collage", is_flag=True, help="One picture of the best photos as well.")
@click.option("--dry-run", is_flag=True, help="Say what the album would hold, with a sheet of it, and write no album.")
@params_option
@json_option
def album(
    name: str,
    to: str | None,
    size: str | None,
    hide_others: bool,
    sidecars: bool,
    links: bool,
    collage: bool,
    dry_run: bool,
    params: str | None,
    as_json: bool,
) -> None:
    """Give away the photos that show the person NAME, confirmed, sure or likely, best first.

    Called again it makes what is missing or has changed, and removes what was made of photos that are no longer found.
    album.json and album.csv in it list the photos. But for originals and links the pictures hold pixels alone: no
    place, no camera, no embedded thumbnail, no second image. With --hide-others a photo whose faces can't be judged is
    left out.
    """
    if links and (hide_others or (size or "original") != "original"):
        raise click.UsageError("--links leads to the photos as they are: leave --hide-others and --size out")
    if to is None and not dry_run:
        raise click.UsageError("say where to: --to DIR or --to FILE.zip; --dry-run writes no album")
    destination = None if to is None else absolute(to)
    is_zip = destination is not None and destination.suffix.lower() == _ZIP and not destination.is_dir()
    if links and is_zip:
        raise click.UsageError("a zip holds no links: give --to a folder")
    if destination is not None and is_zip and not destination.parent.is_dir():
        raise FacefindError(f"--to {to}: no folder {destination.parent}")

    from facefind_pipeline.cli.bars import Bars
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.publish.album import Options
    from facefind_pipeline.publish.exports import Size
    from facefind_pipeline.publish.making import make_folder, make_zip
    from facefind_pipeline.publish.trial import try_album
    from facefind_pipeline.settings import read_settings

    chosen_size = Size(size or ("original" if links else "full"))
    options = Options(chosen_size, hide_others=hide_others, links=links, sidecars=sidecars, collage=collage)
    planned, settings = _plan(name, params, options, destination), read_settings()
    if destination is None or dry_run:
        sheet = sheet_path(settings, planned.parameter_set, "albums", planned.selection.person.key)
        tried = try_album(planned, sheet, settings.models, Bars())
        _echo_tried(tried, sheet, as_json=as_json)
        return
    if is_zip:
        made = make_zip(planned, destination, settings.models, Bars())
    else:
        made = make_folder(planned, destination, settings.models, Bars())
    _echo_made(made, destination, as_json=as_json)


def _plan(name: str, params: str | None, options: "Options", destination: Path | None) -> "Album":
    from datetime import date

    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.publish.album import plan_album, require_outside
    from facefind_pipeline.publish.selection import selected
    from facefind_pipeline.store import photos

    _, database = open_reading()
    with database.connect(vectors=False) as connection:
        if destination is not None:
            require_outside(destination, photos.roots(connection))
        chosen = chosen_set(connection, params)
        person = person_named(connection, name)
        (selection,) = selected(connection, chosen, [person], all_bands=False)
        planned = plan_album(connection, chosen, selection, options, date.today())
    if not selection.matches:
        raise FacefindError(
            f"no photo shows {person.name} for sure or likely under {chosen.key}: `facefind find {person.key}` lists "
            f"the nearest, `facefind confirm {person.key} PHOTO` says that one is right"
        )
    return planned


def _echo_made(made: "Contents", destination: Path, *, as_json: bool) -> None:
    if as_json:
        echo_json({"album": str(destination), **made.for_programs()})
    else:
        click.echo(f"{destination}: {_summary(made)}")
    _warn(made)


def _echo_tried(tried: "Contents", sheet: Path, *, as_json: bool) -> None:
    if as_json:
        echo_json({"sheet": str(sheet) if tried.items else None, **tried.for_programs()})
    else:
        click.echo(f"would hold {_summary(tried)}")
        echo_table(
            [
                {"file": item.file, "photo": item.photo, "event day": item.event_day, "match": item.match}
                | ({"heads covered": item.covered} if tried.others_hidden else {})
                for item in tried.items
            ]
        )
    if tried.items:
        click.echo(f"sheet: {sheet}; no album was written", err=True)
    _warn(tried)


def _summary(contents: "Contents") -> str:
    hidden = f", {counted(contents.covered, 'head')} of other people covered" if contents.others_hidden else ""
    left_out = f"; {counted(len(contents.left_out), 'photo')} left out" if contents.left_out else ""
    return f"{counted(len(contents.items), 'photo')} of {contents.name}{hidden}{left_out}"


def _warn(contents: "Contents") -> None:
    """Says on standard error what was left out, and what is wrong with single files."""
    lines = [f"left out: {photo}: {problem}" for photo, problem in contents.left_out.items()]
    lines += [f"{file}: {note}" for file, note in contents.notes.items()]
    for line in lines[:_NAMED]:
        click.echo(line, err=True)
    if len(lines) > _NAMED:
        click.echo(f"... and {len(lines) - _NAMED} more: --json or album.json has all", err=True)
