"""`facefind ingest`: which folders are event days, and their photos read, without looking for faces."""

from collections import Counter
from pathlib import Path

import click

from facefind_pipeline.cli import checks
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import absolute, as_typed, day_name_option, open_graph, open_reading, rehash_option
from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import read_settings


@click.command(
    epilog="""\b
Examples:
  facefind ingest party-photos
  facefind ingest "/media/card/DCIM" --day-name "beach party"
  facefind ingest                                  (looks again at all folders that were given before)
  facefind ingest --moved /mnt/old/photos /mnt/new/photos
  facefind ingest --moved "photos/Day 1" "photos/Friday"
  facefind ingest party-photos --rehash            (reads every file again)"""
)
@click.argument("photos", type=click.Path(), required=False)
@day_name_option
@rehash_option
@click.option(
    "--moved",
    nargs=2,
    type=click.Path(),
    metavar="OLD NEW",
    help="A folder that was given, or an event day's, is now NEW: what is known follows it.",
)
def ingest(photos: str | None, day_name: str | None, rehash: bool, moved: tuple[str, str] | None) -> None:
    """Register the event days of a folder of PHOTOS and read what is new: hash, size, time, place, camera."""
    if moved and (photos or rehash):
        raise click.UsageError("--moved goes by itself")
    if day_name and not photos:
        raise click.UsageError("--day-name goes with PHOTOS")
    if moved:
        from facefind_pipeline.cli.days import follow

        follow(as_typed(moved[0]), absolute(moved[1]))
    else:
        _read(photos, day_name, rehash=rehash)


def _read(photos: str | None, day_name: str | None, *, rehash: bool) -> None:
    """Reads one folder, or all that were given before.

    Raises:
        FacefindError: no such folder, or none was given yet.
    """
    from facefind_pipeline.errors import FacefindError
    from facefind_pipeline.store import photos as store

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
    others: Counter[str] = Counter()
    for root in roots:
        try:
            folder = stages.register_folder(graph, root, day_name, by_name=photos is not None)
        except FacefindError as error:
            failed.append(error)  # one folder that is gone does not keep the others from being read
            continue
        others.update(folder.others)
        graph.sync_partitions()
        stages.read_photos(graph, folder.days, rehash=rehash)
        with graph.workspace.database.connect() as connection:
            for day in folder.days:
                rows = store.photos(connection, day.key).values()
                bad = sum(row.problem is not None for row in rows)
                damaged = sum(row.note is not None for row in rows)
                click.echo(
                    f"{day.key}: {counted(len(rows), 'photo')}"
                    + (f", {bad:,} unreadable" if bad else "")
                    + (f", {damaged:,} damaged but used" if damaged else "")
                )
    stages.report_others(others)
    for earlier in failed[:-1]:
        stages.note(str(earlier))
    if failed:
        raise failed[-1]
