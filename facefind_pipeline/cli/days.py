"""What `facefind ingest --moved` and `--forget` do: which event days there are, changed."""

from collections.abc import Sequence
from pathlib import Path

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import open_graph, open_reading
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.path_text import printable, text_of
from facefind_pipeline.plurals import counted
from facefind_pipeline.store.forgotten_days import Taken
from facefind_pipeline.store.root_places import known_text


def follow(old: Path, new: Path) -> None:
    """Lets what is known of the event days in a folder that moved follow it, and reads what is new there.

    Raises:
        FacefindError: as `look_at_move`.
    """
    from facefind_pipeline.ingest.moved import look_at_move

    _, database = open_reading()
    with database.connect() as connection:
        move = look_at_move(connection, old, new)

    from facefind_pipeline.cli import stages
    from facefind_pipeline.orchestration.resources import Incoming

    graph = open_graph(Bars())
    config = {"follow_folder": {"old": known_text(move.old), "new": known_text(new)}}
    graph.run_job("move_event_days", config, Incoming(folders=[new]))
    for day in move.days:
        other = [f"{count:,} {what}" for count, what in ((day.missing, "missing"), (day.new, "new")) if count]
        there = ", ".join([f"{counted(day.same, 'photo')} as before", *other])
        click.echo(printable(f"{day.after.key}: {day.before.path} is {day.after.path} now: {there}"))
    for key, kept in move.given_up.items():
        stages.note(f"event day {key}, as which that folder was registered, is {kept} now")
    stages.read_photos(graph, [day.after for day in move.days])


def forget(names: Sequence[str], *, yes: bool) -> None:
    """Takes event days out, once somebody agreed to what goes, and makes the results of the sets again.

    Raises:
        FacefindError: no such day, or nobody is there to be asked.
    """
    from facefind_pipeline.ingest.days import day_named
    from facefind_pipeline.store import forgotten_days, parameter_sets

    _, database = open_reading()
    with database.connect() as connection:
        days = {day.key: day for day in (day_named(connection, name) for name in names)}
        taken = {key: forgotten_days.look_at_day(connection, key) for key in days}
        active = [one.key for one in parameter_sets.registered(connection) if one.active]
    for key, day in days.items():
        click.echo(printable(f"event day {key} ({day.path}): {_what_goes(taken[key])}"))
    if not yes and not _agreed():
        click.echo("nothing was forgotten", err=True)
        return

    from facefind_pipeline.cli import stages
    from facefind_pipeline.parameters import ParameterSet

    graph = open_graph(Bars())
    graph.run_job("forget_event_days", {"forget_days": {"days": list(days)}})
    for set_key in active:
        stages.index_and_search(graph, ParameterSet.parse(set_key))
    for key, day in days.items():
        click.echo(f"forgot {key}; its files stay, and `facefind ingest` with {text_of(day.path)} takes it again")


def _what_goes(taken: Taken) -> str:
    parts = [counted(taken.photos, "photo"), counted(taken.faces, "face")]
    parts += [counted(taken.said, "confirmation or rejection", "confirmations and rejections")] if taken.said else []
    parts += [counted(taken.listed, "row of truth", "rows of truth")] if taken.listed else []
    stays = f"; {counted(taken.elsewhere, 'photo')} of them also in another day, which keeps what is known"
    return f"{', '.join(parts)} will be taken out{stays if taken.elsewhere else ''}"


def _agreed() -> bool:
    try:
        return click.confirm("Forget this?")
    except click.Abort:
        raise FacefindError("nobody agreed, and nothing was forgotten: --yes forgets without asking") from None
