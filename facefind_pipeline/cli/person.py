"""`facefind person`: people to look for and their reference photos."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli import checks
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.consent import consent
from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.person_changes import CHANGES
from facefind_pipeline.cli.person_groups import GROUPS
from facefind_pipeline.cli.workspace import (
    absolute,
    chosen_set,
    json_option,
    largest_option,
    open_graph,
    open_reading,
    params_option,
)
from facefind_pipeline.path_text import text_of
from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import read_settings

if TYPE_CHECKING:
    from facefind_pipeline.search.profile import Profile
    from facefind_pipeline.store.people import ReferenceState

EXAMPLES = """\b
Examples:
  facefind person add "José Núñez" jose.jpg
  facefind person add Ada ada-1.jpg ada-2.heic
  facefind person list
  facefind person show Ada
  facefind person rename Ada "Ada Lovelace"
  facefind person merge "Ada Lovelace" "A. Lovelace"
  facefind person remove Bob
  facefind person name g3f9a1 "Grace Hopper"       (a group that `facefind who` lists)"""


@click.group(epilog=EXAMPLES)
def person() -> None:
    """People to look for, each with one or more reference photos."""


for command in (*CHANGES, *GROUPS, consent):
    person.add_command(command)


@person.command(
    epilog="""\b
Examples:
  facefind person add "José Núñez" jose.jpg
  facefind person add Ada team.jpg --largest       (of several faces the largest)"""
)
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@params_option
@largest_option
def add(name: str, files: Sequence[str], params: str | None, largest: bool) -> None:
    """Add reference FILES of the person NAME; each must show exactly one face, else nothing is stored.

    Warns of a picture that looks unlike the person's others, or like another person's.
    """
    from facefind_pipeline.ingest.references import locate_face, read_reference

    paths = [absolute(file) for file in files]
    settings = read_settings()
    checks.check_set(settings, params)
    for path in paths:
        read_reference(name, path)
    checks.check_names(settings, [name])

    from facefind_pipeline.cli import stages
    from facefind_pipeline.cli.reference_stage import add_references

    graph = open_graph(Bars())
    parameters = stages.register_set(graph, params)
    graph.sync_partitions()
    known = {}
    for path in paths:
        reference = read_reference(name, path, largest=largest)
        located = locate_face(graph.workspace.settings, parameters, reference)
        known[reference.person.key, reference.sha256] = located
        box = located.face.box
        click.echo(
            f"{text_of(path.name)}: a face of {box.w}x{box.h} at ({box.x}, {box.y}), found by {located.found_by}"
        )
    add_references(graph, [(name, path) for path in paths], parameters, largest=largest, known=known)
    stages.index_and_search(graph, parameters)


@person.command("list", epilog="\b\nExamples:\n  facefind person list\n  facefind person list --json")
@params_option
@json_option
def list_people(params: str | None, as_json: bool) -> None:
    """Everyone known, with their reference photos and what is wrong with any."""
    from facefind_pipeline.store import people

    _, database = open_reading()
    with database.connect() as connection:
        key = chosen_set(connection, params).key
        rows = [
            {
                "key": state.person.key,
                "person": state.person.name,
                "reference": state.filename,
                "found by": _found_by(state),
                "problem": state.problem,
            }
            for state in people.reference_states(connection, key)
        ]
        rows += [
            {"key": one.key, "person": one.name, "reference": None, "found by": "", "problem": "has no reference photo"}
            for one, references in people.reference_counts(connection)
            if not references
        ]
    if as_json:
        echo_json(rows)
    elif rows:
        echo_table(rows)
    else:
        click.echo("nobody yet: run `facefind person add NAME FILE`", err=True)


@person.command(epilog="\b\nExamples:\n  facefind person show Ada\n  facefind person show Ada --json")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """What is known of the person NAME: reference photos, and results under each parameter set."""
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.search.profile import profile

    _, database = open_reading()
    with database.connect() as connection:
        made = profile(connection, person_named(connection, name))
    if as_json:
        echo_json(_as_json(made))
        return
    drawn = f", {made.by_hand:,} of them by a drawn box" if made.by_hand else ""
    click.echo(
        f"{made.person.name} (key {made.person.key}): {counted(len(made.references), 'reference photo')}; "
        f"{counted(made.confirmed, 'photo')} confirmed{drawn}, {made.rejected:,} rejected"
    )
    states = [(one.parameter_set, state) for one in made.sets for state in one.references]
    if states:
        click.echo()
        echo_table(
            [
                {
                    "reference": state.filename,
                    "parameter set": key,
                    "found by": _found_by(state),
                    "vector": "yes" if state.usable else "no",
                    "problem": state.problem,
                }
                for key, state in states
            ]
        )
    bands = list(dict.fromkeys(band for one in made.sets for band in one.bands))
    if bands:
        click.echo()
        echo_table(
            [
                {
                    "photos under": one.parameter_set,
                    **{band: f"{one.bands.get(band, 0):,}" for band in bands},
                    "": "" if one.current else "not up to date: `facefind run PHOTOS` searches again",
                }
                for one in made.sets
                if one.bands
            ]
        )
    for line in dict.fromkeys(doubt.text for one in made.sets for doubt in one.doubts):
        click.echo(f"warning: {line}", err=True)


def _as_json(made: "Profile") -> dict[str, object]:
    return {
        "key": made.person.key,
        "person": made.person.name,
        "confirmed": made.confirmed,
        "confirmed_by_box": made.by_hand,
        "rejected": made.rejected,
        "references": [
            {"file": one.filename, "sha256": one.sha256.hex(), "source": one.source} for one in made.references
        ],
        "sets": [
            {
                "parameter_set": one.parameter_set,
                "references": [
                    {
                        "file": state.filename,
                        "found_by": state.found_by,
                        "vector": state.usable,
                        "problem": state.problem,
                    }
                    for state in one.references
                ],
                "photos": dict(one.bands),
                "current": one.current,
                "warnings": [doubt.text for doubt in one.doubts],
            }
            for one in made.sets
        ],
    }


def _found_by(state: "ReferenceState") -> str:
    return state.found_by or ("" if state.tried else "not tried yet")
