"""Functions that do to their process what a hostile photo may do to the one that decodes it."""

import ctypes
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from facefind_pipeline.faces import Face
from facefind_pipeline.vision.decode import DecodedPhoto
from facefind_pipeline.vision.detectors import Effort
from facefind_pipeline.vision.memory import MEGABYTE, Need, require


def crash() -> None:
    """Reads where nothing is."""
    ctypes.string_at(0)


def loop() -> None:
    """Works for ever."""
    while True:
        pass


def sleep() -> None:
    """Waits for ever, as for a disk."""
    time.sleep(1000)


def swallow(size: int = 8 << 30) -> int:
    """Takes memory and touches all of it."""
    return len(b"x" * size)


def interruptions(size: int) -> int:
    """How often the system interrupts to give memory that is taken and left for the second time."""
    bytearray(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(size)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def be_killed() -> None:
    """As by a kernel that is out of memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def be_killed_once(mark: Path) -> int:
    """As by somebody who kills one process."""
    if not mark.exists():
        mark.touch()
        be_killed()
    return os.getpid()


def signal_itself(number: int) -> None:
    """As from outside."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def group() -> int:
    """Process group of the process."""
    return os.getpgrp()


def streams() -> list[str]:
    """Where its standard output and error go."""
    return [str(Path(f"/dev/fd/{number}").resolve()) for number in (1, 2)]


def leave() -> None:
    """Ends without a word."""
    os._exit(3)


class TwoWordsError(Exception):
    """Can't be unpickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def fail() -> None:
    """Raises what does not travel."""
    raise TwoWordsError("bad", "luck")


def process() -> int:
    """Which process works."""
    return os.getpid()


def be_there(folder: Path) -> None:
    """Leaves a file named by the process."""
    (folder / str(os.getpid())).touch()


def threads_of_opencv() -> int:
    """How many threads OpenCV takes there."""
    import cv2

    return cv2.getNumThreads()


def taken(megabytes: int, file: int = 0) -> tuple[float, float]:
    """Takes so much of the budget for a moment; returns from when to when."""
    require(Need(pixels=megabytes * MEGABYTE, file=file * MEGABYTE), f"{megabytes or file} MB")
    started = time.monotonic()
    time.sleep(0.3)
    return started, time.monotonic()


def swallow_what_was_asked_for(size: int) -> int:
    """Takes as much as it was allowed."""
    require(Need(pixels=size), "much")
    return swallow(size)


_held = list[bytes]()


def hold(size: int) -> None:
    """Keeps what it takes for the next photo, as a detector its buffers."""
    require(Need(working=size), "much")
    _held.append(b"x" * size)


def modules() -> set[str]:
    """What is imported there."""
    return set(sys.modules)


@dataclass(frozen=True)
class CrashingDetector:
    """Ends its process at each photo, and leaves a line of that."""

    record: Path
    needs_grey = True

    def effort(self, size: tuple[int, int]) -> Effort:
        return Effort()

    def detect(self, photo: DecodedPhoto) -> list[Face]:
        with self.record.open("a") as file:
            file.write("crash\n")
        crash()
        return []


@dataclass(frozen=True)
class CrashingModels:
    """Of a set whose detector ends its process."""

    record: Path

    def detector(self) -> CrashingDetector:
        return CrashingDetector(self.record)

    def embedder(self) -> None:
        return None
