"""`facefind find`: the photos of a person, or like the face in a picture, from what is done so far."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.cli.answer import echo_answer, warn_if_stale
from facefind_pipeline.cli.copies import check_outside, copy_option, copy_photos
from facefind_pipeline.cli.filters import Wanted, filter_options
from facefind_pipeline.cli.output import (
    echo_json,
    echo_sheet,
    echo_unknown,
    sheet_option,
    warn_of_days_left_out,
)
from facefind_pipeline.cli.workspace import (
    absolute,
    chosen_set,
    json_option,
    largest_option,
    open_reading,
    params_option,
)
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.path_text import printable
from facefind_pipeline.search.matches import BANDS, WORTH_SHOWING

if TYPE_CHECKING:
    from facefind_pipeline.search.probes import Probe
    from facefind_pipeline.settings import Settings
    from facefind_pipeline.store.parameter_sets import RegisteredSet
    from facefind_pipeline.store.people import Person


@click.command(
    epilog="""\b
Examples:
  facefind find Ada                               (all photos that are sure or likely)
  facefind find Ada --with Bob --without Cy --day saturday
  facefind find Ada --near 38.72,-9.14,2km --from 2024-06-01 --to 2024-06-30
  facefind find Ada --with Bob --only --min-size 5%   (the two of them, nobody else, not tiny)
  facefind find Ada --copy-to ada-photos          (copies of what is shown)
  facefind find Ada --band likely --sheet doubtful.png
  facefind find Ada --all -n 50                   (unlikely ones too)
  facefind find Ada --no-clothes                  (by the face alone)
  facefind find --photo unknown.jpg --day "2024-06-16 Vigo" --json
  facefind find --like muffin.jpg                 (pictures that look like it, under the set whole@imgbeddings)"""
)
@click.argument("name", required=False)
@click.option("--photo", type=click.Path(), help="Ask with the face in this picture; nothing of it is stored.")
@click.option("--like", type=click.Path(), help="Ask for photos that look like this picture; nothing of it is stored.")
@click.option("-n", "--limit", type=click.IntRange(1), help="Show so many, the best, unlikely ones too if need be.")
@click.option("--all", "every", is_flag=True, help="Show all, the unlikely ones behind the others.")
@click.option("--band", "bands", multiple=True, type=click.Choice(BANDS), help="Show these alone; repeat for more.")
@filter_options
@click.option(
    "--metric", type=click.Choice(["l2", "cosine", "ip", "l1"]), help="Distance; the embedder's own by default."
)
@click.option("--no-clothes", is_flag=True, help="Rank by the face alone, also where clothes of the day count.")
@copy_option
@sheet_option("the matches")
@params_option
@largest_option
@json_option
def find(
    name: str | None,
    photo: str | None,
    like: str | None,
    limit: int | None,
    every: bool,
    bands: Sequence[str],
    wanted: Wanted,
    metric: str | None,
    no_clothes: bool,
    copy_to: Path | None,
    sheet: Path | None,
    params: str | None,
    largest: bool,
    as_json: bool,
) -> None:
    """Find the photos of the person NAME, of the face in a picture, or those like a picture.

    Shows all that are confirmed, sure or likely, best first, and why; under a set that can't tell, the nearest ten.
    Filters may be given together. Whoever is sure or likely on a photo, or was confirmed, counts as being on it for
    --with, --without and --only; who was rejected does not.

    Answers from what is done, also while `facefind run` is still at work. On a narrow terminal the last columns are
    left out; --json has all. Photos that are gone come after all that are there.
    """
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.search.comparable import days_left_out
    from facefind_pipeline.search.count import completed, count_undated, count_unplaced
    from facefind_pipeline.search.find import find_person
    from facefind_pipeline.search.gone import there_first
    from facefind_pipeline.search.live import find_nearest
    from facefind_pipeline.store import photos
    from facefind_pipeline.store.roles import Role, as_role

    _check_usage(name, photo, like, wanted, every=every, bands=bands)
    shown = bands or (None if every or limit else WORTH_SHOWING)
    settings, database = open_reading()
    # What is stored, and a person's nearest faces, need no right to vectors and crops; all else that is asked for does.
    reader = name is not None and not wanted.given and metric is None and sheet is None
    picture, option = (photo, "--photo") if like is None else (like, "--like")
    if picture is not None and not absolute(picture).is_file():
        raise FacefindError(f"no picture {picture}: give {option} the file of one")
    with (as_role(database, Role.READER) if reader else database).connect(vectors=False) as connection:
        if copy_to:
            check_outside(copy_to, photos.roots(connection))
        chosen = chosen_set(connection, params) if like is None else _whole_set(connection, params)
        person = person_named(connection, name) if name is not None else None
        filters = wanted.filters(connection, chosen, person, clothes=not no_clothes)
        if person is not None:
            title = person.name
            search = partial(find_person, connection, chosen, person, clothes=not no_clothes, reader=reader)
        else:
            assert picture is not None
            title = printable(picture)
            search = partial(find_nearest, connection, chosen, [_probe(settings, chosen, picture, largest=largest)])
        answer = there_first(
            lambda most: search(limit=most, bands=shown, filters=filters, metric=metric),
            limit,
        )
        if bands and answer.cut is None:
            raise FacefindError(f"--band {bands[0]}: under {chosen.key} it is not known how likely a photo is")
        if not as_json:
            answer = completed(connection, chosen.key, answer, person, filters)
        left_out = days_left_out(connection, chosen)
        undated, unplaced = count_undated(connection, filters), count_unplaced(connection, filters)
    if as_json:
        warn_if_stale(title, chosen.key, answer)
        echo_json([match.as_json() for match in answer.matches])
    else:
        echo_answer(title, chosen.key, answer, shown, filtered=filters.given)
    echo_unknown(undated, unplaced)
    warn_of_days_left_out(chosen.key, left_out)
    if sheet and answer.matches:
        echo_sheet(answer.matches, sheet, title=title)
    elif answer.matches and person is not None and not as_json:
        _echo_stored_sheet(settings, chosen.key, person)
    if copy_to:
        copy_photos(answer.matches, copy_to)


def _check_usage(
    name: str | None, photo: str | None, like: str | None, wanted: Wanted, *, every: bool, bands: Sequence[str]
) -> None:
    if sum(asked is not None for asked in (name, photo, like)) != 1:
        raise click.UsageError("give a NAME, --photo FILE or --like FILE")
    if wanted.only and name is None:
        raise click.UsageError("--only asks for a NAME: it must know who may be on the photo")
    if every and bands:
        raise click.UsageError("give --all or --band, not both")


def _echo_stored_sheet(settings: "Settings", key: str, person: "Person") -> None:
    from facefind_pipeline.ingest.sheet_files import sheet_path

    stored = sheet_path(settings, key, "people", person.key)
    if stored.is_file():
        click.echo(f"contact sheet of the last run: {stored}", err=True)


def _whole_set(connection: Connection, params: str | None) -> "RegisteredSet":
    """The set that `--params` names, else the first that embeds photos whole.

    Raises:
        FacefindError: there is none, or the one named embeds faces.
    """
    from facefind_pipeline.store import parameter_sets

    named = [chosen_set(connection, params)] if params else parameter_sets.registered(connection)
    whole = next((one for one in named if one.key.startswith("whole@")), None)
    if whole is None:
        raise FacefindError(
            f"--like asks a set that embeds photos whole, {params or 'and there is none yet'}"
            f"{' does not' if params else ''}: `facefind sweep whole@imgbeddings` makes one"
        )
    return whole


def _probe(settings: "Settings", chosen: "RegisteredSet", photo: str, *, largest: bool) -> "Probe":
    """The one face in a picture that is not stored."""
    from facefind_pipeline.ingest.faces import embedder_meaning
    from facefind_pipeline.ingest.references import embed_face, locate_face, read_reference
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.search.probes import Probe
    from facefind_pipeline.store.versions import fingerprint

    parameters = ParameterSet.parse(chosen.key)
    reference = read_reference("the photo asked for", absolute(photo), largest=largest)
    vector = embed_face(settings, parameters, locate_face(settings, parameters, reference))
    return Probe(vector, fingerprint(embedder_meaning(settings, parameters)))
