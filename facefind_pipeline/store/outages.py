"""Which errors mean that there is no database, space or memory, however deep a library has wrapped them."""

import shutil
from pathlib import Path

import psycopg2

from facefind_pipeline.errors import RESUMES, OutageError, causes, is_disk_full, lacking_memory, no_space

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
    for cause in causes(error):
        if isinstance(cause, OutageError):
            return cause
        if isinstance(cause, psycopg2.errors.DiskFull):
            return _disk_full(data)
        if isinstance(cause, OSError) and is_disk_full(cause):
            return no_space(cause.filename or "a file")
    if (found := lacking_memory(error)) is not None or not any(map(_lost_connection, causes(error))):
        return found
    if data is not None and data.exists() and shutil.disk_usage(data).free < WAL_SEGMENT_BYTES:
        return _disk_full(data)
    return OutageError(f"the database stopped; {RESUMES}")


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
