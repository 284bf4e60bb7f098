"""Results and truth that the tests of evaluation share."""

from collections.abc import Mapping
from types import MappingProxyType

from facefind_pipeline.search import results
from facefind_pipeline.store import parameter_sets, truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.faces import face_key
from facefind_pipeline.store.truth import TruthList, TruthRow
from facefind_pipeline_tests.store.rows import KEY, Photo


def refresh(database: Database, key: str = KEY) -> None:
    with database.connect() as connection:
        results.refresh(connection, parameter_sets.find(connection, key))


def move_by_clothes(database: Database, event: Mapping[str, Photo], name: str, above: str, key: str = KEY) -> None:
    """Makes Ada's stored results those that clothes moved: `name`, which by the face alone is just below `above`."""
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE ranked_photos moved SET face_rank = other.rank, face_score = other.score
            FROM ranked_photos other JOIN searches USING (search)
            WHERE moved.search = other.search AND parameter_set = %(key)s AND moved.sha256 <> other.sha256
              AND ARRAY[moved.sha256, other.sha256] <@ %(photos)s::bytea[]
            """,
            {"key": key, "photos": [event[name].sha256, event[above].sha256]},
        )


def choose_by_clothes(database: Database, photo: Photo, number: int, key: str = KEY) -> None:
    """Lets clothes choose another face of the photo, by number, in Ada's stored results."""
    chosen = face_key(photo.sha256, photo.faces[number].box, None)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE ranked_photos SET by_face_key = face_key, by_face_distance = distance, by_face_rival = rival,
                by_face_rival_distance = rival_distance, face_key = %s, distance = distance + 1
            WHERE search IN (SELECT search FROM searches WHERE parameter_set = %s) AND sha256 = %s
            """,
            [str(chosen), key, photo.sha256],
        )


def write_truth(
    database: Database,
    event: Mapping[str, Photo],
    *names: str,
    days: tuple[str, ...] | None = None,
    leave_out: Mapping[str, bool] = MappingProxyType({}),
    unlabelled_left_out: bool = False,
) -> None:
    """A list of Ada's photos; `leave_out` names further ones with what their column says."""
    with database.connect() as connection:
        rows = [TruthRow("ada", event[name].sha256, leave_out=leave_out.get(name)) for name in [*names, *leave_out]]
        truth.write_list(connection, TruthList("by hand.csv", rows, days, unlabelled_left_out), "command")
