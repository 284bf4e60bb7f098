"""What most subcommands begin with: the database, or the whole graph for those that write."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.environment import libraries_are_loaded
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.path_text import on_disk
from facefind_pipeline.plurals import counted
from facefind_pipeline.progress import SILENT, Progress
from facefind_pipeline.set_names import ALIASES, DEFAULT, NAME
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.database import Database, open_database
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.server import EmbeddedServer

if TYPE_CHECKING:
    from facefind_pipeline.orchestration.runs import Graph

RUN_BYTES = 10**9  # of memory, on photos that are not large; with the server: 0.96 of 24 photos, 0.75 still finished


class SetName(click.ParamType):  # type: ignore[type-arg]  # older clicks have no arguments for it
    """A canonical key, checked before anything is opened, or a name: an alias, `default`, or one of the home's own."""

    name = "KEY|NAME"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """The canonical key, or the name, which only the home knows; an alias becomes its key.

        Raises:
            FacefindError: not a key, or not its canonical spelling.
        """
        if NAME.fullmatch(value) and value not in ALIASES:
            return value
        from facefind_pipeline.parameters import ParameterSet

        return ParameterSet.parse(value).key


params_option = click.option(
    "--params",
    type=SetName(),
    help="Parameter set: a key such as hog-up1-px2000@dlib, or recommended, hog, talk; or default, that of this home.",
)
day_name_option = click.option(
    "--day-name", metavar="NAME", help="Name of the event day, in place of the folder's; of several, before theirs."
)
rehash_option = click.option(
    "--rehash",
    is_flag=True,
    help="Read all files again, not only those that look changed, and retry those that failed.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
largest_option = click.option("--largest", is_flag=True, help="Of several faces in a reference take the largest.")


def open_reading() -> tuple[Settings, Database]:
    """For commands that only read: no Dagster, and nothing is made where no home is.

    Raises:
        FacefindError: there is no home here; the message says where it was looked for.
    """
    settings = read_settings()
    if not home_exists(settings):
        raise FacefindError(
            f"no facefind home in {settings.home}: change to the folder where you ran `facefind run`, or set "
            "FACEFIND_HOME; `facefind run PHOTOS --reference NAME=FILE` begins a new one here"
        )
    return settings, open_database(settings)


def open_writing() -> tuple[Settings, Database]:
    """For commands that write: a home is made where none is, with its references folder."""
    settings = read_settings()
    new = not home_exists(settings)
    database = open_database(settings)
    if new:
        settings.references.mkdir(parents=True, exist_ok=True)
        click.echo(
            f"new home {settings.home}: all that is found is kept there; a picture NAME.jpg put into "
            f"{settings.references} is a person to look for",
            err=True,
        )
    return settings, database


def home_exists(settings: Settings) -> bool:
    """Whether there is a database to ask: one of the user's own, or the embedded one of this home."""
    if settings.database_url:
        return True
    try:
        return EmbeddedServer(settings.home, settings.server_user).data.exists()
    except OSError:  # another user's: opening it says so
        return True


def chosen_set(connection: Connection, params: str | None) -> RegisteredSet:
    """The registered set that `--params` names, else the default one.

    Raises:
        FacefindError: not registered, or no set is registered yet.
    """
    return parameter_sets.find(connection, params or DEFAULT)


def open_graph(progress: Progress | None, why: str | None = None) -> "Graph":
    """For commands that write: the graph on the instance that the UI shows, what dead processes left cleared away.

    Args:
        progress: where runs report; None is their own logs.
        why: what the UI names the runs by; None is the command that this thread executes, without its arguments.
    """
    _warn_of_little_memory()
    from facefind_pipeline.definitions import build_defs
    from facefind_pipeline.orchestration.instance import open_instance
    from facefind_pipeline.orchestration.processes import end_dead_runs
    from facefind_pipeline.orchestration.resources import Workspace
    from facefind_pipeline.orchestration.runs import Graph
    from facefind_pipeline.privacy.dagster_record import remove_pictures_once
    from facefind_pipeline.search.index_trial import drop_leftover

    libraries_are_loaded()
    settings, database = open_writing()
    instance = open_instance(settings, database)
    if (context := click.get_current_context(silent=True)) is not None:
        # A process that carries out one command after another would keep all their connections.
        context.find_root().call_on_close(instance.dispose)
    drop_leftover(database)
    remove_pictures_once(database, progress or SILENT)
    if settings.broker_url:
        from facefind_pipeline.orchestration.hosts import look_after_runs

        ended = look_after_runs(instance, database)
    else:
        ended = end_dead_runs(instance, database)
    if ended:
        click.echo(
            f"marked as failed: {counted(len(ended), 'unfinished run')} of processes that died; their work is kept",
            err=True,
        )
    workspace = Workspace(settings, progress)
    return Graph(instance, workspace, build_defs({"workspace": workspace}), why or _command())


def _warn_of_little_memory() -> None:
    """Beforehand: the kernel that ends a process for want of memory lets it say nothing."""
    from facefind_pipeline.vision import cgroup
    from facefind_pipeline.vision.memory import in_megabytes

    allowed = cgroup.memory()
    if allowed is not None and allowed < RUN_BYTES:
        click.echo(
            f"this container may have {in_megabytes(allowed)} of memory; a run takes 1 GB, and 2 on large photos. If "
            "the system ends it without a word, give it more: the same command then resumes",
            err=True,
        )


def _command() -> str:
    """The command that is at work in this thread, as `facefind person rename`."""
    context = click.get_current_context(silent=True)
    return " ".join(["facefind", *(context.command_path.split()[1:] if context else ())])


def absolute(path: str) -> Path:
    """A path as the user meant it, as `as_typed`, but spelled as on the disk where that has another normal form."""
    return on_disk(as_typed(path))


def as_typed(path: str) -> Path:
    """A path that may be gone: absolute, `~` expanded and `..` taken out; links stay as they are."""
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - Path.absolute() keeps `..`
