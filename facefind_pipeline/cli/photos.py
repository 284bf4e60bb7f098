"""`facefind photos`: what is known of the photos themselves; so far, that a camera's clock was wrong."""

import re
from datetime import timedelta

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import open_graph
from facefind_pipeline.plurals import counted

_SHIFT = re.compile(r"([+-]?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_SHIFT_AS_CLOCK = re.compile(r"([+-]?)()(\d+):([0-5]\d)(?::([0-5]\d))?", re.ASCII)

EXAMPLES = """\b
Examples:
  facefind photos shift --camera "NIKON D750" +1h          (its clock was an hour slow)
  facefind photos shift --camera "NIKON D750" -1d12h
  facefind photos shift --camera "NIKON D750" --day saturday +90m
  facefind photos shift --camera "NIKON D750" 0            (as the camera wrote it)"""


class Shift(click.ParamType[timedelta]):
    """A length of time with its sign: `+1h`, `-1d12h`, `+90m`, `-00:05:30`; `0` for none."""

    name = "shift"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The length of time, or wrong usage."""
        text = str(value).replace(" ", "")
        found = _SHIFT.fullmatch(text) or _SHIFT_AS_CLOCK.fullmatch(text)
        if text.lstrip("+-") == "0":
            return timedelta()
        if found is None or not any(found.groups()[1:]):
            self.fail(f"{value!r} is no length of time: write it as +1h, -1d12h, +90m or -00:05:30", param, ctx)
        sign, *parts = found.groups()
        days, hours, minutes, seconds = (int(part or 0) for part in parts)
        shift = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return -shift if sign == "-" else shift


@click.group(epilog=EXAMPLES)
def photos() -> None:
    """What is known of the photos themselves."""


@photos.command(
    # With -h as an option for help, -1h would be read as -1 -h.
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    epilog=EXAMPLES,
)
@click.option("--camera", required=True, metavar="CAMERA", help="Make and model, as the photos name it.")
@click.option("--day", metavar="DAY", help="Only on this event day; it goes before what holds for all days.")
@click.argument("shift", type=Shift())
def shift(camera: str, day: str | None, shift: timedelta) -> None:
    """Move the times of a camera whose clock was wrong by SHIFT, counted from what the camera wrote.

    Remembered, also for photos that are still to come. Given again, it replaces what was given before.
    """
    from facefind_pipeline.ingest.days import day_named
    from facefind_pipeline.store import clocks

    graph = open_graph(Bars())
    with graph.workspace.database.connect() as connection:
        key = clocks.ALL_DAYS if day is None else day_named(connection, day).key
        name = clocks.find_camera(connection, camera)
    config = {"camera": name, "seconds": int(shift.total_seconds()), "day": key}
    graph.run_job("shift_camera_clock", {"set_clock_shift": config})
    with graph.workspace.database.connect() as connection:
        moved = clocks.photos_of(connection, name, key)
    span = f", now from {moved.first:%Y-%m-%d %H:%M:%S} to {moved.last:%Y-%m-%d %H:%M:%S}" if moved.first else ""
    click.echo(f"{name}: {counted(moved.photos, 'photo')}{span}")
