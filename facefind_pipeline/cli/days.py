"""What `facefind ingest --moved` does: event days follow a folder."""

from pathlib import Path

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import open_graph, open_reading
from facefind_pipeline.path_text import printable
from facefind_pipeline.plurals import counted
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
