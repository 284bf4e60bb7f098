"""Columns of numpy arrays into PostgreSQL by binary COPY, for tables that get a hundred thousand rows at once.

A value by itself, as `binary_copy` encodes it, takes ten times as long.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import RawIOBase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.binary_copy import NULL, SIGNATURE, TRAILER

Bytes = npt.NDArray[np.uint8]


class Column(NamedTuple):
    """A field for each row: its length as PostgreSQL has it, and its value.

    Attributes:
        fields: (n, width), each from the left.
        sizes: (n,) bytes of each.
    """

    fields: Bytes
    sizes: npt.NDArray[np.integer]


class Texts:
    """Columns of text that hold some of these names."""

    def __init__(self, names: Sequence[str]) -> None:
        """Encodes them."""
        fields = [struct.pack(">i", len(name)) + name for name in map(str.encode, names)] + [NULL]
        self._sizes = np.array([len(field) for field in fields])
        self._fields = np.zeros((len(fields), self._sizes.max()), np.uint8)
        for row, field in zip(self._fields, fields, strict=True):
            row[: len(field)] = np.frombuffer(field, np.uint8)

    def column(self, numbers: npt.NDArray[np.integer]) -> Column:
        """Of each number (n,) the name; null for -1."""
        return Column(self._fields[numbers], self._sizes[numbers])


def fixed(values: npt.NDArray[np.generic], dtype: str, known: npt.NDArray[np.bool_] | None = None) -> Column:
    """Fields of one length.

    Args:
        values: (n,)
        dtype: as PostgreSQL has them: `>i4` for integer, `>f8` for double precision, `?` for boolean, `V16` for uuid.
        known: (n,) whether each is; null otherwise.
    """
    if known is not None and not known.any():
        return Column(np.tile(np.frombuffer(NULL, np.uint8), (len(values), 1)), np.full(len(values), len(NULL)))
    made = np.empty(len(values), [("length", ">i4"), ("value", dtype)])
    made["length"], made["value"] = np.dtype(dtype).itemsize, values
    sizes = np.full(len(values), made.itemsize)
    if known is not None:
        made["length"][~known], sizes[~known] = -1, len(NULL)
    return Column(made.view(np.uint8).reshape(len(values), made.itemsize), sizes)


def copy_columns(
    connection: Connection, table: str, columns: Sequence[str], batches: Iterable[Sequence[Column]]
) -> None:
    """Copies rows to a table, in the connection's transaction.

    The server stores a batch while a thread encodes the next.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), names)
    with connection.cursor() as cursor, ThreadPoolExecutor(1) as thread:
        cursor.copy_expert(statement, _Pieces(_encoded(len(columns), batches), thread))


def _encoded(columns: int, batches: Iterable[Sequence[Column]]) -> Iterator[bytes]:
    yield SIGNATURE
    for batch in batches:
        count = np.frombuffer(struct.pack(">h", columns), np.uint8)
        counts = Column(np.tile(count, (len(batch[0].sizes), 1)), np.full(len(batch[0].sizes), len(count)))
        rows = np.concatenate([column.fields for column in (counts, *batch)], axis=1)
        used = [np.arange(column.fields.shape[1]) < column.sizes[:, None] for column in (counts, *batch)]
        yield rows[np.concatenate(used, axis=1)].tobytes()
    yield TRAILER


class _Pieces(RawIOBase):
    """A file that is read piece by piece, each as long as it is: libpq takes any. The next is made meanwhile."""

    def __init__(self, pieces: Iterator[bytes], thread: ThreadPoolExecutor) -> None:
        self._pieces, self._thread = pieces, thread
        self._next = thread.submit(next, pieces, b"")

    def read(self, _size: int = -1, /) -> bytes:
        piece = self._next.result()
        if piece:
            self._next = self._thread.submit(next, self._pieces, b"")
        return piece
