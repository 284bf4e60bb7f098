"""The rows that go: counted and deleted by the data map, with what follows from them, in one transaction."""

from collections.abc import Iterable

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.faces import Box
from facefind_pipeline.privacy.data_map import erasing
from facefind_pipeline.privacy.subject import SET, UNMATCHED, Subject
from facefind_pipeline.privacy.unmatched import count_unmatched, erase_unmatched
from facefind_pipeline.store import faces, forgotten_days, photos
from facefind_pipeline.store.groups import FacePlace
from facefind_pipeline.store.made import forget_made
from facefind_pipeline.store.tombstones import Tombstones


def count_rows(connection: Connection, subject: Subject) -> dict[str, int]:
    """How many rows of each table go, or would."""
    if subject.kind == UNMATCHED:
        return count_unmatched(connection, subject.faces)
    counts = {}
    with connection.cursor() as cursor:
        for table in erasing():
            statement = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(
                sql.Identifier(table.name), sql.SQL(table.erased)
            )
            cursor.execute(statement, subject.values)
            (counts[table.name],) = cursor.fetchone() or (0,)
    return counts


def erase_rows(connection: Connection, subject: Subject, tombstones: Tombstones, forgetting: int) -> None:
    """Deletes the rows and leaves tombstones in their place. Done again, it finds nothing.

    The caller holds the locks of all that could write such rows.
    """
    if subject.kind == UNMATCHED:
        erase_unmatched(connection, subject.faces)
        return
    faces.lock_sets(connection)
    tombstones.add(
        connection,
        forgetting,
        photos=map(bytes.fromhex, subject.photos),
        faces=(FacePlace(bytes.fromhex(photo), Box(*box)) for photo, *box in subject.places),
        references=map(bytes.fromhex, subject.references),
        persons=(key for key, _ in subject.persons),
    )
    removed = _vectors_by_set(connection, subject)
    tables = _set_tables(connection, subject)
    with connection.cursor() as cursor:
        for table in erasing():
            statement = sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(table.name), sql.SQL(table.erased))
            cursor.execute(statement, subject.values)
        for name in tables:
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(name)))
        cursor.execute("DROP TABLE IF EXISTS index_trial")
        # Without faces or sides nothing is said; rivals in others' results may be who went, so all are made again.
        cursor.execute(
            "DELETE FROM group_statements WHERE statement NOT IN (SELECT statement FROM group_statement_faces)"
        )
        cursor.execute(
            "DELETE FROM face_groups g WHERE NOT EXISTS (SELECT FROM group_faces f"
            " WHERE (f.parameter_set, f.face_group) = (g.parameter_set, g.face_group))"
        )
        cursor.execute("DELETE FROM truth_lists WHERE source NOT IN (SELECT source FROM truth)")
        cursor.execute("DELETE FROM searches")
    for asset in ("search_results", "evaluation"):
        forget_made(connection, asset)
    for key, rows in removed.items():
        faces.vectors_changed(connection, key, rows)
    for day in photos.days(connection):
        if day.key in subject.days:
            forgotten_days.remove_day(connection, day)


def _vectors_by_set(connection: Connection, subject: Subject) -> dict[str, int]:
    condition = next(table.erased for table in erasing() if table.name == "embeddings")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT parameter_set, count(*) FROM embeddings WHERE {condition} GROUP BY 1",  # noqa: S608 - the map's
            subject.values,
        )
        return dict(cursor.fetchall())


def _set_tables(connection: Connection, subject: Subject) -> Iterable[str]:
    """Of sets that go, the tables of their vectors."""
    if subject.kind != SET:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM parameter_sets WHERE parameter_set = ANY(%s)",
            [list(subject.sets)],
        )
        return [name for (name,) in cursor.fetchall()]
