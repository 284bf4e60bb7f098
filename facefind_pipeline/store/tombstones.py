"""What was forgotten, known again by keyed hashes: photos, places of faces in photos, references, names.

The key lies in the home and never in the tables. No vector is kept to recognise anybody by: what was forgotten is known
by its exact content, and a face by its photo's content and its place there, so that any detector's box is known.
"""

import hashlib
import hmac
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import execute_values

from facefind_pipeline import home as homes
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.faces import Box
from facefind_pipeline.store.groups import FacePlace

KEY_FILE = "forgotten-key"
# Detectors draw boxes of other sizes around one face: of the smaller one at least so much lies in the other.
SHARED = 0.5


@dataclass(frozen=True, slots=True)
class Forgotten:
    """When something was forgotten, and by which forgetting."""

    forgetting: int
    on: date

    @property
    def text(self) -> str:
        """For messages: when, and how it may be read again."""
        return f"was forgotten on {self.on}: `facefind forget --lift {self.forgetting}` lets it be read again"


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Those of the tables, read with the key of a home.

    Every method raises FacefindError where there are any and the home lacks their key: to go on would bring back what
    was forgotten.

    Attributes:
        home: that has the key.
    """

    home: Path

    def photos(self, connection: Connection, contents: Collection[bytes]) -> dict[bytes, Forgotten]:
        """Which of these photos, by SHA-256, were forgotten."""
        return self._found(connection, "photo", contents)

    def references(self, connection: Connection, contents: Collection[bytes]) -> dict[bytes, Forgotten]:
        """Which of these reference photos, by SHA-256, were forgotten."""
        return self._found(connection, "reference", contents)

    def names(self, connection: Connection, persons: Collection[str]) -> dict[str, Forgotten]:
        """Which of these people, by key, were forgotten."""
        found = self._found(connection, "name", [person.encode() for person in persons])
        return {person.decode(): forgotten for person, forgotten in found.items()}

    def faces(self, connection: Connection, photos: Collection[bytes]) -> Mapping[bytes, Sequence[Box]]:
        """Where faces were forgotten in these photos, by SHA-256."""
        by_digest = self._digests(connection, "face", photos)
        places: dict[bytes, list[Box]] = defaultdict(list)
        if by_digest:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT digest, x, y, w, h FROM tombstones WHERE kind = 'face' AND digest = ANY(%s)",
                    [list(by_digest)],
                )
                for digest, *box in cursor.fetchall():
                    places[by_digest[bytes(digest)]].append(Box(*box))
        return places

    def refusal(self, connection: Connection, person: str, name: str, reference: bytes | None = None) -> str | None:
        """Why nobody of that key is to be looked for, or not by that reference; None where nothing was forgotten."""
        if forgotten := self.names(connection, [person]).get(person):
            return f"{name} {forgotten.text}"
        if reference is not None and (forgotten := self.references(connection, [reference]).get(reference)):
            return f"this picture of {name} {forgotten.text}"
        return None

    def add(
        self,
        connection: Connection,
        forgetting: int,
        *,
        photos: Iterable[bytes] = (),
        faces: Iterable[FacePlace] = (),
        references: Iterable[bytes] = (),
        persons: Iterable[str] = (),
    ) -> None:
        """Remembers what must not come back; the home's key is made where it has none."""
        key = self._key(connection) or self._make_key(connection)
        nowhere = (0, 0, 0, 0)
        rows = [("photo", _digest(key, "photo", one), *nowhere) for one in photos]
        rows += [("face", _digest(key, "face", one.sha256), *one.box) for one in faces]
        rows += [("reference", _digest(key, "reference", one), *nowhere) for one in references]
        rows += [("name", _digest(key, "name", one.encode()), *nowhere) for one in persons]
        with connection.cursor() as cursor:
            execute_values(
                cursor,
                "INSERT INTO tombstones (kind, digest, x, y, w, h, forgetting) VALUES %s ON CONFLICT DO NOTHING",
                [(*row, forgetting) for row in rows],
            )

    def lift(self, connection: Connection, forgetting: int) -> tuple[int, list[bytes]]:
        """Lets what one forgetting forgot be read again.

        Returns:
            How many tombstones that were, and the stored photos in which faces were left out, by SHA-256: these have
            to be looked at again.
        """
        with connection.cursor() as cursor:
            cursor.execute("SELECT digest FROM tombstones WHERE kind = 'face' AND forgetting = %s", [forgetting])
            faces = {bytes(digest) for (digest,) in cursor.fetchall()}
            cursor.execute("DELETE FROM tombstones WHERE forgetting = %s", [forgetting])
            lifted: int = cursor.rowcount
            # So that the files are read at the next look, though they did not change.
            cursor.execute("DELETE FROM photos WHERE sha256 IS NULL AND problem LIKE 'was forgotten on %'")
            cursor.execute("SELECT DISTINCT sha256 FROM photos WHERE sha256 IS NOT NULL")
            stored = self._digests(connection, "face", [sha256 for (sha256,) in cursor.fetchall()]) if faces else {}
        return lifted, [photo for digest, photo in stored.items() if digest in faces]

    def _found(self, connection: Connection, kind: str, contents: Collection[bytes]) -> dict[bytes, Forgotten]:
        by_digest = self._digests(connection, kind, contents)
        if not by_digest:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT digest, forgetting, begun_at::date FROM tombstones JOIN forgettings USING (forgetting)
                WHERE tombstones.kind = %s AND digest = ANY(%s)
                """,
                [kind, list(by_digest)],
            )
            return {by_digest[bytes(digest)]: Forgotten(number, on) for digest, number, on in cursor.fetchall()}

    def _digests(self, connection: Connection, kind: str, contents: Collection[bytes]) -> dict[bytes, bytes]:
        """Digest -> content; nothing where nothing was ever forgotten."""
        key = self._key(connection) if contents else None
        return {} if key is None else {_digest(key, kind, content): content for content in contents}

    def _key(self, connection: Connection) -> bytes | None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT check_value FROM tombstone_key")
            row = cursor.fetchone()
        if row is None:
            return None
        key = self._read_key()
        if key is None or not hmac.compare_digest(_digest(key, "check", b""), bytes(row[0])):
            raise FacefindError(
                f"something was forgotten with a key that {self.home / KEY_FILE} does not hold: copy that file from "
                "the home in which `facefind forget` ran, or what was forgotten would come back"
            )
        return key

    def _read_key(self) -> bytes | None:
        try:
            return bytes.fromhex((self.home / KEY_FILE).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _make_key(self, connection: Connection) -> bytes:
        """The file comes first: a process that is killed now finds it again."""
        key = self._read_key()
        if key is None:
            key = os.urandom(32)
            homes.write_private(self.home / KEY_FILE, key.hex())
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO tombstone_key (check_value) VALUES (%s)", [_digest(key, "check", b"")])
        return key


def is_covered(box: Box, places: Iterable[Box]) -> bool:
    """Whether a face is one of those that were at these places."""
    return any(_shared(box, place) >= SHARED for place in places)


def _shared(one: Box, other: Box) -> float:
    """The part of the smaller box that lies in the other, from 0 to 1."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    return max(0, width) * max(0, height) / min(one.w * one.h, other.w * other.h)


def _digest(key: bytes, kind: str, content: bytes) -> bytes:
    return hmac.new(key, kind.encode() + b"\0" + content, hashlib.sha256).digest()


@dataclass(frozen=True, slots=True)
class PastForgetting:
    """One that was asked for; `ended` is None while it is not done, and `kept_out` counts its tombstones."""

    number: int
    kind: str
    begun: datetime
    ended: datetime | None
    kept_out: int
    receipt: Mapping[str, object] | None

    def row(self) -> dict[str, object]:
        """For people."""
        ended = self.ended.isoformat(" ", "seconds") if self.ended else "not yet: `facefind forget` resumes it"
        begun = self.begun.isoformat(" ", "seconds")
        return {
            "number": self.number,
            "forgotten": self.kind,
            "begun": begun,
            "ended": ended,
            "kept out": f"{self.kept_out:,}",
        }

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "forgetting": self.number,
            "kind": self.kind,
            "begun": self.begun.isoformat(),
            "ended": self.ended and self.ended.isoformat(),
            "tombstones": self.kept_out,
            "receipt": self.receipt,
        }


def forgettings(connection: Connection) -> list[PastForgetting]:
    """All that was asked for, the newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT forgetting, kind, begun_at, ended_at,
                   (SELECT count(*) FROM tombstones t WHERE t.forgetting = f.forgetting), receipt
            FROM forgettings f ORDER BY forgetting DESC
            """
        )
        return [PastForgetting(*row) for row in cursor.fetchall()]
