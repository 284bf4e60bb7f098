"""`facefind find`: the photos nearest to a person, or to the face in a picture, from what is done so far."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.cli.output import (
    echo_json,
    echo_matches,
    echo_sheet,
    echo_undated,
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

if TYPE_CHECKING:
    from facefind_pipeline.search.find import Probe
    from facefind_pipeline.settings import Settings
    from facefind_pipeline.store.parameter_sets import RegisteredSet

DATE = click.DateTime(["%Y-%m-%d"])


@click.command(
    epilog="""\b
Examples:
  facefind find Ada
  facefind find Ada -n 50 --country Portugal --from 2024-06-01 --to 2024-06-30
  facefind find --photo unknown.jpg --day beach-party --json
  facefind find --like muffin.jpg                 (pictures that look like it, under the set whole@imgbeddings)
  facefind find Ada --day "2024-06-16 Vigo"       (an event day by its key or its folder's name)
  facefind find Ada --sheet ada.png               (a contact sheet of the matches)"""
)
@click.argument("name", required=False)
@click.option("--photo", type=click.Path(), help="Ask with the face in this picture; nothing of it is stored.")
@click.option("--like", type=click.Path(), help="Ask for photos that look like this picture; nothing of it is stored.")
@click.option("-n", "--limit", default=10, show_default=True, type=click.IntRange(1), help="Photos to print.")
@click.option(
    "--day", "days", multiple=True, metavar="DAY", help="Only this event day, by key or folder; repeat for more."
)
@click.option("--from", "from_day", type=DATE, metavar="DATE", help="Taken on this day or later, as 2024-06-01.")
@click.option("--to", "to_day", type=DATE, metavar="DATE", help="Taken on this day or earlier.")
@click.option("--country", help="Taken in this country: its English name or two-letter code.")
@click.option(
    "--metric", type=click.Choice(["l2", "cosine", "ip", "l1"]), help="Distance; the embedder's own by default."
)
@sheet_option("the matches")
@params_option
@largest_option
@json_option
def find(
    name: str | None,
    photo: str | None,
    like: str | None,
    limit: int,
    days: Sequence[str],
    from_day: datetime | None,
    to_day: datetime | None,
    country: str | None,
    metric: str | None,
    sheet: Path | None,
    params: str | None,
    largest: bool,
    as_json: bool,
) -> None:
    """Find the photos nearest to the person NAME, or to the face in a picture, or those like a picture.

    Answers from what is done, also while `facefind run` is still at work. On a narrow terminal the last columns are
    left out; --json has all. Photos that are gone come after all that are there.
    """
    from facefind_pipeline.ingest.days import day_named
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.search.comparable import days_left_out
    from facefind_pipeline.search.count import count_photos, count_undated
    from facefind_pipeline.search.find import Filters, find_nearest, find_person
    from facefind_pipeline.search.gone import there_first

    if sum(asked is not None for asked in (name, photo, like)) != 1:
        raise click.UsageError("give a NAME, --photo FILE or --like FILE")
    code = country_of(country)
    settings, database = open_reading()
    picture, option = (photo, "--photo") if like is None else (like, "--like")
    if picture is not None and not absolute(picture).is_file():
        raise FacefindError(f"no picture {picture}: give {option} the file of one")
    with database.connect(vectors=False) as connection:
        filters = Filters(
            days=tuple(day_named(connection, day).key for day in days),
            from_day=from_day.date() if from_day else None,
            to_day=to_day.date() if to_day else None,
            country=code,
        )
        chosen = chosen_set(connection, params) if like is None else _whole_set(connection, params)
        person = person_named(connection, name) if name is not None else None
        if person is not None:
            title = person.name
            matches = there_first(
                lambda most: find_person(connection, chosen, person, limit=most, filters=filters, metric=metric), limit
            )
        else:
            assert picture is not None
            title = printable(picture)
            probe = _probe(settings, chosen, picture, largest=largest)
            matches = there_first(
                lambda most: find_nearest(connection, chosen, [probe], limit=most, filters=filters, metric=metric),
                limit,
            )
        left_out = days_left_out(connection, chosen)
        total = 0 if as_json else count_photos(connection, chosen.key, person, filters)
        undated = count_undated(connection, filters)
    if as_json:
        echo_json([match.as_json() for match in matches])
    elif matches:
        echo_matches(title, chosen.key, matches, total)
    else:
        click.echo(
            f"no photos{' match these filters' if filters.given else ' with faces yet'} under {chosen.key}", err=True
        )
    echo_undated(undated)
    warn_of_days_left_out(chosen.key, left_out)
    if sheet and matches:
        echo_sheet(matches, sheet, title=title)
    elif matches and person is not None and not as_json:
        stored = sheet_path(settings, chosen.key, "people", person.key)
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
    from facefind_pipeline.search.find import Probe
    from facefind_pipeline.store.versions import fingerprint

    parameters = ParameterSet.parse(chosen.key)
    reference = read_reference("the photo asked for", absolute(photo), largest=largest)
    vector = embed_face(settings, parameters, locate_face(settings, parameters, reference))
    return Probe(vector, fingerprint(embedder_meaning(settings, parameters)))


def country_of(text: str | None) -> str | None:
    """The two-letter code of a country's name or code."""
    if text is None:
        return None
    from facefind_pipeline.vision.exif import country_code

    return country_code(text)
