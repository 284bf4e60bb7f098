"""`facefind up`, `down`, `env`, `psql`: the database server and the programs that use it."""

import os
import shlex
import shutil
from collections.abc import Sequence

import click

from facefind_pipeline.cli import serving_lock
from facefind_pipeline.cli.workspace import open_reading, open_writing
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.server import EmbeddedServer


@click.command(epilog="\b\nExample:\n  facefind up")
def up() -> None:
    """Start the embedded database (or check the one that FACEFIND_DATABASE_URL names) and update its tables."""
    _, database = open_writing()
    click.echo(f"ready: {database.url}")


@click.command(epilog="\b\nExample:\n  facefind down && tar czf faces-backup.tgz .facefind")
def down() -> None:
    """Stop the embedded database; what is stored stays."""
    settings = read_settings()
    for command in serving_lock.COMMANDS:
        if (pid := serving_lock.holder(settings.home, command)) is not None:
            raise FacefindError(
                f"`facefind {command}` (process {pid}) needs the database: end it first, by Ctrl-C there or "
                f"`kill {pid}`"
            )
    stopped = EmbeddedServer(settings.home, settings.server_user).stop()
    click.echo("stopped" if stopped else f"no embedded database was running in {settings.home}")


@click.command(epilog='\b\nExample:\n  eval "$(facefind env)" && dagster dev -m facefind_pipeline.definitions')
def env() -> None:
    """Print shell exports with which Dagster's own commands see the same instance and tables as `facefind` here.

    FACEFIND_DATABASE_URL is among them where it is set; the embedded database is found by FACEFIND_HOME, and started
    if need be. `facefind up` prints its address for other programs.
    """
    settings, database = open_reading()

    from facefind_pipeline.orchestration.instance import environment, write_configuration

    write_configuration(settings)
    for name, value in environment(settings, database).items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command(
    context_settings={"ignore_unknown_options": True},
    epilog="""\b
Examples:
  facefind psql
  facefind psql -c "SELECT filename FROM pictures LIMIT 3\"""",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: Sequence[str]) -> None:
    """Open psql on the tables; ARGUMENTS go to psql."""
    settings, database = open_reading()
    program = shutil.which("psql") or EmbeddedServer(settings.home, settings.server_user).binary("psql")
    os.execv(program, [str(program), database.url, *arguments])  # noqa: S606 - no shell
