"""`facefind person consent`: whether a person agreed to be shown to others."""

from datetime import date, datetime

import click

from facefind_pipeline.cli.filters import DATE
from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import json_option, open_reading
from facefind_pipeline.errors import FacefindError


@click.command(
    epilog="""\b
Examples:
  facefind person consent Ada --yes
  facefind person consent Ada --until 2027-12-31 --on 2026-06-01 --source "signed form"
  facefind person consent Ada --no
  facefind person consent Ada                      (what was recorded, the newest first)"""
)
@click.argument("name")
@click.option("--yes", "agreed", flag_value="yes", help="Agrees to be shown.")
@click.option("--no", "agreed", flag_value="no", help="Does not agree, or not any more.")
@click.option("--until", type=DATE, metavar="DATE", help="Agrees to be shown up to this day, as 2027-12-31.")
@click.option("--on", "given_on", type=DATE, metavar="DATE", help="When the person said so, if not today.")
@click.option("--source", default="command", show_default=True, metavar="TEXT", help="How the person said so.")
@json_option
def consent(
    name: str, agreed: str | None, until: datetime | None, given_on: datetime | None, source: str, as_json: bool
) -> None:
    """Record whether the person NAME agrees to be shown to others, or print what was recorded.

    With --hide-others the faces of people who agreed stay as they are; without a statement nobody agreed.
    """
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.store import consents

    if agreed == "no" and until is not None:
        raise click.UsageError("--until says how long somebody agrees: give it alone or with --yes")
    last = until.date() if until else None
    if last is not None and last < date.today():
        raise FacefindError(f"--until {last} is past: give a day to come, or --no")
    given = given_on.date() if given_on else None
    if given is not None and given > date.today():
        raise FacefindError(f"--on {given} is still to come: give the day on which they said so")
    if given is not None and not (agreed or last):
        raise click.UsageError("--on goes with --yes, --no or --until")
    _, database = open_reading()
    with database.connect(vectors=False) as connection:
        person = person_named(connection, name)
        if agreed or last:
            consents.record_consent(connection, person, consents.Consent(agreed != "no", last, source, given_on=given))
        stated = consents.consents_of(connection, person)
    rows = [
        {
            "person": person.name,
            "agrees": "yes" if one.agreed else "no",
            "until": one.until and one.until.isoformat(),
            "said on": one.given_on and one.given_on.isoformat(),
            "recorded": one.stated_at and one.stated_at.isoformat(" ", "seconds"),
            "source": one.source,
        }
        for one in stated
    ]
    if as_json:
        echo_json(rows)
    elif not rows:
        click.echo(f"{person.name} said nothing yet: with --hide-others their face is covered", err=True)
    else:
        echo_table(rows[:1] if agreed or last else rows)
