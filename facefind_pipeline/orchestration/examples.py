"""What launchpads open with: an example of each job's configuration that works in this home.

Definitions load without the database. So `facefind dev` reads the names of one of each thing from the tables, and hands
them to its code server in the environment; loaded by anything else, examples have made-up names.
"""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812
from pydantic import TypeAdapter

from facefind_pipeline.set_names import DEFAULT
from facefind_pipeline.store.queries import query

VARIABLE = "FACEFIND_EXAMPLES"


class Examples(NamedTuple):
    """Names of things of a home.

    Attributes:
        folder: that was given to a command.
        day: key of an event day.
        day_folder: its folder.
        person: name of somebody with a reference photo.
        other: name of another person.
        reference: name of the first one's reference photo.
        photo: that shows the person, by the end of its path.
        photo_day: key of its event day.
        parameter_set: key or name of the set whose groups are meant.
        group: id of a group of faces in several photos.
        group_photo: a photo of the group, by the end of its path.
        group_photo_day: key of its event day.
        other_group: id of another group.
        camera: make and model.
        shift: seconds that the camera's clock is known to be off.
    """

    folder: str = "/photos/2024-06-15"
    day: str = "2024-06-15"
    day_folder: str = "/photos/2024-06-15"
    person: str = "Ada"
    other: str = "Bob"
    reference: str = "ada.jpg"
    photo: str = "IMG_0042.jpg"
    photo_day: str = "2024-06-15"
    parameter_set: str = DEFAULT
    group: str = "g3f9a1"
    group_photo: str = "IMG_0042.jpg"
    group_photo_day: str = "2024-06-15"
    other_group: str = "g07b2e"
    camera: str = "NIKON D750"
    shift: int = 0


def read_examples(connection: Connection) -> Examples:
    """One of each thing of the home; what it lacks keeps its made-up name."""
    with connection.cursor() as cursor:
        cursor.execute(query("examples"))
        found = dict(zip([column.name for column in cursor.description or ()], cursor.fetchone() or (), strict=True))
    return Examples()._replace(**{name: value for name, value in found.items() if value is not None})


def to_text(examples: Examples) -> str:
    """As the variable has them."""
    return _EXAMPLES.dump_json(examples).decode()


def config(**ops: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a job that its launchpad opens with; `ops` are the values of each op."""
    return {"ops": {op: {"config": values} for op, values in ops.items()}}


_EXAMPLES = TypeAdapter(Examples)
EXAMPLES = _EXAMPLES.validate_json(os.environ[VARIABLE]) if VARIABLE in os.environ else Examples()
