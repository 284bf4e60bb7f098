"""Truth lists: which photos show a person, by hand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box
from facefind_pipeline.path_text import text_of
from facefind_pipeline.store import versions
from facefind_pipeline.store.root_places import here


class TruthRow(NamedTuple):
    """A photo that shows a person; `box` is their face, x y w h in upright pixels, where the list gives it."""

    person: str
    sha256: bytes
    box: Box | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TruthList:
    """The rows of one file.

    Attributes:
        source: the file's name.
        rows: each person and photo once.
        days: event days that the list covers: there it names every photo of its people. None is all.
    """

    source: str
    rows: Sequence[TruthRow]
    days: tuple[str, ...] | None = None

    @property
    def content(self) -> str:
        """Hash of rows and days."""
        rows = sorted((row.person, row.sha256.hex(), row.box or (), row.note or "") for row in self.rows)
        return versions.hash_rows([self.days or ("all",), *rows])


class KnownPhoto(NamedTuple):
    """A photo file; `sha256` is None where it could not even be opened, `root` is the folder that `path` is below."""

    event_day: str
    path: str
    sha256: bytes | None
    root: str = ""


def known_photos(connection: Connection) -> list[KnownPhoto]:
    """Every photo file of every event day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT event_day, p.path, sha256, r.path
            FROM photos p JOIN event_days USING (event_day) JOIN photo_roots r USING (root_id) ORDER BY 1, 2
            """
        )
        return [
            KnownPhoto(day, path, None if sha is None else bytes(sha), text_of(here(root)))
            for day, path, sha, root in cursor.fetchall()
        ]


def write_list(connection: Connection, made: TruthList, added_by: str) -> None:
    """Stores a list in place of the one of the same name; `added_by` is `command` or `folder`.

    Raises:
        FacefindError: another list has one of its rows.
    """
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM truth_lists WHERE source = %s", [made.source])
        cursor.execute(
            """
            SELECT t.person, t.source FROM truth t
            JOIN unnest(%s::text[], %s::bytea[]) AS new (person, sha256) USING (person, sha256) LIMIT 1
            """,
            [[row.person for row in made.rows], [row.sha256 for row in made.rows]],
        )
        for person, other in cursor.fetchall():
            raise FacefindError(
                f"{made.source}: {other} lists photos of {person!r} too: take them out of one of the two lists"
            )
        cursor.execute(
            "INSERT INTO truth_lists (source, content, days, added_by) VALUES (%s, %s, %s, %s)",
            [made.source, made.content, None if made.days is None else list(made.days), added_by],
        )
        cursor.executemany(
            "INSERT INTO truth (person, sha256, source, x, y, w, h, note) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (row.person, row.sha256, made.source, *(row.box or (None, None, None, None)), row.note)
                for row in made.rows
            ],
        )


def remove_lists(connection: Connection, keep: Collection[str]) -> None:
    """Removes lists that came from the folder and are there no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM truth_lists WHERE added_by = 'folder' AND NOT source = ANY(%s::text[])", [list(keep)]
        )


def lists(connection: Connection) -> list[tuple[str, int, int, tuple[str, ...] | None]]:
    """(source, people, rows, days) of every list."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT source, count(DISTINCT person), count(person), days
            FROM truth_lists LEFT JOIN truth USING (source) GROUP BY source ORDER BY source
            """
        )
        return [(source, people, rows, None if days is None else tuple(days)) for source, people, rows, days in cursor]


def truth_version(connection: Connection) -> str:
    """Data version of all truth."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT source, content FROM truth_lists ORDER BY source")
        return versions.hash_rows(cursor.fetchall())
