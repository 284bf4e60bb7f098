"""`facefind deliver`: a person's new sure photos, each once, into their album or behind a link."""

import os
import shlex
import subprocess
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facefind_pipeline.authors import COMMAND, author
from facefind_pipeline.cli.output import echo_json
from facefind_pipeline.cli.serve_links import Until, served_address
from facefind_pipeline.cli.workspace import absolute, chosen_set, json_option, open_reading, params_option
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.marks import ALBUM_CONTENTS
from facefind_pipeline.plurals import counted

if TYPE_CHECKING:
    from facefind_pipeline.publish.delivering import Due
    from facefind_pipeline.settings import Settings
    from facefind_pipeline.store.database import Database
    from facefind_pipeline.store.people import Person

NAME, LINK, COUNT = "DELIVERY_NAME", "DELIVERY_LINK", "DELIVERY_COUNT"  # what a hook finds in its environment


@click.command(
    epilog="""\b
Examples:
  facefind deliver Ada --to albums/ada --approve            (after you looked through her photos)
  facefind deliver Ada --to albums/ada --hide-others        (later: what is new)
  facefind deliver Ada --link --expires 14d --hook ./tell-by-mail.sh
  facefind deliver Ada --dry-run"""
)
@click.argument("name")
@click.option("--to", metavar="DIR", help="Into this album folder, beside what was delivered there before.")
@click.option("--link", "by_link", is_flag=True, help="By a new link to the guests' pages, which show all photos.")
@click.option("--expires", type=Until(), default="30d", show_default=True, help="Until when --link opens.")
@click.option(
    "--size",
    type=click.Choice(["web", "full", "original"]),
    default="full",
    show_default=True,
    help="Of the photos in a folder, as for `facefind album`.",
)
@click.option("--hide-others", is_flag=True, help="In a folder, cover the heads of all who did not agree.")
@click.option("--approve", is_flag=True, help="Approve of giving the person their sure photos, from now on.")
@click.option(
    "--hook",
    metavar="COMMAND",
    help=f"Call this once something new is there, with {NAME}, {LINK} (or the folder) and {COUNT} in its environment.",
)
@click.option("--dry-run", is_flag=True, help="Say how many photos are new, and deliver none.")
@params_option
@json_option
def deliver(
    name: str,
    to: str | None,
    by_link: bool,
    expires: datetime,
    size: str,
    hide_others: bool,
    approve: bool,
    hook: str | None,
    dry_run: bool,
    params: str | None,
    as_json: bool,
) -> None:
    """Give the person NAME the photos that became confirmed or sure since the last time, each once.

    Only whom you approved of, by --approve or on their page of `facefind serve`. A photo is known by its content: one
    that was moved, copied or found again is not new, and one that the person deleted from the folder does not return.
    Nothing is sent: that is for the hook. Should the hook fail, the same photos are new again the next time.
    """
    if bool(to) == by_link and not dry_run:
        raise click.UsageError("say where to: --to DIR or --link")
    if by_link and hide_others:
        raise click.UsageError("whether links hide others is for `facefind serve`: leave --hide-others out")
    called = None if hook is None else _words(hook)

    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.publish.delivering import due_to
    from facefind_pipeline.store import approvals

    settings, database = open_reading()
    with database.connect(vectors=False) as connection:
        person = person_named(connection, name)
        if approve and not dry_run:
            approvals.approve(connection, person, author(COMMAND))
            connection.commit()
        if not dry_run and approvals.approval_of(connection, person) is None:
            raise FacefindError(
                f"{person.name} is not approved yet: look through `facefind find {shlex.quote(person.name)}` or their "
                "page of `facefind serve`, then add --approve"
            )
        due = due_to(connection, chosen_set(connection, params), person)
    folder = None if to is None else absolute(to)
    is_album = folder is not None and (folder / ALBUM_CONTENTS).is_file()  # what was rejected leaves it
    if dry_run or not (due.new or is_album):
        _echo(person, None, len(due.new), as_json=as_json, tried=dry_run)
    elif folder is None:
        _deliver_by_link(settings, database, due, expires, called, as_json=as_json)
    else:
        _deliver_to_folder(settings, database, due, folder, params, called, (size, hide_others), as_json=as_json)


def _deliver_by_link(
    settings: "Settings", database: "Database", due: "Due", expires: datetime, hook: list[str] | None, *, as_json: bool
) -> None:
    from facefind_pipeline.store import deliveries, guest_links

    base = served_address(settings.home)
    with database.connect(vectors=False) as connection:
        made = guest_links.make(connection, due.person, expires, author(COMMAND), with_pin=False)
    address = guest_links.address(base, made.token)
    try:
        _call(hook, due.person, address, len(due.new))
    except BaseException:  # Ctrl-C among them
        with database.connect(vectors=False) as connection:
            guest_links.close(connection, made.number)  # nobody was told of it
        raise
    with database.connect(vectors=False) as connection:
        deliveries.record(connection, due.person, due.new, author(COMMAND))
    _echo(due.person, address, len(due.new), as_json=as_json)


def _deliver_to_folder(
    settings: "Settings",
    database: "Database",
    due: "Due",
    folder: Path,
    params: str | None,
    hook: list[str] | None,
    how: tuple[str, bool],
    *,
    as_json: bool,
) -> None:
    from dataclasses import replace
    from datetime import date

    from facefind_pipeline.cli.bars import Bars
    from facefind_pipeline.publish.album import Options, plan_album, require_outside
    from facefind_pipeline.publish.exports import Size
    from facefind_pipeline.publish.making import make_folder
    from facefind_pipeline.store import deliveries, photos

    size, hide_others = how
    with database.connect(vectors=False) as connection:
        require_outside(folder, photos.roots(connection))
        chosen, options = chosen_set(connection, params), Options(Size(size), hide_others=hide_others)
        selection, kept = due.for_folder(folder)
        album = replace(plan_album(connection, chosen, selection, options, date.today()), kept=kept)
    made = make_folder(album, folder, settings.models, Bars())
    for photo, problem in made.left_out.items():
        click.echo(f"left out: {photo}: {problem}", err=True)
    given = due.delivered_by(made)
    if given:
        _call(hook, due.person, str(folder), len(given))
    with database.connect(vectors=False) as connection:
        deliveries.record(connection, due.person, given, author(COMMAND))
    _echo(due.person, str(folder), len(given), as_json=as_json)


def _words(hook: str) -> list[str]:
    """The hook's program and its arguments, as a shell splits them."""
    try:
        words = shlex.split(hook)
    except ValueError as error:
        raise click.UsageError(f"--hook {hook}: {error}") from None
    if not words:
        raise click.UsageError("--hook is empty: give a command, or leave it out")
    return words


def _call(hook: list[str] | None, person: "Person", link: str, count: int) -> None:
    """Calls the hook; in its environment, since arguments are seen by every user of the machine.

    Raises:
        FacefindError: it can't be called, or failed.
    """
    if hook is None:
        return
    told = {NAME: person.name, LINK: link, COUNT: str(count)}
    try:
        done = subprocess.run(hook, env=os.environ | told, check=False)
    except (OSError, ValueError) as error:
        raise FacefindError(f"--hook {shlex.join(hook)}: {error}; nothing is recorded as delivered") from None
    if done.returncode:
        raise FacefindError(
            f"--hook {shlex.join(hook)} failed with exit code {done.returncode}: nothing is recorded as delivered, the "
            "same command tries again"
        )


def _echo(person: "Person", link: str | None, count: int, *, as_json: bool, tried: bool = False) -> None:
    if as_json:
        echo_json({"person": person.name, "link": link, "new": count})
    elif tried:
        click.echo(f"{counted(count, 'new photo')} of {person.name}; nothing was delivered")
    elif link is None or not count:
        click.echo(f"nothing new of {person.name}")
    else:
        click.echo(f"{counted(count, 'new photo')} of {person.name}: {link}")
