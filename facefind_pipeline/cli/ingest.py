"""`facefind ingest`: registers a folder's event days and reads their photos, without looking for faces."""

from pathlib import Path

import click

from facefind_pipeline.cli import checks
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import absolute, day_name_option, open_graph, open_reading, rehash_option
from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import read_settings


@click.command(
    epilog="""\b
Examples:
  facefind ingest party-photos
  facefind ingest "/media/card/DCIM" --day-name "beach party"
  facefind ingest                                  (looks again at all folders that were given before)"""
)
@click.argument("photos", type=click.Path(), required=False)
@day_name_option
@rehash_option
def ingest(photos: str | None, day_name: str | None, rehash: bool) -> None:
    """Register the event days of a folder of PHOTOS and read what is new: hash, size, time, place, camera."""
    from facefind_pipeline.errors import FacefindError
    from facefind_pipeline.store import photos as store

    if day_name and not photos:
        raise click.UsageError("--day-name goes with PHOTOS")
    if photos:
        roots: list[Path] = [absolute(photos)]
        checks.check_folder(read_settings(), roots[0], day_name)
    else:
        _, database = open_reading()
        with database.connect() as connection:
            roots = store.roots(connection)
        if not roots:
            raise FacefindError("no folder was given yet: run `facefind ingest PHOTOS`")

    from facefind_pipeline.cli import stages

    graph = open_graph(Bars())
    failed: list[FacefindError] = []
    for root in roots:
        try:
            days = stages.register_folder(graph, root, day_name)
        except FacefindError as error:
            failed.append(error)  # one folder that is gone does not keep the others from being read
            continue
        graph.sync_partitions()
        stages.read_photos(graph, days, rehash=rehash)
        with graph.workspace.database.connect() as connection:
            for day in days:
                rows = store.photos(connection, day.key).values()
                bad = sum(row.problem is not None for row in rows)
                damaged = sum(row.note is not None for row in rows)
                click.echo(
                    f"{day.key}: {counted(len(rows), 'photo')}"
                    + (f", {bad:,} unreadable" if bad else "")
                    + (f", {damaged:,} damaged but used" if damaged else "")
                )
    for earlier in failed[:-1]:
        stages.tell(str(earlier))
    if failed:
        raise failed[-1]
