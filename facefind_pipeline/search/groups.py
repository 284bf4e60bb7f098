"""Everyone at the event: puts a set's faces into groups of one person each, without any reference, and stores them.

How that is done is in `grouping`, what people said of groups in `said_groups`; `docs/groups.md` has what it reaches.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import execute_values

from facefind_pipeline.faces import Box
from facefind_pipeline.plan.due import is_current, would_be_made_from
from facefind_pipeline.plan.recipes import GROUPING
from facefind_pipeline.search.distances import on_grid
from facefind_pipeline.search.group_ids import group_ids
from facefind_pipeline.search.group_listing import SHOWN, Group, list_groups
from facefind_pipeline.search.grouping import SetFaces, group
from facefind_pipeline.search.priors import prior_of
from facefind_pipeline.search.said_groups import Said, faces_said
from facefind_pipeline.store import groups, parameter_sets, versions
from facefind_pipeline.store.binary_columns import Column, Texts, copy_columns, fixed
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import made_version, record_made, set_version
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query
from facefind_pipeline.store.vectors import SetVectors

if TYPE_CHECKING:
    import pandas as pd

Numbers = npt.NDArray[np.int64]

BLOCK, BATCH = 8_192, 1_000  # faces that are read, rows that are written at once
TABLE = 100  # groups


@dataclass(frozen=True, slots=True)
class _Stored:
    """A set's faces, and what they are known by.

    Attributes:
        faces: by the SHA-256 of their photos, then by face key.
        contents: (n,) SHA-256 of each face's photo.
        face_keys: (n,) of 16 bytes.
    """

    faces: SetFaces
    contents: npt.NDArray[np.void]
    face_keys: npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Grouped:
    """A set's groups after a refresh.

    Attributes:
        version: data version.
        faces: in all groups, those of a single face among them.
        groups: how many.
        shown: those that people see, the largest first.
    """

    version: str
    faces: int
    groups: int
    shown: Sequence[Group]


def refresh_groups(database: Database, key: str) -> Grouped:
    """Brings a set's groups up to its faces and what people said of them."""
    with database.lock("face_groups", key), database.connect() as connection:
        connection.set_session(isolation_level="REPEATABLE READ")  # one snapshot, as for results
        if not is_current(connection, "face_groups", key):
            _refresh(connection, parameter_sets.find(connection, key))
        version = made_version(connection, "face_groups", key)
        assert version is not None  # the refresh recorded it
        everyone = list_groups(connection, key, least=1)
        shown = [group for group in everyone if group.faces >= SHOWN or group.named]
        return Grouped(version, sum(group.faces for group in everyone), len(everyone), shown)


def groups_table(shown: Sequence[Group]) -> "pd.DataFrame":
    """One row for each of the largest groups: `group`, `person`, `faces` and `photos`."""
    import pandas as pd

    rows = [(group.id, group.name or "", group.faces, group.photos) for group in shown[:TABLE]]
    return pd.DataFrame(rows, columns=["group", "person", "faces", "photos"])


def _refresh(connection: Connection, chosen: RegisteredSet) -> None:
    made_from = would_be_made_from(connection, "face_groups", chosen.key)
    rows = [(GROUPING, set_version(connection, chosen.key), groups.statements_version(connection))]
    stored = _read_faces(connection, chosen)
    boxes = [Box(*box) for box in stored.faces.boxes.tolist()]
    said = faces_said(groups.statements(connection), stored.contents.tolist(), boxes)
    labels = group(stored.faces, said, prior_of(chosen.key), chosen.metric)
    before, named = groups.stored_groups(connection, chosen.key), groups.named_groups(connection, chosen.key)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM face_groups WHERE parameter_set = %s", [chosen.key])
    _write(connection, chosen.key, stored, labels, said, before, named)
    record_made(connection, "face_groups", chosen.key, made_from, versions.hash_rows(rows))


def _read_faces(connection: Connection, chosen: RegisteredSet) -> _Stored:
    embedder = chosen.embedder_fingerprint or ""
    blocks = list(SetVectors(connection, chosen, [embedder], BLOCK))
    with connection.cursor() as cursor:
        cursor.execute(query("grouped_faces", table=sql.Identifier(chosen.table)), {"embedder": embedder})
        rows = np.array(cursor.fetchall(), np.float64).reshape(-1, 5)
    starts = np.cumsum([0, *(len(block.photos) for block in blocks)])
    photos, contents, keys = [np.zeros(0, np.int64)], [np.zeros(0, "V32")], [np.zeros(0, "V16")]
    vectors = [np.zeros((0, chosen.dimension))]
    for start, block in zip(starts, blocks, strict=False):
        of_faces = block.photo_of(np.arange(len(block.vectors)))
        photos.append(start + of_faces)
        contents.append(block.photos[of_faces])
        keys.append(block.face_keys)
        vectors.append(on_grid(block.vectors, chosen.metric))
    faces = SetFaces(np.concatenate(photos), np.concatenate(vectors), rows[:, :4].astype(np.int64), rows[:, 4])
    return _Stored(faces, np.concatenate(contents), np.concatenate(keys))


def ranks(faces: SetFaces, labels: Numbers) -> Numbers:
    """(n,) the place of each face in its group, from 1: those nearest to its mean first, and small ones last."""
    _, numbers, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(sizes), faces.vectors.shape[1]))
    np.add.at(means, numbers, faces.vectors)
    means /= sizes[:, None]
    apart = faces.vectors - means[numbers]
    widths = faces.boxes[:, 2]
    starts = np.cumsum(sizes) - sizes
    middle = widths[np.lexsort((widths, numbers))][starts + sizes // 2]
    order = np.lexsort((np.einsum("ij,ij->i", apart, apart), 2 * widths < middle[numbers], numbers))
    made = np.empty(len(labels), np.int64)
    made[order] = np.arange(len(order)) - np.repeat(starts, sizes) + 1
    return made


def _write(
    connection: Connection,
    key: str,
    stored: _Stored,
    labels: Numbers,
    said: Said,
    before: Mapping[bytes, str],
    named: Mapping[str, str],
) -> None:
    """The set's groups, of which none is stored; `before` has the ids by face, and `named` the people by id."""
    firsts, numbers = np.unique(labels, return_inverse=True)
    members: list[list[bytes]] = [[] for _ in firsts]
    persons: list[str | None] = [None for _ in firsts]
    for face, number in enumerate(numbers.tolist()):
        members[number].append(stored.face_keys[face].tobytes())
        persons[number] = persons[number] or said.named.get(face)
    of_people = {person: number for number, person in enumerate(persons) if person is not None}
    ids = group_ids(members, before, {id_: of_people[person] for id_, person in named.items() if person in of_people})
    with connection.cursor() as cursor:
        execute_values(
            cursor,
            "INSERT INTO face_groups (parameter_set, face_group, person) VALUES %s",
            [(key, id_, person) for id_, person in zip(ids, persons, strict=True)],
            page_size=BATCH,
        )
    set_texts, id_texts, places = Texts([key]), Texts(ids), ranks(stored.faces, labels)

    def batches() -> Iterator[Sequence[Column]]:
        for start in range(0, len(numbers), BATCH):
            some = slice(start, start + BATCH)
            yield (
                set_texts.column(np.zeros(len(numbers[some]), np.intp)),
                id_texts.column(numbers[some]),
                fixed(places[some], ">i4"),
                fixed(stored.contents[some], "V32"),
                fixed(stored.face_keys[some], "V16"),
            )

    copy_columns(connection, "group_faces", ("parameter_set", "face_group", "rank", "sha256", "face_key"), batches())
