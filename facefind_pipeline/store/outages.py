"""Which errors mean that the database stopped or a disk is full, however deep a library has wrapped them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from facefind_pipeline.errors import RESUMES, OutageError, is_disk_full, no_space

# PostgreSQL ends itself where it cannot make its next segment of the write-ahead log, and then can say no more.
WAL_SEGMENT_BYTES = 16 * 2**20
# Classes of SQLSTATE: connection exceptions; shutdowns and starts.
_GONE = ("08", "57P")


def outage(error: BaseException, data: Path | None = None) -> OutageError | None:
    """The error that people see in place of this one; None where it is no outage.

    Args:
        error: what was raised, with its causes.
        data: a folder of the embedded server; None where the server is another's.
    """
    for cause in _causes(error):
        if isinstance(cause, OutageError):
            return cause
        if isinstance(cause, psycopg2.errors.DiskFull):
            return _disk_full(data)
        if isinstance(cause, OSError) and is_disk_full(cause):
            return no_space(cause.filename or "a file")
        if _lost_connection(cause):
            if data is not None and data.exists() and shutil.disk_usage(data).free < WAL_SEGMENT_BYTES:
                return _disk_full(data)
            return OutageError(f"the database stopped; {RESUMES}")
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _lost_connection(error: BaseException) -> bool:
    if isinstance(error, psycopg2.InterfaceError):
        return "connection already closed" in str(error)
    # What libpq itself finds out has no code, and is now an OperationalError, now a plain DatabaseError.
    if isinstance(error, psycopg2.OperationalError) or type(error) is psycopg2.DatabaseError:
        return error.pgcode is None or error.pgcode.startswith(_GONE)
    return False


def _disk_full(data: Path | None) -> OutageError:
    where = "of the database server" if data is None else f"that holds {data}"
    return OutageError(f"the disk {where} is full: free some space; {RESUMES}")
