"""The contact sheet of everyone at an event: a row of best faces for each group."""

from collections.abc import Sequence

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.plurals import counted
from facefind_pipeline.search.group_listing import Group, best_faces
from facefind_pipeline.vision.sheet import EMPTY, Tile

GROUPS, COLUMNS = 60, 8  # groups of a sheet, faces of each


def group_tiles(connection: Connection, parameter_set: str, groups: Sequence[Group]) -> list[Tile]:
    """The best faces of the first of these groups, a row of `COLUMNS` each; those of named groups are framed."""
    shown = groups[:GROUPS]
    found = best_faces(connection, parameter_set, [group.id for group in shown], COLUMNS)
    tiles: list[Tile] = []
    for group in shown:
        photos = counted(group.photos, "photo")
        caption = (group.name, f"{group.id}, {photos}") if group.name else (group.id, photos)
        faces = found[group.id]
        tiles += [Tile(face.thumbnail, () if number else caption, group.named) for number, face in enumerate(faces)]
        tiles += [EMPTY] * (COLUMNS - len(faces))
    return tiles
