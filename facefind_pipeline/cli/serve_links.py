"""`facefind serve link`, `links`, `unlink`: links that open one person's photos on the guests' pages."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facefind_pipeline.authors import COMMAND, author
from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import absolute, json_option, open_reading
from facefind_pipeline.errors import FacefindError

if TYPE_CHECKING:
    import segno

    from facefind_pipeline.store.guest_links import Link

ADDRESS = "serve.address"  # file of the home: where guests' pages were served last
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_QR_SCALE = 8  # pixels of a module of a QR code that is written to a file


class Until(click.ParamType):  # type: ignore[type-arg]  # older clicks have no arguments for it
    """A time to come: a duration, as 12h, 14d or 2w, or a day, as 2024-06-30, to whose end it lasts."""

    name = "TIME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The time.

        Raises:
            UsageError: it is neither, or past.
        """
        now = datetime.now(UTC)
        if duration := re.fullmatch(r"(\d{1,4})([hdw])", value.strip()):
            until = now + timedelta(**{_UNITS[duration[2]]: int(duration[1])})
        else:
            try:
                until = datetime.strptime(value, "%Y-%m-%d").astimezone() + timedelta(days=1)
            except ValueError:
                self.fail(f"{value!r} is neither a duration, as 12h, 14d or 2w, nor a day, as 2024-06-30", param, ctx)
        if until <= now:
            self.fail(f"{value} is past: give a time to come", param, ctx)
        return until


@click.command(
    epilog="""\b
Examples:
  facefind serve link Ada
  facefind serve link Ada --expires 2w --pin --qr ada.svg"""
)
@click.argument("name")
@click.option(
    "--expires", type=Until(), default="30d", show_default=True, help="A duration, as 12h, 14d, 2w, or the last day."
)
@click.option("--pin", "with_pin", is_flag=True, help="Ask for a PIN, which is printed: send it by another way.")
@click.option("--qr", type=click.Path(), metavar="FILE", help="Write the QR code too: .svg, .png or .pdf.")
@json_option
def link(name: str, expires: datetime, with_pin: bool, qr: str | None, as_json: bool) -> None:
    """Make a link that opens the photos of the person NAME, for whoever has it, where guests' pages are served.

    Shows what is confirmed, sure or likely at that time, new photos too. The link is printed now and never again: only
    what recognises it is kept. After ten wrong PINs it is closed.
    """
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.store import guest_links

    file = None if qr is None else _qr_file(qr)
    settings, database = open_reading()
    base = served_address(settings.home)
    with database.connect(vectors=False) as connection:
        person = person_named(connection, name)
        made = guest_links.make(connection, person, expires, author(COMMAND), with_pin=with_pin)
    address = guest_links.address(base, made.token)
    if file is not None:
        _qr_code(address).save(file, scale=_QR_SCALE)
    if as_json:
        values = {"link": made.number, "person": person.name, "address": address, "pin": made.pin}
        echo_json({**values, "expires": expires.isoformat(timespec="seconds")})
        return
    click.echo(address)
    if made.pin is not None:
        click.echo(f"PIN: {made.pin}")
    click.echo(f"link {made.number} of {person.name}, until {expires.astimezone():%Y-%m-%d %H:%M}", err=True)
    if file is None:
        echo_qr(address)


@click.command(epilog="\b\nExamples:\n  facefind serve links\n  facefind serve links --json")
@json_option
def links(as_json: bool) -> None:
    """List the links that were made, without their addresses, which are not kept."""
    from facefind_pipeline.store import guest_links

    _, database = open_reading()
    with database.connect(vectors=False) as connection:
        rows = [_row(one) for one in guest_links.links(connection)]
    if as_json:
        echo_json(rows)
    elif rows:
        echo_table(rows)
    else:
        click.echo("no link yet: `facefind serve link NAME` makes one", err=True)


@click.command(epilog="\b\nExample:\n  facefind serve unlink 3")
@click.argument("number", type=int)
def unlink(number: int) -> None:
    """Take back the link of that NUMBER, as `facefind serve links` has it: from now on it opens nothing."""
    from facefind_pipeline.store import guest_links

    _, database = open_reading()
    with database.connect(vectors=False) as connection:
        if not guest_links.close(connection, number):
            raise FacefindError(f"there is no link {number}: `facefind serve links` lists them")
    click.echo(f"link {number} is closed")


LINK_COMMANDS = (link, links, unlink)


def served_address(home: Path) -> str:
    """The address of guests' pages, where they are served or were last; ends with a slash.

    Raises:
        FacefindError: they never were.
    """
    try:
        return (home / ADDRESS).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise FacefindError(
            "a link contains the address of guests' pages: start them once, with `facefind serve --lan ADDRESS`"
        ) from None


def echo_qr(address: str) -> None:
    """Prints the QR code of an address on standard error, where a person looks at a terminal."""
    import sys

    if sys.stderr.isatty():
        _qr_code(address).terminal(out=sys.stderr, compact=True)


def _qr_code(address: str) -> "segno.QRCode":
    import segno

    return segno.make_qr(address)


def _qr_file(qr: str) -> str:
    """The path for a QR code, checked before a link is made.

    Raises:
        FacefindError: a kind of file that is not written, or no such folder.
    """
    file = absolute(qr)
    if file.suffix.lower() not in {".svg", ".png", ".pdf"}:
        raise FacefindError(f"--qr {qr}: give a name that ends with .svg, .png or .pdf")
    if not file.parent.is_dir():
        raise FacefindError(f"--qr {qr}: no folder {file.parent}")
    return str(file)


def _row(one: "Link") -> dict[str, object]:
    return {
        "link": one.number,
        "person": one.person.name,
        "state": one.state.value,
        "PIN": "yes" if one.has_pin else "no",
        "expires": one.expires_at.isoformat(" ", "minutes"),
        "made": one.made_at.isoformat(" ", "minutes"),
        "by": one.made_by,
    }
