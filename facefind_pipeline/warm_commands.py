"""Commands carried out by a process that is there already: importing Dagster takes longer than all that they do.

The command's own process sends what was typed and where, with its standard input, output and error, on a socket in the
home, and waits for the exit code. Where nobody takes the command, it does all itself.
"""

import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import facefind_pipeline
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings, clothes_count, photo_memory, read_roots_map, read_settings

if TYPE_CHECKING:
    from facefind_pipeline.store.database import Database

TAKEN, BUSY = b"taken", b"busy"
ANSWER_S = 5.0
LONGEST_SOCKET = 100  # bytes of its path: 104 on macOS, 108 on Linux
# What waits mostly for Dagster, asks nothing back, and is over soon.
COMMANDS = frozenset(
    {
        *(("confirm",), ("reject",), ("person", "add"), ("person", "rename")),
        *(("params", name) for name in ("add", "default", "activate", "deactivate")),
    }
)
_STREAMS = 3  # standard input, output and error
_LONGEST = 1 << 20  # bytes of a message
_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Command:
    """A command that another process was called with.

    Attributes:
        arguments: as typed.
        folder: that process's working directory.
        stamp: of its settings.
        pid: its process id.
        streams: descriptors of its standard input, output and error.
        connection: to it.
    """

    arguments: Sequence[str]
    folder: str
    stamp: str
    pid: int
    streams: Sequence[int]
    connection: socket.socket

    def begin(self) -> bool:
        """Says that it is carried out here; False where it is not to be: that process gave up, and may do it itself."""
        if self.is_given_up():
            return False
        try:
            self.connection.sendall(TAKEN + b"\n")
        except OSError:
            return False
        return True

    def end(self, word: bytes) -> None:
        """Says the exit code; or `BUSY` in place of `begin`, that it is not carried out here."""
        with suppress(OSError), self.connection:
            self.connection.sendall(word + b"\n")
        for stream in self.streams:
            os.close(stream)

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """That process's streams and working directory in place of this one's.

        Raises:
            OSError: its working directory is none for this process.
        """
        before = os.getcwd()  # noqa: PTH109
        os.chdir(self.folder)
        kept = [os.dup(number) for number in range(_STREAMS)]
        own = sys.stdin, sys.stdout, sys.stderr
        _flush()
        try:
            for number, stream in enumerate(self.streams):
                os.dup2(stream, number)
            # New ones: those of a file would seek in a pipe.
            sys.stdin, sys.stdout, sys.stderr = (
                os.fdopen(number, mode, buffering=1, closefd=False) for number, mode in enumerate("rww")
            )
            yield
        finally:
            _flush()
            sys.stdin, sys.stdout, sys.stderr = own
            for number, stream in enumerate(kept):
                os.dup2(stream, number)
                os.close(stream)
            os.chdir(before)

    def is_given_up(self) -> bool:
        """Whether that process was interrupted, or died."""
        self.connection.settimeout(0)
        try:
            return self.connection.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(ANSWER_S)


def receive(connection: socket.socket) -> tuple[str, Command | None]:
    """What was sent on a connection: a line, and the command that it is of, if it came with streams.

    Raises:
        OSError: nobody sent anything in time.
        ValueError: it is not to be understood.
    """
    connection.settimeout(ANSWER_S)
    received, streams, *_ = socket.recv_fds(connection, _LONGEST, _STREAMS)
    while received and not received.endswith(b"\n") and len(received) < _LONGEST:
        more = connection.recv(_LONGEST)
        if not more:
            break
        received += more
    line = received.decode()
    if not streams:
        return line, None
    said = json.loads(line)
    return line, Command(said["arguments"], said["folder"], said["stamp"], said["pid"], streams, connection)


def hand_over(arguments: Sequence[str]) -> int | None:
    """Has a command carried out by a process that takes it; returns its exit code, or None where none does.

    Raises:
        FacefindError: that process died over it.
    """
    if not COMMANDS & {tuple(arguments[:1]), tuple(arguments[:2])}:
        return None
    try:
        settings, folder = read_settings(), os.getcwd()  # noqa: PTH109
        if not (sockets := sorted((settings.home / "workers").glob("*/*.sock"))):
            return None
        from facefind_pipeline.store.database import open_database

        now = stamp(settings, open_database(settings))
    except (FacefindError, OSError):  # of which the command says more
        return None
    said = {"arguments": list(arguments), "folder": folder, "stamp": now, "pid": os.getpid()}
    message = f"{json.dumps(said)}\n".encode()
    if len(message) > _LONGEST:
        return None
    for wait_s in (_AGAIN_S, 0.0):  # who has just ended a task takes the next one in a moment
        for file in sockets:
            if (code := _ask(file, message)) is not None:
                return code
        time.sleep(wait_s)
    return None


def stamp(settings: Settings, database: "Database") -> str:
    """Of all settings on which it depends what a command does, and of the code that does it."""
    # How the database is named may differ, the database may not.
    named = (replace(settings, database_url=None), database.url, clothes_count(), read_roots_map(), photo_memory())
    code = (facefind_pipeline.__file__, facefind_pipeline.__version__)  # two environments may share a home
    return hashlib.sha256(repr((named, code)).encode()).hexdigest()


def _ask(file: Path, message: bytes) -> int | None:
    with socket.socket(socket.AF_UNIX) as asked, asked.makefile("rb") as answers:
        asked.settimeout(ANSWER_S)
        try:
            asked.connect(os.fspath(file))
            socket.send_fds(asked, [message], range(_STREAMS))
            if answers.readline().strip() != TAKEN:
                return None
        except OSError:  # its process died, ends, or is stuck
            return None
        asked.settimeout(None)
        try:
            code = answers.readline().strip()
        except KeyboardInterrupt:
            asked.shutdown(socket.SHUT_WR)  # by which the other process is interrupted, too
            code = answers.readline().strip()
    if not code:
        raise FacefindError("the process that carried this out died; the same command resumes")
    return int(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # as where the output of a command goes to `head`
            stream.flush()
