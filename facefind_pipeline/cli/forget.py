"""`facefind forget`: a person, photos, an event day or a parameter set is erased, searched for, and stays forgotten."""

import time
from datetime import date
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import json_option, open_graph, open_reading
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.path_text import printable
from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import Settings

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

    from facefind_pipeline.orchestration.runs import Graph
    from facefind_pipeline.privacy.forgetting import State
    from facefind_pipeline.privacy.receipt import Receipt
    from facefind_pipeline.privacy.subject import Subject
    from facefind_pipeline.store.database import Database

POLL_S = 1.0


@click.command(
    epilog="""\b
Examples:
  facefind forget Ada
  facefind forget --photo "Day 1/IMG_0042.jpg"
  facefind forget --day "beach party" --yes        (its files stay where they are)
  facefind forget --set hog-up1-px2000@dlib
  facefind forget --unmatched                      (passers-by; their places stay, so that they can be covered)
  facefind forget                                  (resumes one that was interrupted)
  facefind forget --list                           (what was forgotten when, with receipts as --json)
  facefind forget --lift 3                         (what the third forgetting forgot may be read again)"""
)
@click.argument("name", required=False)
@click.option("--photo", metavar="PHOTO", help="A photo, by name or path, in every event day that has it.")
@click.option("--day", metavar="DAY", help="An event day, by key or folder, with all that its photos alone led to.")
@click.option("--set", "set_key", metavar="KEY", help="A parameter set, with its vectors, index and results.")
@click.option(
    "--unmatched",
    is_flag=True,
    help="Vectors and crops of all faces that match nobody who agreed: `facefind person consent`.",
)
@click.option("--list", "listed", is_flag=True, help="Print what was forgotten, the newest first.")
@click.option("--lift", type=int, metavar="N", help="Let what forgetting N forgot be read again.")
@click.option("--yes", is_flag=True, help="Forget without asking.")
@json_option
def forget(
    name: str | None,
    photo: str | None,
    day: str | None,
    set_key: str | None,
    unmatched: bool,
    listed: bool,
    lift: int | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase all that is known of the person NAME, or of a photo, an event day or a parameter set.

    With a person go references, names, links, statements, and each face that is shown as theirs, in vectors, crops,
    indexes, sheets, logs and Dagster's record. Then all of it is searched for, and a receipt printed. Your photos stay
    where they are; read again, under another file name or by another detector, they bring nobody back.
    """
    if sum(one is not None for one in (name, photo, day, set_key, lift)) + unmatched + listed > 1:
        raise click.UsageError("one at a time: NAME, --photo, --day, --set, --unmatched, --list or --lift")
    settings, database = open_reading()
    if listed:
        _list(database, as_json=as_json)
    elif lift is not None:
        _lift(database, settings, lift)
    else:
        _forget(database, settings, _Asked(name, photo, day, set_key, unmatched=unmatched), yes=yes, as_json=as_json)


class _Asked:
    """What the command line names."""

    def __init__(
        self, name: str | None, photo: str | None, day: str | None, set_key: str | None, *, unmatched: bool
    ) -> None:
        self.name, self.photo, self.day, self.set_key, self.unmatched = name, photo, day, set_key, unmatched

    def __bool__(self) -> bool:
        return self.unmatched or any(one is not None for one in (self.name, self.photo, self.day, self.set_key))

    def subject(self, connection: "Connection") -> "Subject":
        """What is to go, of something that is named.

        Raises:
            FacefindError: there is no such thing.
        """
        from facefind_pipeline.ingest.days import day_named
        from facefind_pipeline.ingest.persons import person_named
        from facefind_pipeline.ingest.truth import find_photo
        from facefind_pipeline.privacy import subject
        from facefind_pipeline.privacy.unmatched import of_unmatched
        from facefind_pipeline.store import truth

        if self.name is not None:
            return subject.of_person(connection, person_named(connection, self.name))
        if self.photo is not None:
            return subject.of_photo(connection, find_photo(truth.known_photos(connection), self.photo))
        if self.day is not None:
            return subject.of_day(connection, day_named(connection, self.day))
        if self.set_key is not None:
            return subject.of_set(connection, self.set_key)
        return of_unmatched(connection, date.today())


def _forget(database: "Database", settings: Settings, asked: _Asked, *, yes: bool, as_json: bool) -> None:
    """Ends what was interrupted before, then forgets what is asked for: which may have been the same.

    Raises:
        FacefindError: there is no such thing, nobody agreed, or something of it is left.
    """
    from facefind_pipeline.privacy.forgetting import is_unfinished

    receipts = [_carry_out(None)] if is_unfinished(settings.home) else []
    with database.connect() as connection:
        try:
            subject = asked.subject(connection) if asked else None
        except FacefindError:
            if not receipts:
                raise
            subject = None  # it was what is forgotten by now
        if subject is None and not receipts:
            raise click.UsageError("what? Give a NAME, --photo, --day, --set or --unmatched; nothing is left to resume")
        if subject is not None:
            _say_what_goes(connection, settings, subject)
    if subject is not None:
        if yes or _agreed():
            receipts.append(_carry_out(asked))
        else:
            click.echo("nothing was forgotten", err=True)
    for receipt in filter(None, receipts):
        if as_json:
            echo_json(receipt.as_json())
        else:
            _echo(receipt)
    if not all(receipt is None or receipt.is_clean for receipt in receipts):
        raise FacefindError(
            "something of it is left, as the receipt says: a file of yours that is called so keeps its name until you "
            "rename it and read its folder again"
        )


def _carry_out(asked: _Asked | None) -> "Receipt | None":
    """Forgets it, or without any what is unfinished; None where another process ended that meanwhile.

    What there is of it is looked up again once nobody else is at work: a run may have found more of it.
    """
    from facefind_pipeline.orchestration.retention import forgetting_in

    bars = Bars()
    graph = open_graph(bars)
    _wait_until_idle(graph)
    forgetting = forgetting_in(graph.instance, graph.workspace, bars)
    with forgetting.alone():
        state = forgetting.begin(asked.subject) if asked is not None else forgetting.unfinished()
        if state is None:
            return None
        if asked is None:
            click.echo(f"resuming what began at {state.begun}: {printable(state.subject.label)}", err=True)
        receipt = forgetting.carry_out(state)
    _bring_up_to_date(graph, state)
    return receipt


def _say_what_goes(connection: "Connection", settings: Settings, subject: "Subject") -> None:
    from facefind_pipeline.privacy.erasing import count_rows
    from facefind_pipeline.privacy.home_files import references_of

    rows = {table: count for table, count in count_rows(connection, subject).items() if count}
    parts = [
        counted(rows[table], noun)
        for table, noun in (
            ("reference_photos", "reference photo"),
            ("photos", "photo file"),
            ("detected_faces", "face"),
            ("embeddings", "vector"),
            ("feedback", "confirmed or rejected photo"),
            ("truth", "row of truth"),
            ("guest_links", "guest's link"),
        )
        if table in rows
    ]
    parts.append(counted(sum(rows.values()), "row") + " in all")
    click.echo(printable(f"{subject.kind} {subject.label}: {', '.join(parts)} will be erased"), err=True)
    for file in references_of(settings, subject):
        click.echo(printable(f"{file} will be deleted"), err=True)
    if subject.days_shown:
        click.echo("the photos themselves stay in their folders, and are yours to delete", err=True)


def _agreed() -> bool:
    try:
        return click.confirm("Forget this? There is no way back", err=True)
    except click.Abort:
        raise FacefindError("nobody agreed, and nothing was forgotten: --yes forgets without asking") from None


def _wait_until_idle(graph: "Graph") -> None:
    """Waits for runs that are at work now, which may still write of what is to go."""
    import dagster as dg

    at_work = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    said = False
    while runs := graph.instance.get_runs(dg.RunsFilter(statuses=at_work)):
        if not said:
            click.echo(f"waiting for {counted(len(runs), 'run')} at work, the first is {runs[0].run_id}", err=True)
            said = True
        time.sleep(POLL_S)


def _bring_up_to_date(graph: "Graph", state: "State") -> None:
    """Makes the results of those who stay again."""
    from facefind_pipeline.cli import stages
    from facefind_pipeline.parameters import ParameterSet
    from facefind_pipeline.store import parameter_sets

    graph.sync_partitions()
    with graph.workspace.database.connect() as connection:
        active = [one.key for one in parameter_sets.registered(connection) if one.active]
    if state.subject.persons:
        stages.people_changed(graph, active)
    for key in active:
        stages.index_and_search(graph, ParameterSet.parse(key))


def _echo(receipt: "Receipt") -> None:
    rows = receipt.table()
    if rows:
        echo_table(rows)
    click.echo(receipt.summary())
    click.echo("Out of reach, and yours to see to:")
    for line in receipt.out_of_reach:
        click.echo(f"- {line}")


def _list(database: "Database", *, as_json: bool) -> None:
    from facefind_pipeline.store.tombstones import forgettings

    with database.connect(vectors=False) as connection:
        found = forgettings(connection)
    if as_json:
        echo_json([one.as_json() for one in found])
    elif found:
        echo_table([one.row() for one in found])
    else:
        click.echo("nothing was forgotten yet", err=True)


def _lift(database: "Database", settings: Settings, number: int) -> None:
    from facefind_pipeline.store.faces import look_again_at
    from facefind_pipeline.store.tombstones import Tombstones

    with database.connect(vectors=False) as connection:
        lifted, photos = Tombstones(settings.home).lift(connection, number)
        look_again_at(connection, photos)
    if not lifted:
        raise FacefindError(f"no forgetting {number} keeps anything out: `facefind forget --list` has their numbers")
    click.echo(f"{counted(lifted, 'tombstone')} lifted: what forgetting {number} forgot is read again by the next run")
