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
    """A photo that shows a person.

    Attributes:
        person: their key.
        sha256: the photo's.
        box: of their face, x y w h in upright pixels, where the list gives it.
        note: for the reader.
        leave_out: whether the photo is left out of the person's ranking; None: only where a reference was cut from it.
    """

    person: str
    sha256: bytes
    box: Box | None = None
    note: str | None = None
    leave_out: bool | None = None


@dataclass(frozen=True, slots=True)
class TruthList:
    """The rows of one file.

    Attributes:
        source: the file's name.
        rows: each person and photo once.
        days: event days that the list covers: there it names every photo of its people. None is all.
        unlabelled_left_out: whether photos that no list names are left out of its people's rankings, where they would
            count as wrong.
    """

    source: str
    rows: Sequence[TruthRow]
    days: tuple[str, ...] | None = None
    unlabelled_left_out: bool = False

    @property
    def content(self) -> str:
        """Hash of all that the list says."""
        rows = sorted(
            (row.person, row.sha256.hex(), row.box or (), row.note or "", str(row.leave_out)) for row in self.rows
        )
        return versions.hash_rows([self.days or ("all",), (self.unlabelled_left_out,), *rows])


LIST_COLUMNS = ("list", "people", "photos", "left_out", "days", "unlabelled")


class StoredList(NamedTuple):
    """What is stored of a list.

    Attributes:
        source: the file's name.
        people: how many people it names.
        photos: rows that say that a photo shows a person, and how many leave one out.
        left_out: see `photos`.
        days: event days that it covers; None is all.
        unlabelled_left_out: as in `TruthList`.
    """

    source: str
    people: int
    photos: int
    left_out: int
    days: tuple[str, ...] | None
    unlabelled_left_out: bool

    @property
    def row(self) -> dict[str, object]:
        """Under `LIST_COLUMNS`, for tables and programs."""
        days = "all" if self.days is None else ", ".join(self.days)
        unlabelled = "left out" if self.unlabelled_left_out else "wrong"
        values = (self.source, self.people, self.photos, self.left_out, days, unlabelled)
        return dict(zip(LIST_COLUMNS, values, strict=True))


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


def photos_with(connection: Connection, contents: Collection[bytes]) -> dict[bytes, KnownPhoto]:
    """A file of each of these contents, by SHA-256, in a day that is there if one is."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT ON (sha256) sha256, event_day, p.path, r.path
            FROM photos p JOIN event_days USING (event_day) JOIN photo_roots r USING (root_id)
            WHERE sha256 = ANY(%s) ORDER BY sha256, available DESC, event_day, p.path
            """,
            [list(contents)],
        )
        return {
            bytes(sha): KnownPhoto(day, path, bytes(sha), text_of(here(root)))
            for sha, day, path, root in cursor.fetchall()
        }


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
            """
            INSERT INTO truth_lists (source, content, days, unlabelled_left_out, added_by) VALUES (%s, %s, %s, %s, %s)
            """,
            [
                *(made.source, made.content, None if made.days is None else list(made.days)),
                *(made.unlabelled_left_out, added_by),
            ],
        )
        cursor.executemany(
            """
            INSERT INTO truth (person, sha256, source, x, y, w, h, note, leave_out)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (row.person, row.sha256, made.source, *(row.box or (None, None, None, None)), row.note, row.leave_out)
                for row in made.rows
            ],
        )


def remove_lists(connection: Connection, keep: Collection[str]) -> None:
    """Removes lists that came from the folder and are there no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM truth_lists WHERE added_by = 'folder' AND NOT source = ANY(%s::text[])", [list(keep)]
        )


def lists(connection: Connection) -> list[StoredList]:
    """Every list."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT source, count(DISTINCT person), count(person) FILTER (WHERE leave_out IS NOT TRUE),
                   count(*) FILTER (WHERE leave_out), days, unlabelled_left_out
            FROM truth_lists LEFT JOIN truth USING (source) GROUP BY source ORDER BY source
            """
        )
        return [
            StoredList(source, people, photos, left_out, None if days is None else tuple(days), unlabelled_left_out)
            for source, people, photos, left_out, days, unlabelled_left_out in cursor
        ]


def truth_version(connection: Connection) -> str:
    """Data version of all truth."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT source, content FROM truth_lists ORDER BY source")
        return versions.hash_rows(cursor.fetchall())
