"""`facefind person remove`, `rename`, `merge` and `forget-reference`: who is who, changed."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import absolute, chosen_set, open_graph, open_reading
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.persons import person_named
from facefind_pipeline.path_text import text_of
from facefind_pipeline.plurals import counted

if TYPE_CHECKING:
    from facefind_pipeline.store.people import Person


@click.command(epilog="\b\nExamples:\n  facefind person remove Bob\n  facefind person remove Bob --yes")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Without asking.")
def remove(name: str, yes: bool) -> None:
    """Remove the person NAME: references, vectors, results, contact sheets, what was confirmed and rejected, truth.

    Pictures in the references folder are yours: they stay, and are not read again as that person.
    """
    from facefind_pipeline.ingest.references import lying_in_folder
    from facefind_pipeline.store import feedback, people, people_changes

    settings, database = open_reading()
    with database.connect() as connection:
        person = person_named(connection, name)
        references = people.references_of(connection, person)
        confirmed, _, rejected = feedback.count(connection, person.key)
        sets = people_changes.sets_of(connection, person.key)
    lying = lying_in_folder(settings.references, person)
    if not yes:
        said = f", {counted(confirmed + rejected, 'confirmed or rejected photo')}" if confirmed + rejected else ""
        _ask(f"Remove {person.name} with {counted(len(references), 'reference photo')}, all results{said}?")

    from facefind_pipeline.cli import stages

    graph = open_graph(Bars())
    graph.run_job("remove_person", {"remove_from_people": {"person": person.key, "agreed": True}})
    graph.sync_partitions()
    stages.people_changed(graph, sets)
    click.echo(f"{person.name} is removed")
    _echo_lying(person, lying.values())


@click.command(epilog='\b\nExample:\n  facefind person rename Ada "Ada Lovelace"')
@click.argument("name")
@click.argument("new_name")
def rename(name: str, new_name: str) -> None:
    """Call the person NAME by NEW_NAME. Everything known of them stays, and nothing is computed again."""
    from facefind_pipeline.ingest import who
    from facefind_pipeline.ingest.references import lying_in_folder
    from facefind_pipeline.store import people_changes

    settings, database = open_reading()
    with database.connect() as connection:
        person = person_named(connection, name)
        to = who.new_name(connection, settings, person, new_name)
        sets = people_changes.sets_of(connection, person.key)
        sheets = who.sets_with_sheet(settings, person, sets)
    lying = lying_in_folder(settings.references, person)

    from facefind_pipeline.cli import stages

    graph = open_graph(Bars())
    graph.run_job("rename_person", {"rename_in_people": {"person": person.key, "name": to.name, "agreed": True}})
    graph.sync_partitions()
    stages.people_changed(graph, sets)
    stages.write_sheet_of(graph, to, sheets)
    click.echo(f"{person.name} is {to.name} now (key {to.key})")
    if not people_changes.reads_as(person, to):
        _echo_lying(person, lying.values())


@click.command(epilog='\b\nExample:\n  facefind person merge "Ada Lovelace" "A. Lovelace"')
@click.argument("name")
@click.argument("other")
def merge(name: str, other: str) -> None:
    """Make the person OTHER one with NAME, who gets all references, confirmed and rejected photos, and truth of OTHER.

    Where one photo was confirmed for one and rejected for the other it stays as it was for NAME, and is reported.
    """
    from facefind_pipeline.ingest import who
    from facefind_pipeline.ingest.references import lying_in_folder
    from facefind_pipeline.search.likeness import doubts
    from facefind_pipeline.store import people_changes

    settings, database = open_reading()
    with database.connect() as connection:
        kept, goes = person_named(connection, name), person_named(connection, other)
        if kept == goes:
            raise FacefindError(f"{name!r} and {other!r} are both {kept.name}: name two people")
        conflicts = people_changes.conflicts(connection, kept, goes)
        sets = list(dict.fromkeys(key for one in (kept, goes) for key in people_changes.sets_of(connection, one.key)))
        sheets = [key for one in (kept, goes) for key in who.sets_with_sheet(settings, one, sets)]
    lying = lying_in_folder(settings.references, goes)

    from facefind_pipeline.cli import stages

    graph = open_graph(Bars())
    graph.run_job("merge_people", {"merge_in_people": {"person": kept.key, "other": goes.key, "agreed": True}})
    graph.sync_partitions()
    stages.people_changed(graph, sets)
    stages.write_sheet_of(graph, kept, list(dict.fromkeys(sheets)))
    click.echo(f"{goes.name} is {kept.name} now")
    for conflict in conflicts:
        ours, theirs = ("confirmed", "rejected") if conflict.confirmed else ("rejected", "confirmed")
        photo = conflict.photo or "a photo that is gone"
        click.echo(f"{photo} was {ours} for {kept.name} and {theirs} for {goes.name}: it stays {ours}", err=True)
    with database.connect() as connection:
        for doubt in doubts(connection, chosen_set(connection, None), [kept.key]):
            click.echo(f"warning: {doubt.text}", err=True)
    _echo_lying(goes, lying.values())


@click.command("forget-reference", epilog="\b\nExample:\n  facefind person forget-reference Ada ada-2.heic")
@click.argument("name")
@click.argument("file")
def forget_reference(name: str, file: str) -> None:
    """Forget the reference photo FILE of the person NAME, given by its name or path; the file itself stays."""
    from facefind_pipeline.ingest import who
    from facefind_pipeline.ingest.references import lying_in_folder
    from facefind_pipeline.store import people, people_changes

    settings, database = open_reading()
    with database.connect() as connection:
        person = person_named(connection, name)
        known = people.references_of(connection, person)
        reference = who.reference_named(person, known, str(absolute(file)))
        sets = people_changes.sets_of(connection, person.key)
        sheets = who.sets_with_sheet(settings, person, sets)
    lying = lying_in_folder(settings.references, person)

    from facefind_pipeline.cli import stages

    graph = open_graph(Bars())
    config = {"person": person.key, "reference": text_of(absolute(file)), "agreed": True}
    graph.run_job("forget_reference", {"remove_reference": config})
    left = stages.references_forgotten(graph, person, sets, sheets)
    click.echo(f"{reference.filename} is forgotten; {person.name} has {counted(left, 'reference photo')} left")
    if not left:
        click.echo(f'{person.name} is not looked for: `facefind person add "{person.name}" FILE`', err=True)
    if reference.sha256 in lying:
        _echo_lying(person, [lying[reference.sha256]])


CHANGES = [remove, rename, merge, forget_reference]


def _ask(question: str) -> None:
    try:
        agreed = click.confirm(question)
    except click.Abort:
        agreed = False
    if not agreed:
        raise FacefindError("nothing was removed: answer y, or give --yes")


def _echo_lying(person: "Person", files: Iterable[Path]) -> None:
    """Says which files of the user's own still lie in the references folder under a name that is gone."""
    for file in files:
        click.echo(f"{file} stays where it is and is not read as {person.name} again; it is yours to delete", err=True)
