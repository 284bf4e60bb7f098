"""The exceptions that people see: a single clear line that names the file or key and says what to do."""

import errno
from pathlib import Path

from facefind_pipeline.path_text import printable


class FacefindError(Exception):
    """Something the user can mend. The command prints the message alone and exits with 1."""

    def __str__(self) -> str:
        """As any terminal and table takes it, whatever the bytes of a file's name in it are."""
        return printable(super().__str__())


RESUMES = "what was done is kept, and the same command resumes"


class OutageError(FacefindError):
    """The database stopped or a disk is full: no part of a command can go on, and the same command resumes later."""


def is_disk_full(error: BaseException) -> bool:
    """Whether the system refused to write for lack of space, or of the user's share of it."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def no_space(file: Path | str) -> OutageError:
    """What people are told of a file that a full disk did not take."""
    return OutageError(f"no space left for {file}: free some; {RESUMES}")
