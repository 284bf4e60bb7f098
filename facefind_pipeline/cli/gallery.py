"""`facefind gallery`: a folder with people's photos that opens anywhere, offline, and can be given away."""

from collections.abc import Iterator, Mapping, Sequence
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
    from facefind_pipeline.publish.gallery_data import GalleryPhoto
    from facefind_pipeline.publish.selection import Selection

NAMED = 3  # photos that were left out for one reason and are named one by one
GONE = "its file is gone"
NOT_JUDGED = "nobody looked for faces in it"


@dataclass(frozen=True, slots=True)
class Planned:
    """A gallery to be made.

    Attributes:
        key: of the set that found the photos.
        selections: the photos of each person.
        photos: of all, that are there and can be judged.
        left_out: paths of the others, with the reason.
        contents: all that is known, as SHA-256 in hex.
    """

    key: str
    selections: Sequence["Selection"]
    photos: Sequence["GalleryPhoto"]
    left_out: Mapping[str, str]
    contents: frozenset[str]

    @property
    def people(self) -> list[str]:
        """Their names."""
        return [selection.person.name for selection in self.selections]


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a gallery.

    Attributes:
        place: the page to open, or the sheet of what the gallery would show.
        photos: how many it shows.
        people: how many photos were found of each, by name.
        left_out: paths of photos that it does not show, with the reason.
        covered: heads of other people; None where none were to be.
    """

    place: Path
    photos: int
    people: Mapping[str, int]
    left_out: Mapping[str, str]
    covered: int | None


@click.command(
    epilog="""\b
Examples:
  facefind gallery Ada --out ada-gallery
  facefind gallery Ada "José Núñez" --out for-both --originals
  facefind gallery Ada --out ada-gallery --hide-others
  facefind gallery Ada --hide-others --dry-run     (a sheet of what stays and what is covered; writes no gallery)
  facefind gallery Ada --out ada-gallery --all     (also what is unlikely to show her)
  chmod -R a+rX ada-gallery                        (if a web server under another account is to show it)"""
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--out", type=click.Path(), metavar="DIR", help="Folder of the gallery, new or one of ours.")
@click.option("--all", "all_bands", is_flag=True, help="Also photos that are unlikely to show them, all there are.")
@click.option(
    "--hide-others",
    is_flag=True,
    help="Cover the heads of all but NAME... and who agreed to be shown: `facefind person consent`.",
)
@click.option("--originals", is_flag=True, help="Give the originals to download, with all that their EXIF says.")
@click.option("--zip/--no-zip", "archive", default=True, help="Put all photos into one file, too.  [default: --zip]")
@click.option("--dry-run", is_flag=True, help="Say what the gallery would show, with a sheet of it, and write none.")
@params_option
@json_option
def gallery(
    names: Sequence[str],
    out: str | None,
    all_bands: bool,
    hide_others: bool,
    originals: bool,
    archive: bool,
    dry_run: bool,
    params: str | None,
    as_json: bool,
) -> None:
    """Make a gallery of the photos that show the people NAME..., to be opened from a file manager.

    The page in DIR needs no network and asks none. It shows sure and likely photos, 2048 pixels wide at most, without
    EXIF or positions. DIR is replaced if it is a gallery already. Only you can read it: give people a copy. With
    --hide-others a photo whose faces can't be judged is left out.
    """
    if hide_others and originals:
        raise click.UsageError(
            "--originals are the files as they are: leave --hide-others out, or use `facefind album --size original`"
        )
    if hide_others and all_bands:
        raise click.UsageError("--all takes photos in which nobody knows whose face is to stay: leave one of them out")
    if out is None and not dry_run:
        raise click.UsageError("say where to: --out DIR; --dry-run writes no gallery")
    folder = None if out is None else absolute(out)
    if folder is None or dry_run:
        made = try_gallery(folder, names, params, all_bands=all_bands, hide_others=hide_others)
    else:
        made = make_gallery(
            folder, names, params, all_bands=all_bands, hide_others=hide_others, originals=originals, archive=archive
        )
    _echo(made, tried=folder is None or dry_run, as_json=as_json)


def make_gallery(
    out: Path,
    names: Sequence[str],
    params: str | None = None,
    *,
    all_bands: bool = False,
    hide_others: bool = False,
    originals: bool = False,
    archive: bool = True,
) -> Made:
    """A gallery of people, as `facefind gallery` makes it.

    Raises:
        FacefindError: it can't be written there, somebody is not known, or there is no photo to show.
    """
    from facefind_pipeline.publish.gallery import Gallery, write_gallery
    from facefind_pipeline.publish.gallery_pictures import copy_previews, write_covered
    from facefind_pipeline.publish.previews import make_previews, remove_previews
    from facefind_pipeline.settings import read_settings

    planned = _plan(out, names, params, all_bands=all_bands, hide_others=hide_others)
    settings, bars = read_settings(), Bars()
    remove_previews(settings.small_photos, planned.contents)
    covered = None
    if hide_others:
        written = write_covered(out, planned.photos, settings.models, bars)
        problems, covered = written.problems, sum(written.heads.values())
    else:
        problems = make_previews(settings.small_photos, [photo.source for photo in planned.photos], bars)
    shown = [photo for photo in planned.photos if photo.match.sha256 not in problems]
    if not hide_others:
        copy_previews(out, shown, settings.small_photos, bars)
    page = write_gallery(out, Gallery(planned.people, shown, originals, archive, others_hidden=hide_others), bars)
    return _made(page, planned, problems, covered)


def try_gallery(
    out: Path | None, names: Sequence[str], params: str | None, *, all_bands: bool, hide_others: bool
) -> Made:
    """What a gallery would show; writes a sheet of it alone.

    Raises:
        FacefindError: as `make_gallery`.
    """
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.publish import trial
    from facefind_pipeline.settings import read_settings

    planned, settings = _plan(out, names, params, all_bands=all_bands, hide_others=hide_others), read_settings()
    keys = "+".join(selection.person.key for selection in planned.selections)
    sheet = sheet_path(settings, planned.key, "galleries", keys)
    tried = trial.try_gallery(planned.people, planned.photos, sheet, settings.models, Bars())
    return _made(sheet, planned, tried.problems, sum(tried.covered.values()) if hide_others else None)


def _plan(out: Path | None, names: Sequence[str], params: str | None, *, all_bands: bool, hide_others: bool) -> Planned:
    from datetime import date

    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.publish import gallery_data
    from facefind_pipeline.publish.gallery_folder import check_folder
    from facefind_pipeline.publish.selection import selected
    from facefind_pipeline.store import photos

    _, database = open_reading()
    with database.connect(vectors=False) as connection:
        if out is not None:
            check_folder(out, photos.roots(connection))
        chosen = chosen_set(connection, params)
        asked = list(dict.fromkeys(person_named(connection, name) for name in names))
        selections = selected(connection, chosen, asked, all_bands=all_bands)
        _check_any(selections, chosen.key)
        found = gallery_data.gallery_photos(connection, selections)
        left_out = {photo.match.photo: GONE for photo in found if not photo.match.there}
        there = [photo for photo in found if photo.match.there]
        if hide_others:
            judged = gallery_data.hide_others(connection, chosen, there, date.today())
            unknown = {photo.match.photo for photo in there} - {photo.match.photo for photo in judged}
            left_out |= dict.fromkeys(sorted(unknown), NOT_JUDGED)
            there = judged
        known = photos.all_contents(connection)
    planned = Planned(chosen.key, selections, there, left_out, frozenset(known))
    if not there:
        raise FacefindError(f"no photo of {' or '.join(planned.people)} can be shown: {'; '.join(_lines(left_out))}")
    return planned


def _made(place: Path, planned: Planned, problems: Mapping[str, str], covered: int | None) -> Made:
    by_path = {
        photo.match.photo: problems[photo.match.sha256] for photo in planned.photos if photo.match.sha256 in problems
    }
    return Made(
        place,
        len(planned.photos) - len(by_path),
        {selection.person.name: len(selection.matches) for selection in planned.selections},
        {**planned.left_out, **by_path},
        covered,
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


def _echo(made: Made, *, tried: bool, as_json: bool) -> None:
    if as_json:
        values = {"photos": made.photos, "people": dict(made.people), "left_out": dict(made.left_out)}
        echo_json({"sheet" if tried else "page": str(made.place), **values, "covered": made.covered})
        return
    for line in _lines(made.left_out):
        click.echo(f"left out: {line}", err=True)
    if len(made.left_out) > NAMED:
        click.echo("--json names all that are left out", err=True)
    hidden = "" if made.covered is None else f", {counted(made.covered, 'head')} of other people covered"
    left_out = f"; {counted(len(made.left_out), 'photo')} left out" if made.left_out else ""
    click.echo(f"{counted(made.photos, 'photo')} of {', '.join(made.people)}{hidden}{left_out}", err=True)
    click.echo(f"sheet: {made.place}; no gallery was written" if tried else f"gallery: {made.place}")


def _lines(left_out: Mapping[str, str]) -> Iterator[str]:
    """A line for each photo with the reason; many with one reason share a line."""
    for reason in dict.fromkeys(left_out.values()):
        photos = [photo for photo, why in left_out.items() if why == reason]
        if len(photos) > NAMED:
            yield f"{counted(len(photos), 'photo')}, as {photos[0]}: {reason}"
        else:
            yield from (f"{photo}: {reason}" for photo in photos)
