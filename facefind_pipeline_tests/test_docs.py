"""README, docs and help: what they print is what `facefind` takes, links lead somewhere, the reference is whole."""

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest

from facefind_pipeline.cli import facefind
from tools import cli_reference

CLONE = Path(__file__).parents[1]
PAGES = [CLONE / "README.md", *sorted((CLONE / "docs").rglob("*.md"))]


def _commands(group: click.Group, path: str = "facefind") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")


COMMANDS = dict(_commands(facefind))


def _check(line: str) -> None:
    """Parses the line's call as the command does, without what it would do; fails on a word it does not know."""
    words = ["recommended" if word == "KEY" else word for word in shlex.split(line, comments=True)]
    words = words[: min((words.index(end) for end in ("&&", "|", ">") if end in words), default=len(words))]
    command, path = facefind, "facefind"
    arguments = words[1:]
    while isinstance(command, click.Group):
        if command.invoke_without_command and not (arguments and f"{path} {arguments[0]}" in COMMANDS):
            break
        path, arguments = f"{path} {arguments[0]}", arguments[1:]
        assert path in COMMANDS, line
        command = COMMANDS[path]
    command.make_context(path, arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_a_page_are_taken(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    printed = re.findall(r"^ {4}(facefind .*)$", text, re.MULTILINE)
    if page.name in {"README.md", "operations.md"}:
        assert len(printed) > 5
    for line in printed:
        _check(line)
    for line in re.findall(r"`(facefind [a-z][^`]*)`", text):
        with suppress(click.MissingParameter):  # a sentence names the command alone
            _check(line)


@pytest.mark.parametrize("page", [*PAGES, *CLONE.glob("C*.md")], ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8")):
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_are_taken(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = COMMANDS[name]
    examples = (command.epilog or "").replace("\b", "")
    assert "Example" in examples, name
    lines = [line.strip() for line in examples.splitlines() if line.strip().startswith("facefind ")]
    assert lines or name == "facefind env"
    for line in lines:
        _check(re.sub(r"\s{3,}.*$", "", line))  # what follows is a remark


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_has_the_command_and_all_its_options(name: str) -> None:
    sections = re.split(r"^#+ ", cli_reference.REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (section,) = [text for text in sections if text.startswith(f"{name}\n")]
    described = set(re.findall(r"(?<=[` ])--?[a-z-]+", "\n".join(re.findall(r"^- `.*?`", section, re.MULTILINE))))
    options = [option for option in COMMANDS[name].params if isinstance(option, click.Option)]
    assert described == {spelling for option in options for spelling in (*option.opts, *option.secondary_opts)}


def test_the_reference_is_what_its_tool_writes() -> None:
    written = cli_reference.REFERENCE.read_text(encoding="utf-8")
    assert written == cli_reference.page(facefind, "facefind"), "run `python tools/cli_reference.py`"


def test_hidden_commands_and_options_stay_out_of_the_reference() -> None:
    @click.group()
    def program() -> None:
        """A program."""

    @program.command()
    @click.option("--loud", is_flag=True, help="Louder.")
    @click.option("--secret", is_flag=True, hidden=True)
    def run(loud: bool, secret: bool) -> None:
        """Runs."""

    @program.command(hidden=True)
    def trial() -> None:
        """Tries."""

    page = cli_reference.page(program, "program")
    assert "## program run\n\n```\nprogram run [OPTIONS]\n```\n\nRuns.\n\n- `--loud`: Louder.\n" in page
    assert "secret" not in page
    assert "trial" not in page
