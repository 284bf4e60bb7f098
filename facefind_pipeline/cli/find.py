"""`facefind find`: the photos nearest to a person, or to the face in a picture, from what is done so far."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.output import echo_json, echo_matches, echo_sheet, echo_undated
from facefind_pipeline.cli.workspace import (
    absolute,
    chosen_set,
    json_option,
    largest_option,
    open_reading,
    params_option,
)

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
  facefind find Ada --sheet ada.jpg               (a contact sheet of the matches)"""
)
@click.argument("name", required=False)
@click.option("--photo", type=click.Path(), help="Ask with the face in this picture; nothing of it is stored.")
@click.option("-n", "--limit", default=10, show_default=True, type=click.IntRange(1), help="Photos to print.")
@click.option("--day", "days", multiple=True, metavar="DAY", help="Only this event day; repeat for more.")
@click.option("--from", "from_day", type=DATE, metavar="DATE", help="Taken on this day or later, as 2024-06-01.")
@click.option("--to", "to_day", type=DATE, metavar="DATE", help="Taken on this day or earlier.")
@click.option("--country", help="Taken in this country: its English name or two-letter code.")
@click.option(
    "--metric", type=click.Choice(["l2", "cosine", "ip", "l1"]), help="Distance; the embedder's own by default."
)
@click.option("--sheet", type=click.Path(), metavar="FILE", help="Write a contact sheet of the matches (JPEG).")
@params_option
@largest_option
@json_option
def find(
    name: str | None,
    photo: str | None,
    limit: int,
    days: Sequence[str],
    from_day: datetime | None,
    to_day: datetime | None,
    country: str | None,
    metric: str | None,
    sheet: str | None,
    params: str | None,
    largest: bool,
    as_json: bool,
) -> None:
    """Find the photos nearest to the person NAME, or to the face in a picture.

    Answers from what is done, also while `facefind run` is still at work.
    """
    from facefind_pipeline.ingest.folders import key_of
    from facefind_pipeline.search.find import Filters, count_undated, find_nearest, find_person
    from facefind_pipeline.store import people, photos

    if (name is None) == (photo is None):
        raise click.UsageError("give a NAME or --photo FILE")
    filters = Filters(
        days=tuple(days),
        from_day=from_day.date() if from_day else None,
        to_day=to_day.date() if to_day else None,
        country=country_of(country),
    )
    settings, database = open_reading()
    with database.connect() as connection:
        for day in days:
            photos.find_day(connection, day)
        chosen = chosen_set(connection, params)
        if name is not None:
            person = people.find_person(connection, key_of(name))
            title = person.name
            matches = find_person(connection, chosen, person, limit=limit, filters=filters, metric=metric)
        else:
            assert photo is not None
            title = photo
            probe = _probe(settings, chosen, photo, largest=largest)
            matches = find_nearest(connection, chosen, [probe], limit=limit, filters=filters, metric=metric)
        undated = count_undated(connection, filters)
    if as_json:
        echo_json([match.as_json() for match in matches])
    elif matches:
        click.echo(f"{title}, nearest {len(matches)} photos under {chosen.key}")
        echo_matches(matches)
    else:
        click.echo(
            f"no photos{' match these filters' if filters.given else ' with faces yet'} under {chosen.key}", err=True
        )
    echo_undated(undated)
    if sheet and matches:
        echo_sheet(matches, absolute(sheet), title=title)


def _probe(settings: "Settings", chosen: "RegisteredSet", photo: str, *, largest: bool) -> "Probe":
    """The one face in a picture that is not stored."""
    from facefind_pipeline.ingest.faces import shared_embedder
    from facefind_pipeline.ingest.references import embed_face, locate_face, read_reference
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.search.find import Probe
    from facefind_pipeline.store.versions import fingerprint

    parameters = ParameterSet.parse(chosen.key)
    reference = read_reference("the photo asked for", absolute(photo), largest=largest)
    vector = embed_face(settings, parameters, locate_face(settings, parameters, reference))
    return Probe(vector, fingerprint(shared_embedder(settings, parameters).fingerprint()))


def country_of(text: str | None) -> str | None:
    """The two-letter code of a country's name or code."""
    if text is None:
        return None
    from facefind_pipeline.vision.exif import country_code

    return country_code(text)
