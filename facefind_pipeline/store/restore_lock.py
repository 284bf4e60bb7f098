"""The lock on a home while a backup is restored into it: no command makes a database of that home meanwhile."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facefind_pipeline.errors import FacefindError


@contextmanager
def hold(home: Path) -> Iterator[None]:
    """Holds the lock of a home that is there; it goes with the process, however that ends.

    Raises:
        FacefindError: another restore holds it.
    """
    with os.fdopen(os.open(_file(home), os.O_RDWR | os.O_CREAT, 0o600), "r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _at_work(home) from None
        yield


def require_free(home: Path) -> None:
    """Refuses a home into which a backup is being restored.

    Raises:
        FacefindError: it is.
    """
    try:
        with _file(home).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        pass
    except BlockingIOError:
        raise _at_work(home) from None


def _at_work(home: Path) -> FacefindError:
    return FacefindError(f"a backup is being restored into {home}: wait until `facefind restore` is done")


def _file(home: Path) -> Path:
    return home / "restore.lock"
