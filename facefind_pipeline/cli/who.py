"""`facefind who`: everyone at the event, without any reference."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.output import echo_json, echo_table, sheet_option
from facefind_pipeline.cli.workspace import chosen_set, json_option, open_graph, open_reading, params_option
from facefind_pipeline.plurals import counted
from facefind_pipeline.set_names import DEFAULT

if TYPE_CHECKING:
    from facefind_pipeline.search.group_listing import Group
    from facefind_pipeline.store.database import Database


@click.command(
    epilog="""\b
Examples:
  facefind ingest ~/photos/party && facefind who
  facefind who --sheet everyone.jpg
  facefind who g3f9a1
  facefind person name g3f9a1 "Ada Lovelace\""""
)
@click.argument("group", required=False)
@click.option("--all", "every", is_flag=True, help="Groups of one or two faces too: mostly passers-by.")
@sheet_option("the best faces of each group, a row for each of the largest 60")
@params_option
@json_option
def who(group: str | None, every: bool, sheet: Path | None, params: str | None, as_json: bool) -> None:
    """List the people of the event, whoever they are: faces that are one person's, the largest group first.

    With a GROUP list its faces, the most typical first.

    No reference is needed: faces in photos that `facefind ingest` read are found first. Name a group with `facefind
    person name`; `person same`, `person different` and `person leave-out` put right what is wrong, for good. Groups of
    one or two faces are listed with --all.
    """
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.plan.due import Scope, due
    from facefind_pipeline.publish.group_sheet import COLUMNS, group_tiles
    from facefind_pipeline.search.group_listing import SHOWN, list_groups

    settings, database = open_reading()
    if _lacks_faces(database, params):
        from facefind_pipeline.cli.stages import find_faces

        bars = Bars()
        find_faces(open_graph(bars), bars, params)
    with database.connect() as connection:
        key = chosen_set(connection, params).key
        steps = due(connection, ["face_groups"], Scope(sets=[key]))
    if steps:
        open_graph(Bars()).materialize(["face_groups"], key)
    if group is not None:
        _echo_faces(database, key, group, sheet, as_json=as_json)
        return
    with database.connect() as connection:
        everyone = list_groups(connection, key, least=1)
        shown = [one for one in everyone if every or one.faces >= SHOWN or one.named]
        tiles = group_tiles(connection, key, shown) if sheet else []
    if sheet and tiles:
        from facefind_pipeline.vision.sheet import write_sheet

        click.echo(f"contact sheet: {write_sheet(sheet, tiles, title='Everyone', columns=COLUMNS)}", err=True)
    if as_json:
        echo_json([_as_json(one) for one in shown])
        return
    if shown:
        echo_table([_row(one) for one in shown])
    hidden = len(everyone) - len(shown)
    if not everyone:
        click.echo(f"no faces in the photos of this home under {key}", err=True)
    elif hidden:
        click.echo(f"{counted(hidden, 'group')} of one or two faces: --all lists them", err=True)
    stored = sheet_path(settings, key, "groups")
    if shown and not sheet and stored.is_file():
        click.echo(f"contact sheet: {stored}", err=True)


def _lacks_faces(database: "Database", params: str | None) -> bool:
    """Whether there are photos whose faces nobody looked for under the set, which may not be registered yet."""
    from facefind_pipeline.plan.due import Scope, due
    from facefind_pipeline.store import parameter_sets, photos

    with database.connect() as connection:
        registered = {one.key for one in parameter_sets.registered(connection)}
        if not registered or parameter_sets.resolve(connection, params or DEFAULT).key not in registered:
            return True
        days = [day.key for day in photos.days(connection) if day.available]
        key = chosen_set(connection, params).key
        return bool(due(connection, ["detected_faces", "face_embeddings", "hnsw_index"], Scope(sets=[key], days=days)))


def _as_json(group: "Group") -> dict[str, object]:
    return {
        "group": group.id,
        "person": group.person,
        "name": group.name,
        "named": group.named,
        "faces": group.faces,
        "photos": group.photos,
    }


def _row(group: "Group") -> dict[str, object]:
    return {
        "group": group.id,
        "person": group.name or "",
        "known by": "" if not group.name else "name" if group.named else "reference",
        "faces": f"{group.faces:,}",
        "photos": f"{group.photos:,}",
    }


def _echo_faces(database: "Database", key: str, group: str, sheet: Path | None, *, as_json: bool) -> None:
    from facefind_pipeline.search.group_listing import best_faces, find_group

    with database.connect() as connection:
        found = find_group(connection, key, group)
        faces = best_faces(connection, key, [group], found.faces)[group]
    if sheet:
        from facefind_pipeline.vision.sheet import Tile, write_sheet

        tiles = [Tile(face.thumbnail, (face.photo,)) for face in faces]
        click.echo(f"contact sheet: {write_sheet(sheet, tiles, title=found.name or group)}", err=True)
    if as_json:
        echo_json([{"photo": face.photo, "sha256": face.sha256.hex(), "box": list(face.box)} for face in faces])
        return
    echo_table(
        [
            {"rank": rank, "photo": face.photo, "x": face.box.x, "y": face.box.y, "w": face.box.w, "h": face.box.h}
            for rank, face in enumerate(faces, start=1)
        ]
    )
