"""`facefind up`, `down`, `env`, `psql`, `dev`: the database server and the programs that use it."""

import os
import shlex
import shutil
import socket
import sys
from collections.abc import Sequence

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import open_graph, open_reading
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.server import EmbeddedServer


@click.command(epilog="\b\nExample:\n  facefind up")
def up() -> None:
    """Start the embedded database (or check the one that FACEFIND_DATABASE_URL names) and update its tables."""
    _, database = open_reading()
    click.echo(f"ready: {_without_password(database.url)}")


@click.command(epilog="\b\nExample:\n  facefind down && tar czf faces-backup.tgz .facefind")
def down() -> None:
    """Stop the embedded database; what is stored stays."""
    settings = read_settings()
    stopped = EmbeddedServer(settings.home).stop()
    click.echo("stopped" if stopped else f"no embedded database was running in {settings.home}")


@click.command(epilog='\b\nExample:\n  eval "$(facefind env)" && dagster dev -w workspace.yaml')
def env() -> None:
    """Print DAGSTER_HOME and URLs as shell exports, so that other programs see the same instance and tables."""
    from facefind_pipeline.orchestration.instance import environment, write_configuration

    settings, database = open_reading()
    write_configuration(settings.dagster_home)
    shown = environment(settings, database) | {"FACEFIND_URL": database.url}  # for psql and other programs
    for name, value in shown.items():
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
    program = shutil.which("psql") or EmbeddedServer(settings.home).binary("psql")
    os.execv(program, [str(program), database.url, *arguments])  # noqa: S606 - no shell


@click.command(
    epilog="""\b
Examples:
  facefind dev
  facefind dev --port 3001"""
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to serve on; faces are private, so think before opening it.",
)
@click.option("--port", default=3000, show_default=True, type=int)
def dev(host: str, port: int) -> None:
    """Serve the Dagster UI with its daemon: the graph, its partitions, runs and pictures. Ctrl-C ends it.

    Begins with a backfill of all that is missing. From then on new event days in the folders that were given, and new
    pictures in the references folder, lead to search results by themselves.
    """
    from facefind_pipeline.orchestration.semaphores import require_semaphores

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise FacefindError(f"can't serve on {host}:{port}: {error.strerror}; try --port {port + 1}") from None
    require_semaphores()
    graph = open_graph(Bars())  # ends runs of dead processes
    graph.run_job("fill_missing", {})
    graph.instance.dispose()
    click.echo(f"Dagster UI: http://{host}:{port}/asset-groups (in half a minute)", err=True)
    command = [sys.executable, "-m", "dagster", "dev", "-m", "facefind_pipeline.definitions"]
    os.execv(sys.executable, [*command, "-h", host, "-p", str(port)])  # noqa: S606 - no shell


def _without_password(url: str) -> str:
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")))
