"""A set's vectors out of its table, block by block, by binary COPY: for what has to look at every face.

A block is one array: 100,000 vectors take .3 s so, a tenth of what pgvector's own reading of one vector at a time does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.binary_copy import SIGNATURE, TRAILER
from facefind_pipeline.store.parameter_sets import RegisteredSet
from facefind_pipeline.store.queries import query


@dataclass(frozen=True, slots=True)
class Block:
    """Faces of some photos, with all that each of these has; by the photos' SHA-256, then by face key.

    Attributes:
        photos: (m,) SHA-256 of each photo.
        starts: (m,) number of the first face of each photo.
        face_keys: (n,) of 16 bytes.
        embedders: (n,) number of the fingerprint of each vector's embedder.
        vectors: (n, dimension), floats.
    """

    photos: npt.NDArray[np.void]
    starts: npt.NDArray[np.intp]
    face_keys: npt.NDArray[np.void]
    embedders: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float64]

    def photo_of(self, faces: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Numbers of the photos that faces are in, from those of the faces."""
        return np.searchsorted(self.starts, faces, side="right") - 1

    def faces_of(self, photo: int) -> slice:
        """The rows of a photo's faces."""
        last = self.starts[photo + 1] if photo + 1 < len(self.starts) else len(self.vectors)
        return slice(self.starts[photo], last)


class SetVectors:
    """All vectors of a set that came of some embedders; each iteration reads them again.

    They are in the same order each time, and in the same blocks while nobody writes to the table.
    """

    def __init__(self, connection: Connection, chosen: RegisteredSet, embedders: Sequence[str], size: int) -> None:
        """Looks where blocks begin.

        Args:
            connection: in a transaction whose snapshot is the same for all its statements, or with nobody else writing.
            chosen: the set.
            embedders: fingerprints; vectors of others are left out.
            size: faces in a block, and a few more where the last photo has more.
        """
        self._connection = connection
        self._chosen = chosen
        self._embedders = list(embedders)
        with connection.cursor() as cursor:
            cursor.execute(query("block_starts", table=sql.Identifier(chosen.table)), {"size": size})
            self._starts = [bytes(sha256) for (sha256,) in cursor.fetchall()]

    def __iter__(self) -> Iterator[Block]:
        """Each block in turn; those without a face are left out."""
        for start, end in pairwise([*self._starts, None]):
            rows = self._read(start, end)
            if len(rows):
                yield _block(rows)

    def _read(self, start: bytes | None, end: bytes | None) -> npt.NDArray[np.void]:
        statement = query("block_of_vectors", table=sql.Identifier(self._chosen.table))
        copied = BytesIO()
        with self._connection.cursor() as cursor:
            bound = cursor.mogrify(statement, {"start": start, "end": end, "embedders": self._embedders})
            cursor.copy_expert(bound, copied)
        rows = copied.getbuffer()[len(SIGNATURE) : -len(TRAILER)]
        return np.frombuffer(rows, _row(self._chosen.dimension))


def _row(dimension: int) -> np.dtype[np.void]:
    """A row of binary COPY: a number of fields, then each with its length before it; a vector begins with its own."""
    length = ">i4"
    return np.dtype(
        [
            ("fields", ">i2"),
            *(("sha256_length", length), ("sha256", "V32")),
            *(("face_key_length", length), ("face_key", "V16")),
            *(("embedder_length", length), ("embedder", ">i4")),
            *(("vector_length", length), ("dimension", ">i2"), ("unused", ">i2"), ("vector", ">f4", (dimension,))),
        ]
    )


def _block(rows: npt.NDArray[np.void]) -> Block:
    photos = np.ascontiguousarray(rows["sha256"])
    content = photos.view(np.uint64).reshape(len(rows), -1)
    starts = np.flatnonzero(np.append(True, (content[1:] != content[:-1]).any(axis=1)))
    return Block(
        photos[starts],
        starts,
        np.ascontiguousarray(rows["face_key"]),
        rows["embedder"].astype(np.int64),
        rows["vector"].astype(np.float64),
    )
