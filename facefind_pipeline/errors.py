"""The exceptions that people see: a single clear line that names the file or key and says what to do."""

import errno
from collections.abc import Iterator
from pathlib import Path

from facefind_pipeline.path_text import printable


class FacefindError(Exception):
    """Something the user can mend. The command prints the message alone and exits with 1."""

    def __str__(self) -> str:
        """As any terminal and table takes it, whatever the bytes of a file's name in it are."""
        return printable(super().__str__())


RESUMES = "what was done is kept, and the same command resumes"


# What the loader, the system, threads, C++, onnxruntime, OpenCV and PostgreSQL say where they got no memory.
_NO_MEMORY = (
    "failed to map segment from shared object",
    "Cannot allocate memory",
    "can't start new thread",
    "bad_alloc",
    "Failed to allocate memory",
    "Insufficient memory",
    "out of memory",
)
_LONGEST = 200  # letters of a library's own words


class OutageError(FacefindError):
    """No part of a command can go on, for want of a database, space or memory; the same command resumes later."""


def is_disk_full(error: BaseException) -> bool:
    """Whether the system refused to write for lack of space, or of the user's share of it."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def no_space(file: Path | str) -> OutageError:
    """What people are told of a file that a full disk did not take."""
    return OutageError(f"no space left for {file}: free some; {RESUMES}")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, however deep a library has wrapped it."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def lacking_memory(error: BaseException) -> OutageError | None:
    """What people are told where the machine gave no memory; None where the error is another.

    Nothing is imported for it: there may be no memory for that.
    """
    for cause in causes(error):
        if not isinstance(cause, FacefindError) and (found := said_of_memory(type(cause).__name__, str(cause))):
            return found
    return None


def said_of_memory(kind: str, message: str) -> OutageError | None:
    """As `lacking_memory`, of an error by the name of its class and what it says."""
    line = next((line.strip() for line in message.splitlines() if any(words in line for words in _NO_MEMORY)), None)
    if line is None and not kind.endswith("MemoryError"):
        return None
    detail = f" ({line[:_LONGEST]})" if line else ""
    return OutageError(
        f"out of memory{detail}: end other programs, or raise the limit that this command has; a run takes 1 GB, and 2 "
        f"on large photos; {RESUMES}"
    )
