"""Groups of faces as people see them: who there is, the largest first, and the best faces of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box
from facefind_pipeline.path_text import printable
from facefind_pipeline.search.calibration import NONE, read_calibration
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.queries import query

SHOWN = 3  # faces from which on a group is shown; most faces of an event are passers-by


@dataclass(frozen=True, slots=True)
class Group:
    """Faces that are one person's.

    Attributes:
        id: by which people point at it.
        person: key of whom it is; None if that is not known.
        name: theirs.
        named: whether somebody named the group; else the person is found in most of its faces for sure.
        faces: how many.
        photos: in how many, copies counted once.
    """

    id: str
    person: str | None
    name: str | None
    named: bool
    faces: int
    photos: int


@dataclass(frozen=True, slots=True)
class GroupFace:
    """A face of a group.

    Attributes:
        sha256: of the photo's content.
        box: in its upright pixels.
        thumbnail: JPEG.
        photo: path of one of its files below its root.
    """

    sha256: bytes
    box: Box
    thumbnail: bytes
    photo: str


def list_groups(connection: Connection, key: str, least: int = SHOWN) -> list[Group]:
    """A set's groups of at least so many faces, and all that have a name; the largest first."""
    return _read(connection, key, least=least)


def find_group(connection: Connection, key: str, group: str) -> Group:
    """A set's group by its id.

    Raises:
        FacefindError: there is none.
    """
    found = _read(connection, key, least=1, group=group)
    if not found:
        raise FacefindError(f"no group {printable(group)!r} under {key}: `facefind who --all` lists them")
    return found[0]


def best_faces(connection: Connection, key: str, groups: Sequence[str], most: int) -> dict[str, list[GroupFace]]:
    """The best faces of each of these groups, the best first."""
    found: dict[str, list[GroupFace]] = {group: [] for group in groups}
    statement = query("group_best_faces", table=sql.Identifier(parameter_sets.find(connection, key).table))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"parameter_set": key, "groups": list(groups), "most": most})
        for group, sha256, x, y, w, h, thumbnail, path in cursor.fetchall():
            found[group].append(GroupFace(bytes(sha256), Box(x, y, w, h), bytes(thumbnail), path or ""))
    return found


def _read(connection: Connection, key: str, *, least: int, group: str | None = None) -> list[Group]:
    calibration = read_calibration(connection, key)
    sure = calibration.sure_cut if calibration else NONE
    with connection.cursor() as cursor:
        cursor.execute(query("groups"), {"parameter_set": key, "sure": sure, "least": least, "group": group})
        return [Group(*row) for row in cursor.fetchall()]
