"""`facefind doctor`: whether all is well, in plain words, with an exit code for monitors."""

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli import serving_lock
from facefind_pipeline.cli.output import echo_json
from facefind_pipeline.cli.workspace import json_option
from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import Settings, read_settings

if TYPE_CHECKING:
    from facefind_pipeline.doctor.findings import Finding, Installation

UNWELL = 1


@click.command(
    epilog="""\b
Examples:
  facefind doctor
  facefind doctor --json
  facefind doctor --repair                         (rebuild indexes that are damaged or were never finished)
  facefind doctor > doctor.txt || mail -s "facefind is unwell" root < doctor.txt"""
)
@click.option("--repair", is_flag=True, help="First rebuild indexes that are damaged or were never finished.")
@json_option
def doctor(repair: bool, as_json: bool) -> None:
    """Look whether all is well: machine, files, doors, database, tables, and what to do where it is not.

    Starts nothing and changes nothing, but for --repair. What can't be looked at, as while the database is stopped, is
    said. The exit code is 1 if there is any problem, else 0; notes are no problems.
    """
    from facefind_pipeline.doctor.checks import CHECKS
    from facefind_pipeline.doctor.findings import Level, examine

    installation = _installation(read_settings())
    if repair:
        _repair(installation)
    found: list[tuple[str, Finding]] = []
    for name, finding in examine(CHECKS, installation):
        found.append((name, finding))
        if not as_json:
            _echo(name, finding)
    levels = Counter(finding.level for _, finding in found)
    unwell = levels[Level.PROBLEM] > 0
    if as_json:
        echo_json({"well": not unwell, "findings": [_as_json(name, finding) for name, finding in found]})
    else:
        notes = counted(levels[Level.NOTE], "note")
        click.echo(f"\n{counted(levels[Level.PROBLEM], 'problem') if unwell else 'no problem'}, {notes}")
    if unwell:
        sys.exit(UNWELL)


def _installation(settings: Settings) -> "Installation":
    from facefind_pipeline.doctor.findings import Installation
    from facefind_pipeline.doctor.server import reach

    database, has, refusal = reach(settings)
    serving = {
        command: pid
        for command in serving_lock.COMMANDS
        if (pid := serving_lock.holder(settings.home, command)) is not None
    }
    return Installation(settings, database, has, refusal, serving)


def _repair(installation: "Installation") -> None:
    from facefind_pipeline.doctor.indexes import repair
    from facefind_pipeline.errors import FacefindError

    if installation.database is None:
        raise FacefindError("--repair needs the database: `facefind up` starts it")
    for name in repair(installation.database):
        click.echo(f"rebuilt: index {name}", err=True)


def _echo(name: str, finding: "Finding") -> None:
    click.echo(f"{finding.level.value:8} {name}: {finding.text}")
    if finding.advice:
        click.echo(f"{'':8} what to do: {finding.advice}")


def _as_json(name: str, finding: "Finding") -> dict[str, str]:
    return {"check": name, "level": finding.level.value, "text": finding.text, "advice": finding.advice}
