"""`facefind confirm` and `reject`: what people say of single photos, remembered in every set and after reruns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from facefind_pipeline.authors import COMMAND, author
from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import chosen_set, open_graph, open_reading, params_option

if TYPE_CHECKING:
    from facefind_pipeline.faces import Box

day_option = click.option("--day", default="", metavar="DAY", help="Event day of PHOTOS, where several have the name.")


@click.command(
    epilog="""\b
Examples:
  facefind confirm Ada IMG_0042.jpg IMG_0043.jpg
  facefind confirm Ada IMG_0051.jpg --box 820,140,260,300      (her back, or a face that no detector found)"""
)
@click.argument("name")
@click.argument("photos", nargs=-1, required=True)
@click.option(
    "--box",
    metavar="X,Y,W,H",
    help="Where the person is in the one photo given: left, top, width and height in pixels of the photo as it is "
    "shown, upright.",
)
@day_option
@params_option
def confirm(name: str, photos: Sequence[str], box: str | None, day: str, params: str | None) -> None:
    """Say that PHOTOS show the person NAME: by the face that ranks each. They come first and sharpen the search.

    With --box, by that box; it comes first and sharpens nothing, unless it is around a face that was found.
    """
    from facefind_pipeline.ingest.drawn_boxes import parse_box

    if box is not None and len(photos) != 1:
        raise click.UsageError("--box is of one photo: give one PHOTO with it")
    _remember(name, photos, day, params, shown=True, drawn=None if box is None else parse_box(box))


@click.command(epilog="\b\nExamples:\n  facefind reject Ada IMG_0042.jpg IMG_0043.jpg")
@click.argument("name")
@click.argument("photos", nargs=-1, required=True)
@day_option
@params_option
def reject(name: str, photos: Sequence[str], day: str, params: str | None) -> None:
    """Say that PHOTOS do not show the person NAME: they leave their results."""
    _remember(name, photos, day, params, shown=False, drawn=None)


def _remember(
    name: str, photos: Sequence[str], day: str, params: str | None, *, shown: bool, drawn: "Box | None"
) -> None:
    from facefind_pipeline.ingest.days import day_named
    from facefind_pipeline.ingest.meant_face import meant_face
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.ingest.truth import find_photo
    from facefind_pipeline.search.probes import reference_probes
    from facefind_pipeline.store import parameter_sets, truth

    _, database = open_reading()
    with database.connect() as connection:
        chosen = chosen_set(connection, params)
        person = person_named(connection, name)
        all_known = truth.known_photos(connection)
        day_key = day and day_named(connection, day).key
        known = list(dict.fromkeys(find_photo(all_known, photo, day_key) for photo in photos))
        if shown:
            reference_probes(connection, chosen.key, person)
        faces = [meant_face(connection, chosen, person, photo, drawn) for photo in known] if shown else []

    from facefind_pipeline.orchestration.named_photos import named

    graph = open_graph(Bars())
    boxes = [{"box": list(face.box)} for face in faces] or [{} for _ in known]
    entries = [{**named(photo), "shown": shown, **box} for photo, box in zip(known, boxes, strict=True)]
    said = {"person": person.key, "photos": entries, "parameter_set": chosen.key, "author": author(COMMAND)}
    graph.run_job("record_feedback", {"write_feedback": {**said, "agreed": True}})
    graph.sync_partitions()
    with database.connect() as connection:
        active = [one.key for one in parameter_sets.registered(connection) if one.active or one.key == chosen.key]
    by_hand = any(face.drawn for face in faces)
    for key in active:  # what was said holds in every set
        graph.materialize([*(["reference_embeddings"] if by_hand else []), "search_results"], key)
    verb = "shows" if shown else "does not show"
    for photo in known:
        click.echo(f"{photo.path} {verb} {person.name}: remembered")
