"""What the search for residue looks for: slices of deleted pictures and vectors, digests of them whole, and names."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.privacy.data_map import erasing
from facefind_pipeline.privacy.places import Kind
from facefind_pipeline.privacy.subject import SET, Subject
from facefind_pipeline.store.people import people

SLICE = 24  # bytes: what two pictures have in common by chance is shorter
# A flat part of a JPEG repeats the same few bytes in every picture that has one.
DISTINCT = 12
# A chunk of TOAST ends every 1,996 bytes: of three slices at most one is cut by such an end.
PARTS = (0.25, 0.5, 0.75)


@dataclass(slots=True)
class Needles:
    """What must be found nowhere; bytes in hex.

    Attributes:
        pictures: slices of deleted pictures, as they lie in files.
        vectors: slices of deleted vectors, of floats of 32 and of 16 bits, as they lie in files.
        digests: SHA-256 of whole pictures, and of vectors as PostgreSQL sends them.
        names: of people, as display names and keys.
        others: names and keys of people who stay, some of which have one of those in them.
    """

    pictures: list[str] = field(default_factory=list)
    vectors: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @property
    def spellings(self) -> list[str]:
        """Each name as it may be written: as it is, escaped in JSON, and in an address."""
        return spellings(self.names)

    @property
    def other_spellings(self) -> list[str]:
        """Likewise of those who stay, where one of the names that go is in it."""
        return [
            other
            for other in spellings(self.others)
            if other not in self.spellings and any(name in other for name in self.spellings)
        ]


def collect(connection: Connection, subject: Subject) -> Needles:
    """The needles of all that goes, read before it does.

    With a set goes none of what other sets have as well: the same face has the same vector in each.
    """
    names = {name for person in subject.persons for name in person}
    everybody = {name for person in people(connection) for name in (person.key, person.name)}
    needles = Needles(names=sorted(names), others=sorted(everybody - names) if names else [])
    kept = _kept(connection, subject) if subject.kind == SET else set()
    with connection.cursor("needles") as cursor:
        cursor.execute(_values("IS TRUE"), subject.values)
        for kind, value in cursor:
            if (digest := hashlib.sha256(value).hexdigest()) in kept:
                continue
            needles.digests.append(digest)
            if kind == Kind.PICTURE.name:
                needles.pictures += _slices(bytes(value))
            else:
                vector = np.frombuffer(value, ">f4", offset=4)
                needles.vectors += _slices(vector.astype("<f4").tobytes()) + _slices(vector.astype("<f2").tobytes())
    return needles


def spellings(names: Iterable[str]) -> list[str]:
    """Of names, longest first, so that a longer one is not cut by a shorter."""
    written = {form for name in names for form in (name, json.dumps(name)[1:-1], quote(name))}
    return sorted(written, key=lambda form: (-len(form), form))


def _kept(connection: Connection, subject: Subject) -> set[str]:
    """Digests of the pictures and vectors of which some go and others stay."""
    digests = "SELECT encode(sha256(value), 'hex') FROM ({}) found"
    with connection.cursor() as cursor:
        both = sql.SQL(f"{digests} INTERSECT {digests}").format(_values("IS TRUE"), _values("IS NOT TRUE"))
        cursor.execute(both, subject.values)
        return {digest for (digest,) in cursor.fetchall()}


def _values(goes: str) -> sql.Composed:
    """One query for pictures and vectors of all rows of which that they go `goes`; vectors as big-endian floats."""
    parts = []
    for table in erasing():
        for kind, value in ((Kind.PICTURE, "{}"), (Kind.VECTOR, "vector_send({})")):
            parts += [
                sql.SQL(
                    "SELECT {kind}, {value} AS value FROM {table} WHERE {column} IS NOT NULL AND ({erased}) {goes}"
                ).format(
                    kind=sql.Literal(kind.name),
                    value=sql.SQL(value).format(sql.Identifier(column)),
                    table=sql.Identifier(table.name),
                    column=sql.Identifier(column),
                    erased=sql.SQL(table.erased),
                    goes=sql.SQL(goes),
                )
                for column in table.of_kind(kind)
            ]
    return sql.SQL(" UNION ALL ").join(parts)


def _slices(value: bytes) -> list[str]:
    starts = (int(part * (len(value) - SLICE)) for part in PARTS) if len(value) >= SLICE else ()
    slices = (value[start : start + SLICE] for start in starts)
    return [part.hex() for part in dict.fromkeys(slices) if len(set(part)) >= DISTINCT]
