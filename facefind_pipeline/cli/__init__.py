"""The `facefind` command: one module a group of subcommands, loaded when it is called."""

import io
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from facefind_pipeline import __version__
from facefind_pipeline.errors import FacefindError, lacking_memory

# Subcommand -> module and attribute. A command that needs neither Dagster nor a model imports neither.
COMMANDS = {
    "run": "run:run",
    "find": "find:find",
    "who": "who:who",
    "gallery": "gallery:gallery",
    "ingest": "ingest:ingest",
    "photos": "photos:photos",
    "params": "params:params",
    "index": "index:index",
    "sweep": "sweep:sweep",
    "person": "person:person",
    "truth": "truth:truth",
    "evaluate": "evaluate:evaluate",
    "explain": "explain:explain",
    "confirm": "feedback:confirm",
    "reject": "feedback:reject",
    "album": "album:album",
    "serve": "serve:serve",
    "deliver": "deliver:deliver",
    "forget": "forget:forget",
    "models": "models:models",
    "demo": "demo:demo",
    "dev": "dev:dev",
    "worker": "worker:worker",
    "up": "server:up",
    "down": "server:down",
    "status": "status:status",
    "doctor": "doctor:doctor",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "env": "server:env",
    "psql": "server:psql",
    "sql": "sql:sql",
}


class LazyGroup(click.Group):
    """Loads a subcommand when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The subcommand, its module imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command = getattr(import_module(f"facefind_pipeline.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""\b
Examples:
  facefind run party-photos --reference "Ada=ada.jpg"
  facefind find Ada -n 20 --country Portugal --from 2024-06-01 --to 2024-06-30
  facefind dev""",
)
@click.version_option(__version__, prog_name="facefind")
def facefind() -> None:
    """Find every picture of a person among the photos of an event."""


def main() -> None:
    """Runs the command: exit code 0 done, 1 an error in one line, 2 wrong usage, 130 interrupted."""
    if sys.platform == "win32":
        sys.exit("facefind: runs on Linux and macOS; on Windows install and call it inside WSL")

    from facefind_pipeline.environment import close_new_files, collect_rarely

    close_new_files()
    collect_rarely()
    if code := _carry_out(sys.argv[1:]):
        sys.exit(code)


def call(arguments: Sequence[str]) -> int:
    """Carries the command out in this process; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names have letters that the terminal may not know
    try:
        facefind.main(list(arguments), prog_name="facefind", standalone_mode=False)
    except FacefindError as error:
        click.echo(f"facefind: {error}", err=True)
        return 1
    except click.Abort:
        click.echo("facefind: interrupted; what was done is kept, the same command resumes", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Exception as error:
        found = lacking_memory(error)
        if found is None:
            from facefind_pipeline.store.outages import outage

            # What Dagster's storage raises, between runs and in them, comes through here.
            found = outage(error)
        if found is None:
            raise
        click.echo(f"facefind: {found}", err=True)
        return 1
    return 0


def _carry_out(arguments: Sequence[str]) -> int:
    """Carries the command out, or has a process do so that has Dagster loaded; returns its exit code."""
    try:
        from facefind_pipeline.warm_commands import hand_over

        code = hand_over(arguments)
    except FacefindError as error:
        click.echo(f"facefind: {error}", err=True)
        return 1
    except Exception as error:
        if (found := lacking_memory(error)) is None:
            raise
        click.echo(f"facefind: {found}", err=True)
        return 1
    return call(arguments) if code is None else code
