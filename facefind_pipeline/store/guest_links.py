"""Links that open one person's photos: made, opened by their token and a PIN, closed. Neither is kept itself."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.store.people import Person

# Then the link answers nobody: of a million PINs ten are guessed by one in 100,000. `results.is_right_pin` has it, too.
MOST_WRONG_PINS = 10
PIN_DIGITS = 6
# 16 MB and some 50 ms for each guess, the parameters that RFC 7914 gives for logins.
_N, _R, _P = 2**14, 8, 1


class State(Enum):
    """Whether a link opens."""

    OPEN = "open"
    EXPIRED = "expired"
    CLOSED = "closed"
    GUESSED = "closed after too many wrong PINs"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that was made; only here are its token and PIN known.

    Attributes:
        token: 256 random bits in URL-safe characters.
        pin: digits; None where the link needs none.
    """

    number: int
    token: str
    pin: str | None


@dataclass(frozen=True, slots=True)
class Link:
    """A link.

    Attributes:
        number: by which the host names it.
        has_pin: whether it needs one.
        pins_left: wrong ones that may still be given.
    """

    number: int
    person: Person
    state: State
    has_pin: bool
    pins_left: int
    made_by: str
    made_at: datetime
    expires_at: datetime


_COLUMNS = """
    link, person, display_name, closed_at IS NOT NULL, wrong_pins, expires_at <= clock_timestamp(),
    pin_salt IS NOT NULL, made_by, made_at, expires_at
"""


def make(connection: Connection, person: Person, expires_at: datetime, author: str, *, with_pin: bool) -> NewLink:
    """Makes a link that opens a person's photos until a time; with time zone."""
    token = secrets.token_urlsafe(32)
    pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}" if with_pin else None
    salt = secrets.token_bytes(16) if with_pin else None
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO guest_links (person, token_hash, pin_salt, pin_hash, made_by, expires_at)
            VALUES (%s, %s, %s, %s, %s, %s) RETURNING link
            """,
            [person.key, _token_hash(token), salt, pin and salt and _pin_hash(pin, salt), author, expires_at],
        )
        (number,) = cursor.fetchone() or (0,)
    return NewLink(number, token, pin)


def address(base: str, token: str) -> str:
    """What opens a link: below the address of guests' pages, which ends with a slash."""
    return f"{base}l/{token}"


def by_token(connection: Connection, token: str) -> Link | None:
    """The link of a token; None where there is none."""
    found = _links(connection, "WHERE token_hash = %s", _token_hash(token))
    return found[0] if found else None


def by_number(connection: Connection, number: int) -> Link | None:
    """The link of a number; None where there is none, or it was of a person who is gone."""
    found = _links(connection, "WHERE link = %s", number)
    return found[0] if found else None


def links(connection: Connection) -> list[Link]:
    """All of them, in the order in which they were made."""
    return _links(connection, "")


def is_right_pin(connection: Connection, link: Link, pin: str) -> bool:
    """Whether a PIN is the link's. A wrong one is counted, and no more than ten are compared however many come at once.

    The transaction is committed, so that the count stays whatever follows.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pin_salt FROM guest_links WHERE link = %s", [link.number])
        (salt,) = cursor.fetchone() or (None,)
        if salt is None:
            return False
        cursor.execute("SELECT results.is_right_pin(%s, %s)", [link.number, _pin_hash(pin, bytes(salt))])
        (right,) = cursor.fetchone() or (False,)
        connection.commit()
    return bool(right)


def close(connection: Connection, number: int) -> bool:
    """Takes a link back; whether it was there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE guest_links SET closed_at = coalesce(closed_at, clock_timestamp()) WHERE link = %s", [number]
        )
        return cursor.rowcount > 0


def _links(connection: Connection, where: str, *values: object) -> list[Link]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM guest_links JOIN people USING (person) {where} ORDER BY link",  # noqa: S608
            values,
        )
        return [_link(*row) for row in cursor.fetchall()]


def _link(
    number: int,
    person: str,
    name: str,
    closed: bool,
    wrong_pins: int,
    expired: bool,
    has_pin: bool,
    made_by: str,
    made_at: datetime,
    expires_at: datetime,
) -> Link:
    left = MOST_WRONG_PINS - wrong_pins
    state = State.CLOSED if closed else State.EXPIRED if expired else State.OPEN if left > 0 else State.GUESSED
    return Link(number, Person(person, name), state, has_pin, left, made_by, made_at, expires_at)


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _pin_hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_N, r=_R, p=_P)
