"""The memory that photos at work share: each asks for what its file and its pixels take, waits, and gives it back.

A photo asks before it takes, from whichever process or thread works on it. It asks for its file first and for its
pixels then, and once for each: so two never wait for one another.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from facefind_pipeline.settings import photo_memory
from facefind_pipeline.vision.failures import UnreadablePhotoError

MEGABYTE = 1_000_000
USUAL_BYTES = 150 * MEGABYTE  # of pixels: a JPEG of 24 megapixels
FILE_BYTES = 300 * MEGABYTE  # of all files that are read at a time, at least; scans and RAW files of 200 MB exist
FILE_SHARE = 3, 7  # of what pixels may take, where that is raised
SLOWEST = 1 * MEGABYTE  # a second, of a disk or network that files are read from


@dataclass(frozen=True, slots=True)
class Need:
    """What is about to be taken.

    Attributes:
        file: bytes of the photo's file, read.
        pixels: bytes that decoding it takes.
        working: bytes that a detector takes beside them, and may keep for the next photo. They are the set's doing: the
            process may take them, but they count for no budget.
        seconds: that it reads or searches, beyond what any photo takes.
    """

    file: int = 0
    pixels: int = 0
    working: int = 0
    seconds: float = 0.0


Ask = Callable[[Need], bool]


class Budget:
    """Bytes that are handed out; who asks first is served first."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = total
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    def take(self, wanted: int) -> None:
        """Waits until so many are free; no more than there are."""
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted

    def give_back(self, taken: int) -> None:
        """Those are free again."""
        with self._changed:
            self._free += taken
            self._changed.notify_all()


class Budgets:
    """What all photos at work may take together."""

    def __init__(self, workers: int) -> None:
        """For so many workers, each of which can have a photo of usual size."""
        self.files = Budget(max(FILE_BYTES, photo_memory() * FILE_SHARE[0] // FILE_SHARE[1]))
        self.pixels = Budget(max(photo_memory(), workers * USUAL_BYTES))


class Share:
    """What one photo at work has of the budgets."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets
        self._file, self._pixels = 0, 0

    def ask(self, need: Need) -> bool:
        """Takes what is needed, once it is free; False where there is not as much."""
        if need.file > self._budgets.files.total or need.pixels > self._budgets.pixels.total:
            return False
        self._budgets.files.take(need.file)
        self._file += need.file
        self._budgets.pixels.take(need.pixels)
        self._pixels += need.pixels
        return True

    def give_back(self) -> None:
        """The photo is done."""
        self._budgets.files.give_back(self._file)
        self._budgets.pixels.give_back(self._pixels)


_asked = threading.local()


@contextmanager
def asking(ask: Ask) -> Iterator[None]:
    """What this thread needs meanwhile, it asks for here."""
    _asked.ask = ask
    try:
        yield
    finally:
        del _asked.ask


def require(need: Need, what: str) -> None:
    """Waits until a photo may take what it needs.

    Args:
        need: all of it at once.
        what: the photo by what makes it large, for the message.

    Raises:
        UnreadablePhotoError: that is more than all photos may take together.
    """
    ask: Ask | None = getattr(_asked, "ask", None)
    if ask is not None and not ask(need):
        raise UnreadablePhotoError(f"too large: {what}")


def read_whole(file: BinaryIO) -> bytes:
    """All of an open file, once there is memory for it.

    Raises:
        OSError: it can't be read.
        UnreadablePhotoError: it is larger than all files that are read at a time may be.
    """
    size = os.fstat(file.fileno()).st_size
    enough = -(-size * FILE_SHARE[1] // (FILE_SHARE[0] * MEGABYTE))
    require(
        Need(file=size, seconds=size / SLOWEST),
        f"a file of {in_megabytes(size)}; FACEFIND_PHOTO_MEMORY={enough} allows it",
    )
    return file.read(size)


def in_megabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
