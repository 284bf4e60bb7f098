"""`facefind truth`: lists made by hand of the photos that show a person."""

from collections.abc import Sequence

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import absolute, json_option, open_graph, open_reading
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store.database import Database

EXAMPLES = """\b
Examples:
  facefind truth add by-hand.csv          columns: person,filename  or  event_day,person,filename,note,leave_out
  facefind truth list
  facefind evaluate"""


@click.group(epilog=EXAMPLES)
def truth() -> None:
    """Truth lists: which photos show a person. A list names every photo of its people, in the days it covers.

    A first line `# days: friday, saturday` limits a list to these event days; `# unlabelled: leave out` is for a list
    that names some photos only: those that no list names are left out of the rankings of its people. A row whose
    `leave_out` is `yes` leaves that photo out for that person; the photo that a reference was cut from is left out by
    itself where it is recognised, unless `leave_out` is `no`.
    """


@truth.command(epilog="\b\nExample:\n  facefind truth add by-hand.csv")
@click.argument("files", nargs=-1, required=True, type=click.Path())
def add(files: Sequence[str]) -> None:
    """Check the lists FILES against photos and people, and store them; one of the same name is replaced."""
    open_reading()  # without a home there is nothing that a list could be checked against
    paths = [absolute(file) for file in files]
    for path in paths:
        if not path.is_file():
            raise FacefindError(f"no truth list {path}: give a CSV file with the columns person,filename")

    from facefind_pipeline.orchestration.resources import Incoming

    graph = open_graph(Bars())
    graph.materialize(["truth_lists"], incoming=Incoming(truth_lists=paths))
    _echo(graph.workspace.database)


@truth.command("list", epilog="\b\nExamples:\n  facefind truth list\n  facefind truth list --json")
@json_option
def list_truth(as_json: bool) -> None:
    """The lists that are stored."""
    _, database = open_reading()
    _echo(database, as_json=as_json)


def _echo(database: Database, *, as_json: bool = False) -> None:
    from facefind_pipeline.store.truth import lists

    with database.connect() as connection:
        rows = [one.row for one in lists(connection)]
    if as_json:
        echo_json(rows)
    elif rows:
        echo_table(rows)
    else:
        click.echo("no truth list yet: run `facefind truth add FILE`", err=True)
