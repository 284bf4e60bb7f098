"""`facefind person`: people to look for and their reference photos."""

from collections.abc import Sequence

import click

from facefind_pipeline.cli import checks
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.consent import consent
from facefind_pipeline.cli.output import echo_json, echo_table
from facefind_pipeline.cli.workspace import (
    absolute,
    chosen_set,
    json_option,
    largest_option,
    open_graph,
    open_reading,
    params_option,
)
from facefind_pipeline.settings import read_settings

EXAMPLES = """\b
Examples:
  facefind person add "José Núñez" jose.jpg
  facefind person add Ada ada-1.jpg ada-2.heic
  facefind person list"""


@click.group(epilog=EXAMPLES)
def person() -> None:
    """People to look for, each with one or more reference photos."""


person.add_command(consent)


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
    """Add reference FILES of the person NAME; each must show exactly one face, else nothing is stored."""
    from facefind_pipeline.ingest.references import locate_face, read_reference

    paths = [absolute(file) for file in files]
    checks.check_set(read_settings(), params)
    for path in paths:
        read_reference(name, path)

    from facefind_pipeline.cli import stages

    graph = open_graph(Bars())
    parameters = stages.register_set(graph, params)
    graph.sync_partitions()
    for path in paths:
        located = locate_face(graph.workspace.settings, parameters, read_reference(name, path, largest=largest))
        box = located.face.box
        click.echo(f"{path.name}: a face of {box.w}x{box.h} at ({box.x}, {box.y}), found by {located.found_by}")
    stages.add_references(graph, [(name, path) for path in paths], parameters, largest=largest)
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
                "found by": state.found_by or ("" if state.tried else "not tried yet"),
                "problem": state.problem,
            }
            for state in people.reference_states(connection, key)
        ]
    if as_json:
        echo_json(rows)
    elif rows:
        echo_table(rows)
    else:
        click.echo("nobody yet: run `facefind person add NAME FILE`", err=True)
