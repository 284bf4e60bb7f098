"""Rows into PostgreSQL by binary COPY (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format")."""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from pgvector import Vector
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
NULL = struct.pack(">i", -1)
FLOAT4_OID = 700


def _float4_array(value: Sequence[float]) -> bytes:
    body = b"".join(struct.pack(">if", 4, number) for number in value)
    return struct.pack(">iiiii", 1, 0, FLOAT4_OID, len(value), 1) + body


def _timestamp(value: datetime) -> bytes:
    return struct.pack(">q", (value - datetime(2000, 1, 1)) // timedelta(microseconds=1))


ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "text": str.encode,
    "bytea": bytes,
    "uuid": lambda value: UUID(str(value)).bytes,
    "smallint": struct.Struct(">h").pack,
    "integer": struct.Struct(">i").pack,
    "bigint": struct.Struct(">q").pack,
    "double precision": struct.Struct(">d").pack,
    "timestamp": _timestamp,
    "real": struct.Struct(">f").pack,
    "real[]": _float4_array,
    "vector": lambda value: Vector(value).to_binary(),
}


def fields_of_row(copied: memoryview) -> list[memoryview]:
    """The fields of the only row of a binary COPY from PostgreSQL, none of which is null."""
    place = len(SIGNATURE)
    (count,) = struct.unpack_from(">h", copied, place)
    place += 2
    fields = []
    for _ in range(count):
        (length,) = struct.unpack_from(">i", copied, place)
        fields.append(copied[place + 4 : place + 4 + length])
        place += 4 + length
    return fields


def insert(
    connection: Connection,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[Sequence[Any]],
    on_conflict: str = "DO NOTHING",
    *,
    order: Sequence[str],
) -> int:
    """Copies rows to a temporary table and inserts them from there, in the connection's transaction.

    The temporary table stays with the connection: to make one takes the server as long as its rows.

    Args:
        connection: in a transaction or about to begin one.
        table: that gets the rows.
        columns: name and type of each column, in the rows' order; types are the keys of `ENCODERS`.
        rows: values by column; None is null.
        on_conflict: what follows ON CONFLICT.
        order: columns to insert by. Two transactions that insert the same rows in different orders wait for each other.

    Returns:
        The number of rows inserted or updated.
    """
    encoders = [ENCODERS[kind] for kind in columns.values()]
    buffer = BytesIO()
    buffer.write(SIGNATURE)
    for row in rows:
        buffer.write(struct.pack(">h", len(encoders)))
        for encode, value in zip(encoders, row, strict=True):
            if value is None:
                buffer.write(NULL)
            else:
                encoded = encode(value)
                buffer.write(struct.pack(">i", len(encoded)))
                buffer.write(encoded)
    buffer.write(TRAILER)
    buffer.seek(0)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    loaded = sql.Identifier(f"loaded_{table}"[:63])
    target = sql.Identifier(table)
    types = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns.items()
    )
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} ({}) ON COMMIT DELETE ROWS").format(loaded, types))
        cursor.copy_expert(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(loaded, names), buffer)
        cursor.execute(
            sql.SQL("INSERT INTO {} ({names}) SELECT {names} FROM {} ORDER BY {} ON CONFLICT {}").format(
                target, loaded, sql.SQL(", ").join(map(sql.Identifier, order)), sql.SQL(on_conflict), names=names
            )
        )
        inserted: int = cursor.rowcount
        cursor.execute(sql.SQL("DELETE FROM {}").format(loaded))  # the transaction may insert more
    return inserted
