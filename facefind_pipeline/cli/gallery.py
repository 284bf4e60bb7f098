"""`facefind gallery`: a folder with people's photos that opens anywhere, offline, and can be given away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json
from facefind_pipeline.cli.workspace import absolute, chosen_set, json_option, open_reading, params_option
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.plurals import counted

if TYPE_CHECKING:
    from facefind_pipeline.publish.selection import Selection

NAMED = 3  # photos that were left out whose names are printed


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a gallery.

    Attributes:
        page: to open.
        photos: how many it shows.
        people: how many photos were found of each, by name.
        left_out: paths of photos that could not be shown, with the reason.
    """

    page: Path
    photos: int
    people: Mapping[str, int]
    left_out: Mapping[str, str]


@click.command(
    epilog="""\b
Examples:
  facefind gallery Ada --out ada-gallery
  facefind gallery Ada "José Núñez" --out for-both --originals
  facefind gallery Ada --out ada-gallery --all     (also what is unlikely to show her)
  chmod -R a+rX ada-gallery                        (if a web server under another account is to show it)"""
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--out", required=True, type=click.Path(), metavar="DIR", help="Folder of the gallery, new or one of ours."
)
@click.option("--all", "all_bands", is_flag=True, help="Also photos that are unlikely to show them.")
@click.option("--originals", is_flag=True, help="Give the originals to download, with all that their EXIF says.")
@click.option("--zip/--no-zip", "archive", default=True, help="Put all photos into one file, too.  [default: --zip]")
@params_option
@json_option
def gallery(
    names: Sequence[str],
    out: str,
    all_bands: bool,
    originals: bool,
    archive: bool,
    params: str | None,
    as_json: bool,
) -> None:
    """Make a gallery of the photos that show the people NAME..., to be opened from a file manager.

    The page in DIR needs no network and asks none. It shows sure and likely photos, 2048 pixels wide at most, without
    EXIF or positions. DIR is replaced if it is a gallery already. Only you can read it: give people a copy.
    """
    made = make_gallery(absolute(out), names, params, all_bands=all_bands, originals=originals, archive=archive)
    if as_json:
        values = {"photos": made.photos, "people": dict(made.people), "left_out": dict(made.left_out)}
        echo_json({"page": str(made.page), **values})
        return
    for photo, reason in list(made.left_out.items())[:NAMED]:
        click.echo(f"left out: {photo}: {reason}", err=True)
    if len(made.left_out) > NAMED:
        click.echo(f"left out: {counted(len(made.left_out) - NAMED, 'more photo')}; --json names all", err=True)
    click.echo(f"{counted(made.photos, 'photo')} of {', '.join(made.people)}", err=True)
    click.echo(f"gallery: {made.page}")


def make_gallery(
    out: Path,
    names: Sequence[str],
    params: str | None = None,
    *,
    all_bands: bool = False,
    originals: bool = False,
    archive: bool = True,
) -> Made:
    """A gallery of people, as `facefind gallery` makes it.

    Raises:
        FacefindError: it can't be written there, somebody is not known, or there is no photo to show.
    """
    settings, database = open_reading()

    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.publish.gallery import Gallery, check_folder, write_gallery
    from facefind_pipeline.publish.gallery_data import gallery_photos
    from facefind_pipeline.publish.previews import make_previews, remove_previews
    from facefind_pipeline.publish.selection import selected
    from facefind_pipeline.store import photos

    with database.connect(vectors=False) as connection:
        check_folder(out, photos.roots(connection))
        chosen = chosen_set(connection, params)
        asked = list(dict.fromkeys(person_named(connection, name) for name in names))
        selections = selected(connection, chosen, asked, all_bands=all_bands)
        _check_any(selections, chosen.key)
        found = gallery_photos(connection, selections)
        known = photos.all_contents(connection)
    bars = Bars()
    remove_previews(settings.small_photos, known)
    problems = make_previews(settings.small_photos, [photo.source for photo in found], bars)
    shown = [photo for photo in found if photo.match.sha256 not in problems]
    gallery = Gallery([person.name for person in asked], shown, originals, archive)
    page = write_gallery(out, gallery, settings.small_photos, bars)
    return Made(
        page,
        len(shown),
        {selection.person.name: len(selection.matches) for selection in selections},
        {photo.match.photo: problems[photo.match.sha256] for photo in found if photo.match.sha256 in problems},
    )


def _check_any(selections: "Sequence[Selection]", key: str) -> None:
    """Says of whom there is no photo to show.

    Raises:
        FacefindError: of nobody is there any.
    """
    without = [selection.person.name for selection in selections if not selection.matches]
    if len(without) == len(selections):
        raise FacefindError(
            f"no photo that shows {' or '.join(without)} for sure or likely under {key}; --all takes the others too"
        )
    for name in without:
        click.echo(f"{name}: no sure or likely photo under {key}; --all takes the others too", err=True)
