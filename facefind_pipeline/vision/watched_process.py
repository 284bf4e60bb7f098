"""A process apart, seen from the thread that waits for it: started, asked, watched, and ended if it takes too much."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.vision.failures import UnreadablePhotoError
from facefind_pipeline.vision.memory import Need, Share, in_megabytes

LOOK_S = 0.02  # between two looks at its memory; pages are touched at up to 3 GB/s
PATIENCE_S = 60.0  # of a core, for any photo, where the slowest of usual ones takes 2; detectors may ask for more
ASLEEP = 1 / 60  # of a core: one that got less waits for something, however busy the machine is
CROWDED = 10  # times as long may it take on a machine that is busy with others
START_S = 60.0
ALLOWANCE = 550_000_000  # bytes beside its share: libraries, models, their buffers, and what its heap keeps
YET_TO_LOAD = 250_000_000  # bytes of libraries and tables beyond what it holds, as that of towns at the first position
CRASHED = "the process that worked on it crashed"
# Nobody sends a photo these: that is the kernel, out of memory, or somebody who stops everything, or its own alarm,
# which only goes off where we were stopped: else we end it long before.
FROM_OUTSIDE = frozenset(
    {signal.SIGALRM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGQUIT, signal.SIGTERM}
    if os.name == "posix"
    else ()
)
FILE_COPIES = 3  # of a file's bytes: as read, without what its pixels don't need, and inside a library


class NotStartedError(FacefindError):
    """No process can be started here; the message says why."""


class LostPhotoError(UnreadablePhotoError):
    """The process crashed or was ended; the message says why.

    Attributes:
        by_machine: whether that may be the machine's doing and not the photo's.
    """

    def __init__(self, message: str, *, by_machine: bool = False) -> None:
        super().__init__(message)
        self.by_machine = by_machine


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call came to.

    Attributes:
        result: what the function returned.
        error: what it raised instead.
        cpu_seconds: that it took.
    """

    result: Any
    error: Exception | None
    cpu_seconds: float


class WatchedProcess:
    """One process, for one call at a time."""

    def __init__(self) -> None:
        """Starts it.

        Raises:
            NotStartedError: this system can't.
        """
        if os.name != "posix" or not sys.executable:
            raise NotStartedError("this system has no processes that a photo can be decoded in")
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "facefind_pipeline.vision.apart_process", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,  # ours may be that of a command whose reader waits until nobody has it
                    pass_fds=[theirs.fileno()],
                    cwd="/",
                    process_group=0,  # Ctrl-Z, Ctrl-C and a terminal that is closed are for us; it ends with us
                    env={**os.environ, "PYTHONSAFEPATH": "1"},
                )
            except OSError as error:
                ours.close()
                raise NotStartedError(f"no process can be started to decode photos in: {error.strerror}") from error
        self._connection = Connection(ours.detach())
        self._seen = psutil.Process(self._process.pid)
        self._kept = ALLOWANCE  # bytes that it may go on holding
        assert self._process.stderr is not None
        with self._process.stderr as said:  # until it is ready; from then on it has none
            if not self._connection.poll(START_S) or not self._is_ready():
                self.end()
                raise NotStartedError(f"the process that is to decode photos does not start: {_last_line(said.read())}")

    def is_well(self) -> bool:
        """Whether it can take a call: alive, and grown no larger than it may be between two photos."""
        if self._process.poll() is None and self._bytes() < self._kept:
            return True
        self.end()
        return False

    def call(
        self, share: Share, function: Callable[..., Any], arguments: tuple[object, ...], named: dict[str, object]
    ) -> Answer:
        """Calls a function there.

        Raises:
            LostPhotoError: the process is no more.
        """
        try:
            self._connection.send((function, arguments, named))
            return self._watch(share)
        except (EOFError, OSError):  # between two messages, and within one
            raise self._crashed() from None
        except BaseException:  # an unfinished call must not answer the next one
            self.end()
            raise

    def end(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _watch(self, share: Share) -> Answer:
        allowed, patience = max(ALLOWANCE, self._bytes() + YET_TO_LOAD), PATIENCE_S
        self._kept = ALLOWANCE
        began, waited = self._cpu_seconds(), 0.0
        while True:
            if self._connection.poll(LOOK_S):
                said = self._connection.recv()
                if isinstance(said, Answer):
                    return said
                need: Need = said
                granted = share.ask(need)
                self._connection.send(granted)
                allowed += FILE_COPIES * need.file + need.pixels + need.working
                self._kept += need.working
                patience += need.seconds
                continue
            waited += LOOK_S  # by looks and not by a clock, which goes on while we are stopped or the lid is closed
            if self._bytes() > allowed:
                raise LostPhotoError(f"it took more than {in_megabytes(allowed)} of memory")
            spent = self._cpu_seconds() - began
            if spent > patience:
                raise LostPhotoError(f"it took longer than {patience:.0f} s")
            if waited > patience and (spent < ASLEEP * waited or waited > CROWDED * patience):
                raise LostPhotoError(f"it was not done after {waited:.0f} s", by_machine=True)

    def _crashed(self) -> LostPhotoError:
        self._connection.close()  # by which it ends, if it has not
        status = self._process.wait()
        if status < 0:
            by_machine = -status in FROM_OUTSIDE or _has_little_room()
            return LostPhotoError(f"{CRASHED} ({signal.strsignal(-status)})", by_machine=by_machine)
        return LostPhotoError(f"{CRASHED} (exit code {status})", by_machine=_has_little_room())

    def _is_ready(self) -> bool:
        try:
            return self._connection.recv() is True
        except (EOFError, OSError):
            return False

    def _bytes(self) -> int:
        try:
            return int(self._seen.memory_info().rss)
        except psutil.Error:  # dead: its end of the connection says so
            return 0

    def _cpu_seconds(self) -> float:
        try:
            times = self._seen.cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)


def _has_little_room() -> bool:
    """Whether processes here have a limit of memory at which C and C++ libraries abort, whatever the photo is."""
    import resource  # only POSIX has it

    return any(
        resource.getrlimit(one)[0] != resource.RLIM_INFINITY for one in (resource.RLIMIT_AS, resource.RLIMIT_DATA)
    )


def _last_line(said: bytes) -> str:
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it does not say why"
