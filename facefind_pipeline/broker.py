"""The address of the broker that several hosts share, from the environment or from a file that others can't read."""

import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

from facefind_pipeline.errors import FacefindError

FILE = "broker"  # in the home
SCHEMES = ("redis", "rediss", "amqp", "amqps")


def address(variable: str | None, home: Path) -> str | None:
    """The broker's URL, or None where runs stay on this machine.

    Args:
        variable: value of FACEFIND_BROKER_URL.
        home: in whose file `broker` it is looked for otherwise.

    Raises:
        FacefindError: others can read that file, or it is no URL with a password; the message does not quote it.
    """
    url = variable or _read(home / FILE)
    if url:
        _check(url)
    return url or None


def shown(url: str) -> str:
    """The address for people: without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            found = os.fstat(opened.fileno())
            if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.geteuid():
                raise FacefindError(f"{file} holds a password that others can read: chmod 600 it, and own it yourself")
            return opened.read().strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise FacefindError(f"{file} can't be read: {error}") from None


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        complete = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise FacefindError(
            "FACEFIND_BROKER_URL can't be read: redis://:PASSWORD@HOST:6379/0 or amqp://USER:PASSWORD@HOST:5672//, "
            "special characters as %XX"
        )
    if not parts.password:
        raise FacefindError(
            "FACEFIND_BROKER_URL has no password: whoever reaches the broker would choose what workers do; set "
            "`requirepass` in redis.conf and give redis://:PASSWORD@HOST:6379/0"
        )
