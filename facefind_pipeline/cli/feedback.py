"""`facefind confirm` and `reject`: what people say of single photos, remembered in every set and after reruns."""

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import chosen_set, open_graph, params_option
from facefind_pipeline.errors import FacefindError


@click.command(epilog="\b\nExamples:\n  facefind confirm Ada IMG_0042.jpg")
@click.argument("name")
@click.argument("photo")
@params_option
def confirm(name: str, photo: str, params: str | None) -> None:
    """Say that PHOTO shows the person NAME: by the face that ranks it. It comes first and sharpens the search."""
    _say(name, photo, params, shown=True)


@click.command(epilog="\b\nExamples:\n  facefind reject Ada IMG_0042.jpg")
@click.argument("name")
@click.argument("photo")
@params_option
def reject(name: str, photo: str, params: str | None) -> None:
    """Say that PHOTO does not show the person NAME: it leaves their results."""
    _say(name, photo, params, shown=False)


def _say(name: str, photo: str, params: str | None, *, shown: bool) -> None:
    from facefind_pipeline.ingest.folders import key_of
    from facefind_pipeline.ingest.truth import find_photo
    from facefind_pipeline.search.find import nearest_face
    from facefind_pipeline.store import people, truth

    graph = open_graph(Bars())
    with graph.workspace.database.connect() as connection:
        chosen = chosen_set(connection, params)
        person = people.find_person(connection, key_of(name))
        known = find_photo(truth.known_photos(connection), photo)
        if known.sha256 is None:
            raise FacefindError(f"{known.path} could not be opened when its folder was read")
        face = nearest_face(connection, chosen, person, known.sha256) if shown else None
        if shown and face is None:
            raise FacefindError(f"no face of {known.path} is known under {chosen.key}, so none can be confirmed")
    graph.run_job(
        "tell_of_photo",
        {"remember_feedback": {"person": person.key, "sha256": known.sha256.hex(), "face": list(face or ())}},
    )
    graph.sync_partitions()
    graph.materialize(["search_results"], chosen.key)
    click.echo(f"{known.path} {'shows' if shown else 'does not show'} {person.name}: remembered")
