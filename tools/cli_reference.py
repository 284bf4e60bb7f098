"""Writes `docs/cli.md`, the reference of the command, from what `--help` shows: `python tools/cli_reference.py`."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from facefind_pipeline.cli import facefind

REFERENCE = Path(__file__).parents[1] / "docs" / "cli.md"
INTRODUCTION = """\
# The command, with all its options

What `facefind --help` and the `--help` of each command print, on one page. `python tools/cli_reference.py` writes it.
"""


def page(command: click.Command, name: str) -> str:
    """The reference of a command and of all its subcommands, as Markdown."""
    root = _context(command, name)
    return "\n".join([INTRODUCTION, *_contents(root), "", *(_section(context) for context in _below(root))])


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    return click.Context(command, parent, name, **command.context_settings)


def _subcommands(context: click.Context) -> Iterator[click.Context]:
    """In the order of `--help`."""
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None and not command.hidden:
                yield _context(command, name, context)


def _below(context: click.Context) -> Iterator[click.Context]:
    for child in _subcommands(context):
        yield child
        yield from _below(child)


def _contents(context: click.Context, indent: str = "") -> Iterator[str]:
    """A list of links to the sections."""
    for child in _subcommands(context):
        path = child.command_path
        yield f"{indent}- [{path}](#{path.replace(' ', '-')}): {child.command.get_short_help_str(limit=200)}"
        yield from _contents(child, f"{indent}  ")


def _section(context: click.Context) -> str:
    """Usage, description, options and examples of one command."""
    command = context.command
    depth = "#" * (context.command_path.count(" ") + 1)
    parts = [
        f"{depth} {context.command_path}",
        _block(" ".join([context.command_path, *command.collect_usage_pieces(context)])),
        *(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(command.help or "").split("\n\n")),
    ]
    if options := list(_options(context)):
        parts.append("\n".join(options))
    if command.epilog:
        parts.append(_block(command.epilog.replace("\b\n", "")))  # click's mark of lines that it must not wrap
    return "\n\n".join(parts) + "\n"


def _options(context: click.Context) -> Iterator[str]:
    """But for `--help`, which is the same everywhere; arguments are in the usage."""
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None and parameter is not context.command.get_help_option(context):
            yield "- `{}`: {}".format(*record)


def _block(text: str) -> str:
    return f"```\n{text}\n```"


if __name__ == "__main__":
    REFERENCE.write_text(page(facefind, "facefind"), encoding="utf-8")
    print(REFERENCE)
