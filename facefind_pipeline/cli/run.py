"""`facefind run`: everything from a folder of photos and a reference to ranked matches."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli import checks
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json
from facefind_pipeline.cli.workspace import (
    absolute,
    day_name_option,
    json_option,
    largest_option,
    open_graph,
    params_option,
    rehash_option,
)
from facefind_pipeline.settings import read_settings

if TYPE_CHECKING:
    from facefind_pipeline.cli.stages import Asked
    from facefind_pipeline.search.matches import Match
    from facefind_pipeline.store.people import Person


@click.command(
    epilog="""\b
Examples:
  facefind run party-photos --reference "Ada=ada.jpg"
  facefind run party-photos --reference "Ada=ada.jpg" --reference "José Núñez=jose.heic" --params recommended
  facefind run party-photos                       (again, for everyone known: only what is new is worked on)"""
)
@click.argument("photos", type=click.Path())
@click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="NAME=FILE",
    help="A person and a picture of them; repeat for more.",
)
@params_option
@largest_option
@click.option(
    "-n",
    "--limit",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="Photos to print per person, at most.",
)
@day_name_option
@rehash_option
@json_option
def run(
    photos: str,
    references: Sequence[str],
    params: str | None,
    largest: bool,
    limit: int,
    day_name: str | None,
    rehash: bool,
    as_json: bool,
) -> None:
    """Find people among the PHOTOS of a folder.

    Registers the folder and the references, detects and embeds what is not known yet, and prints each person's
    photos that are sure or likely. Interrupted, the same command resumes.
    """
    given = [_split(reference) for reference in references]
    found, asked = find_people(
        absolute(photos), given, params, largest=largest, limit=limit, day_name=day_name, rehash=rehash, quiet=as_json
    )
    if as_json:
        echo_json([{"person": person.name, **match.as_json()} for person, matches in found for match in matches])
    from facefind_pipeline.cli import stages

    stages.require_references(asked)


def find_people(
    root: Path,
    references: Sequence[tuple[str, Path]],
    params: str | None = None,
    *,
    largest: bool = False,
    limit: int = 10,
    day_name: str | None = None,
    rehash: bool = False,
    quiet: bool = False,
) -> tuple[list[tuple["Person", list["Match"]]], "Asked"]:
    """The whole way, as `facefind run` does it.

    Returns:
        Each person asked for (everyone if no reference is given) with their nearest photos; and who has none, and why.

    Raises:
        FacefindError: nothing can be searched; what the arguments alone show is told before any work.
    """
    settings = read_settings()
    checks.check_set(settings, params)
    checks.check_folder(settings, root, day_name)
    if references:
        checks.check_references(references)
        checks.check_names(settings, [name for name, _ in references])
    else:
        checks.check_anybody(settings)

    from facefind_pipeline.cli import stages
    from facefind_pipeline.cli.reference_stage import add_references

    bars = Bars()
    graph = open_graph(bars)
    folder = stages.register_folder(graph, root, day_name)
    stages.report_others(folder.others)
    parameters = stages.register_set(graph, params)
    graph.sync_partitions()
    asked = add_references(graph, references, parameters, largest=largest)
    stages.read_photos(graph, folder.days, rehash=rehash)
    stages.fill_partitions(graph, bars, folder.days, parameters)
    stages.index_and_search(graph, parameters)
    return stages.report(graph, parameters, asked, limit=limit, quiet=quiet), asked


def _split(reference: str) -> tuple[str, Path]:
    name, equals, file = reference.partition("=")
    if not equals or not name.strip() or not file:
        raise click.UsageError(f'--reference takes NAME=FILE, as in --reference "Ada=ada.jpg"; got {reference!r}')
    return name.strip(), absolute(file)
