"""`facefind confirm` and `reject`: what people say of single photos, remembered in every set and after reruns."""

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import chosen_set, open_graph, open_reading, params_option
from facefind_pipeline.errors import FacefindError

day_option = click.option("--day", default="", metavar="DAY", help="Event day of PHOTO, where several have its name.")


@click.command(epilog="\b\nExamples:\n  facefind confirm Ada IMG_0042.jpg")
@click.argument("name")
@click.argument("photo")
@day_option
@params_option
def confirm(name: str, photo: str, day: str, params: str | None) -> None:
    """Say that PHOTO shows the person NAME: by the face that ranks it. It comes first and sharpens the search."""
    _say(name, photo, day, params, shown=True)


@click.command(epilog="\b\nExamples:\n  facefind reject Ada IMG_0042.jpg")
@click.argument("name")
@click.argument("photo")
@day_option
@params_option
def reject(name: str, photo: str, day: str, params: str | None) -> None:
    """Say that PHOTO does not show the person NAME: it leaves their results."""
    _say(name, photo, day, params, shown=False)


def _say(name: str, photo: str, day: str, params: str | None, *, shown: bool) -> None:
    from facefind_pipeline.ingest.days import day_named
    from facefind_pipeline.ingest.persons import person_named
    from facefind_pipeline.ingest.truth import find_photo
    from facefind_pipeline.search.find import nearest_face, reference_probes
    from facefind_pipeline.store import parameter_sets, truth

    _, database = open_reading()
    with database.connect() as connection:
        chosen = chosen_set(connection, params)
        person = person_named(connection, name)
        known = find_photo(truth.known_photos(connection), photo, day and day_named(connection, day).key)
        assert known.sha256 is not None  # else it was not found
        if shown:
            reference_probes(connection, chosen.key, person)
        face = nearest_face(connection, chosen, person, known.sha256) if shown else None
        if shown and face is None:
            raise FacefindError(f"no face of {known.path} is known under {chosen.key}, so none can be confirmed")
    graph = open_graph(Bars())
    graph.run_job(
        "tell_of_photo",
        {"remember_feedback": {"person": person.key, "sha256": known.sha256.hex(), "face": list(face or ())}},
    )
    graph.sync_partitions()
    with database.connect() as connection:
        active = [one.key for one in parameter_sets.registered(connection) if one.active or one.key == chosen.key]
    for key in active:  # what was said holds in every set
        graph.materialize(["search_results"], key)
    click.echo(f"{known.path} {'shows' if shown else 'does not show'} {person.name}: remembered")
