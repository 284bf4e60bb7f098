"""Columns of numpy arrays into PostgreSQL by binary COPY, for tables that get a hundred thousand rows at once.

A value by itself, as `binary_copy` encodes it, takes five times as long.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from io import RawIOBase
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.binary_copy import NULL, SIGNATURE, TRAILER

Column = Sequence[bytes]  # a field for each row, with its length before it


def fixed(values: npt.NDArray[np.generic], dtype: str, known: npt.NDArray[np.bool_] | None = None) -> Column:
    """Fields of one length.

    Args:
        values: (n,)
        dtype: as PostgreSQL has them: `>i4` for integer, `>f8` for double precision, `?` for boolean, `V16` for uuid.
        known: (n,) whether each is; null otherwise.
    """
    made = np.empty(len(values), [("length", ">i4"), ("value", dtype)])
    made["length"], made["value"] = np.dtype(dtype).itemsize, values
    fields: list[bytes] = made.view(f"V{made.itemsize}").tolist()
    for row in [] if known is None else np.flatnonzero(~known):
        fields[row] = NULL
    return fields


def texts(names: Sequence[str], numbers: npt.NDArray[np.integer]) -> Column:
    """Fields of text: of each number (n,) the name; null for those below 0."""
    encoded = [name.encode() for name in names]
    fields = [struct.pack(">i", len(name)) + name for name in encoded]
    return [fields[number] if number >= 0 else NULL for number in numbers.tolist()]


def copy_columns(
    connection: Connection, table: str, columns: Sequence[str], batches: Iterable[Sequence[Column]]
) -> None:
    """Copies rows to a table, in the connection's transaction. The server stores a batch while the next is encoded."""
    with connection.cursor() as cursor:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), names)
        cursor.copy_expert(statement, _Pieces(_encoded(len(columns), batches)))


def _encoded(columns: int, batches: Iterable[Sequence[Column]]) -> Iterator[bytes]:
    yield SIGNATURE
    for batch in batches:
        yield b"".join(chain.from_iterable(zip(repeat(struct.pack(">h", columns)), *batch, strict=False)))
    yield TRAILER


class _Pieces(RawIOBase):
    """A file that is read piece by piece, each as long as it is: libpq takes any."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int = -1, /) -> bytes:
        return next(self._pieces, b"")
