"""Which process serves a home, with `facefind dev` or `serve`: it holds a lock there for as long as it lives."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facefind_pipeline.errors import FacefindError

DEV, SERVE = COMMANDS = ("dev", "serve")


@contextmanager
def hold(home: Path, command: str) -> Iterator[None]:
    """Marks this process as the one that serves the home with that command.

    The mark goes with the process, however that ends.

    Raises:
        FacefindError: another process serves it.
    """
    with os.fdopen(os.open(_file(home, command), os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FacefindError(
                f"`facefind {command}` serves {home} already, as process {lock.read()}: open the address that it "
                "printed"
            ) from None
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def holder(home: Path, command: str) -> str | None:
    """The number of the process that serves the home with that command, if one does."""
    try:
        with _file(home, command).open(encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read()
    except FileNotFoundError:
        pass
    return None


def _file(home: Path, command: str) -> Path:
    return home / f"{command}.lock"
