"""What most subcommands begin with: the database, or the whole graph for those that write."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.progress import Progress
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.parameter_sets import RegisteredSet

if TYPE_CHECKING:
    from facefind_pipeline.orchestration.runs import Graph


class SetName(click.ParamType):  # type: ignore[type-arg]  # older clicks have no arguments for it
    """A canonical key, an alias or `default`, checked before anything is opened; an alias becomes its key."""

    name = "KEY|ALIAS"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """The canonical key, or `default`.

        Raises:
            FacefindError: not a key, or not its canonical spelling.
        """
        from facefind_pipeline.parameters import DEFAULT, ParameterSet

        return value if value == DEFAULT else ParameterSet.parse(value).key


params_option = click.option(
    "--params",
    type=SetName(),
    help="Parameter set: a key such as hog-up1-px2000@dlib, or recommended, hog, talk; or default, that of this home.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
largest_option = click.option("--largest", is_flag=True, help="Of several faces in a reference take the largest.")


def open_reading() -> tuple[Settings, Database]:
    """For commands that only read: no Dagster."""
    settings = read_settings()
    return settings, open_database(settings)


def chosen_set(connection: Connection, params: str | None) -> RegisteredSet:
    """The registered set that `--params` names, else the default one.

    Raises:
        FacefindError: not registered, or no set is registered yet.
    """
    from facefind_pipeline.parameters import DEFAULT
    from facefind_pipeline.store import parameter_sets

    return parameter_sets.find(connection, parameter_sets.resolve(connection, params or DEFAULT).key)


def open_graph(progress: Progress) -> "Graph":
    """For commands that write: the graph on the instance that the UI shows, runs of dead processes ended."""
    from facefind_pipeline.definitions import build_defs
    from facefind_pipeline.orchestration.instance import open_instance
    from facefind_pipeline.orchestration.processes import end_dead_runs
    from facefind_pipeline.orchestration.resources import Workspace
    from facefind_pipeline.orchestration.runs import Graph

    settings, database = open_reading()
    instance = open_instance(settings, database)
    ended = end_dead_runs(instance)
    if ended:
        click.echo(
            f"{len(ended)} unfinished run(s) of a process that died were marked failed; their work is kept", err=True
        )
    workspace = Workspace(settings, progress)
    return Graph(instance, workspace, build_defs({"workspace": workspace}))


def absolute(path: str) -> Path:
    """A path as the user meant it, absolute, `~` expanded and `..` taken out; links stay as they are."""
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - Path.absolute() keeps `..`
