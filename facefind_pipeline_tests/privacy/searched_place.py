"""A home with a server of its own, searched for bytes by other means than the product's: plain bytes in plain files."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg2

from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.store.rows import table

Needles = dict[str, list[bytes]]


@dataclass(frozen=True)
class Place:
    """A home with a server of its own, and photos."""

    settings: Settings
    database: Database
    photos: Path
    reference: Path

    def files(self) -> Iterator[tuple[Path, bytes]]:
        """All files of the home and the server, but models and what the user keeps or wrote just now."""
        assert self.database.data is not None
        home = self.settings.home
        for folder in {home, self.database.data.parent}:
            for file in sorted(folder.rglob("*")):
                skipped = {"models", "derived", "cache", "binaries"} & set(file.relative_to(folder).parts[:1])
                if file.is_file() and not skipped:
                    yield file, file.read_bytes()

    def tables(self, *urls: str) -> dict[str, bytes]:
        """All tables of both databases, or of these, as text by name, pictures and vectors in hex."""
        texts = {}
        for url in urls or (self.database.url, self.database.dagster_url):
            with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
                for (name,) in cursor.fetchall():
                    cursor.execute(f'SELECT t::text FROM "{name}" t')
                    texts[name] = "\n".join(row for (row,) in cursor.fetchall()).encode()
                cursor.execute("CHECKPOINT")
        return texts

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """The rows of a statement."""
        with self.database.connect() as connection:
            return table(connection, statement)

    def shown(self, file: Path) -> str:
        """A file of our own tables and indexes with its name there, any other by its path."""
        if file.parent.parent.name != "base" or not file.name.isdecimal():
            return str(file)
        found = self.ask(f"SELECT relname FROM pg_class WHERE pg_relation_filenode(oid) = {file.name}")
        return " ".join([str(file), *(str(name) for (name,) in found)])

    def names(self, name: str) -> bool:
        """Whether the name is in our own tables or in a file of the home; Dagster's record is left out."""
        assert self.database.data is not None
        contents = [content for file, content in self.files() if not file.is_relative_to(self.database.data)]
        return any(name.encode() in content for content in (*contents, *self.tables(self.database.url).values()))

    def crops(self, faces: str) -> list[bytes]:
        """Of each crop of the faces whose keys the statement `faces` gives a part."""
        crops = self.ask(f"SELECT thumbnail FROM detected_faces WHERE thumbnail <> '' AND face_key IN ({faces})")
        return [crop[len(crop) // 2 :][:40] for (crop,) in ((bytes(one),) for (one,) in crops)]  # type: ignore[call-overload]

    def vectors(self, vectors: str) -> list[bytes]:
        """Of each vector that the statement gives as `embedding` a part, as it lies in files and as it is written."""
        found = self.ask(f"SELECT vector_send(embedding), embedding::text FROM ({vectors}) found")
        sent = [np.frombuffer(bytes(one), ">f4", offset=4) for one, _ in found]  # type: ignore[call-overload]
        stored = [one.astype("<f4")[20:30].tobytes() for one in sent]
        return [*stored, *(str(text)[1:60].encode() for _, text in found)]


def found(place: Place, needles: Needles) -> dict[str, Sequence[str]]:
    """Kind of needle -> where it is: files, by what is in them or in their names; tables, as a dump has them."""
    tables = place.tables()
    files = list(place.files())
    return {
        kind: [place.shown(file) for file, content in files if any(one in content for one in ones)]
        + [f"{kind} in the name of {file}" for file, _ in files if any(one in bytes(file) for one in ones)]
        + [
            f"table {name}"
            for name, text in tables.items()
            if any(one in text or one.hex().encode() in text for one in ones)
        ]
        for kind, ones in needles.items()
    }
