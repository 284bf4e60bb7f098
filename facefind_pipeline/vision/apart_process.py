"""The other end of `watched_process`: calls functions one after the other; `python -m ... SOCKET` starts it.

It ends when its parent does, which closes the socket. What hangs by then is ended by a timer of the system's.
"""

import ctypes
import os
import pickle
import resource
import signal
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from facefind_pipeline.vision.memory import Need, asking
from facefind_pipeline.vision.watched_process import CROWDED, PATIENCE_S, Answer

GRACE_S = 30  # beyond the time that a call has: by then its parent has ended it, if there is one
FIRST_TO_GO = "1000"  # of -1000 to 1000: a system out of memory ends this rather than the command or a database
_STANDARD_ERROR = 2
# The C library gives a photo's buffers back to the system after each, and takes them anew: for every 4 kB the system
# then interrupts, and clears them. On photos of 6 and of 12 megapixels that is a fifth of all the work.
KEPT_BYTES = 64_000_000  # at the heap's end, between photos; buffers beyond are given back
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
OLDER_LIMIT = 32 << 20  # of the second, in glibc before 2.35


def main(descriptor: int) -> None:
    """Answers until the parent hangs up."""
    _prepare()
    connection = Connection(descriptor)
    _be_quiet()
    connection.send(True)
    with suppress(EOFError, OSError), asking(lambda need: _ask(connection, need)):
        while True:
            message = connection.recv_bytes()
            _patience(PATIENCE_S)
            answer = _call(message)
            _patience(None)
            connection.send(answer)


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the photo
    os.umask(0o077)
    with suppress(OSError):  # Linux alone has it
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    _keep_heap()
    import cv2

    cv2.setNumThreads(1)  # there is a process per core


def _keep_heap() -> None:
    """Has glibc keep what it freed; other C libraries do as they do."""
    with suppress(AttributeError):
        set_option = ctypes.CDLL(None).mallopt
        if set_option(M_MMAP_THRESHOLD, KEPT_BYTES) or set_option(M_MMAP_THRESHOLD, OLDER_LIMIT):
            set_option(M_TRIM_THRESHOLD, 2 * KEPT_BYTES)


def _be_quiet() -> None:
    """Its parent reads what it says until it is ready, and nobody what libraries say of photos."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STANDARD_ERROR)
    os.close(nowhere)


def _patience(seconds: float | None) -> None:
    """Has the system end this process after so much work, or ten times as long without; or never."""
    signal.setitimer(signal.ITIMER_PROF, 0 if seconds is None else seconds + GRACE_S)
    signal.alarm(0 if seconds is None else int(CROWDED * seconds) + GRACE_S)


def _ask(connection: Connection, need: Need) -> bool:
    _patience(None)  # others may be before us
    connection.send(need)
    granted: bool = connection.recv()
    _patience(PATIENCE_S + need.seconds)
    return granted


def _call(message: bytes) -> Answer:
    started = time.process_time()
    result: Any = None
    failed: Exception | None = None
    try:
        function, arguments, named = pickle.loads(message)
        result = function(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - it is raised over there
        failed = _portable(error)
    return Answer(result, failed, time.process_time() - started)


def _portable(error: Exception) -> Exception:
    """The error, or its text where it can't be pickled: its own traceback says nothing over there."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - of whatever class that does not take its own arguments
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


if __name__ == "__main__":
    main(int(sys.argv[1]))
