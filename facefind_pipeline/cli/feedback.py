"""`facefind confirm` and `reject`: what people say of single photos, remembered in every set and after reruns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import chosen_set, open_graph, open_reading, params_option
from facefind_pipeline.errors import FacefindError

if TYPE_CHECKING:
    from facefind_pipeline.faces import Box
    from facefind_pipeline.store.parameter_sets import RegisteredSet
    from facefind_pipeline.store.people import Person
    from facefind_pipeline.store.truth import KnownPhoto

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
        said = [_face(connection, chosen, person, photo, drawn) if shown else {} for photo in known]
    graph = open_graph(Bars())
    entries = [{"sha256": (photo.sha256 or b"").hex(), **face} for photo, face in zip(known, said, strict=True)]
    graph.run_job("record_feedback", {"write_feedback": {"person": person.key, "photos": entries}})
    graph.sync_partitions()
    with database.connect() as connection:
        active = [one.key for one in parameter_sets.registered(connection) if one.active or one.key == chosen.key]
    by_hand = any(face.get("by_hand") for face in said)
    for key in active:  # what was said holds in every set
        graph.materialize([*(["reference_embeddings"] if by_hand else []), "search_results"], key)
    verb = "shows" if shown else "does not show"
    for photo in known:
        click.echo(f"{photo.path} {verb} {person.name}: remembered")


def _face(
    connection: Connection, chosen: "RegisteredSet", person: "Person", photo: "KnownPhoto", drawn: "Box | None"
) -> dict[str, object]:
    """The face to confirm: the one that ranks the photo, the one that a drawn box is around, or the box itself.

    Raises:
        FacefindError: no face is known, or the box is not inside the photo.
    """
    from facefind_pipeline.ingest.drawn_boxes import cut_thumbnail, same_face
    from facefind_pipeline.search.find import nearest_face
    from facefind_pipeline.store.feedback import faces_under

    assert photo.sha256 is not None  # else it was not found
    if drawn is None:
        face = nearest_face(connection, chosen, person, photo.sha256)
        if face is None:
            raise FacefindError(
                f"no face of {photo.path} is known under {chosen.key}, so none can be confirmed; "
                "--box X,Y,W,H says where the person is"
            )
        return {"face": list(face)}
    cut_thumbnail(connection, photo.sha256, drawn)
    found = same_face(drawn, faces_under(connection, chosen.key, photo.sha256))
    return {"face": list(drawn), "by_hand": True} if found is None else {"face": list(found)}
