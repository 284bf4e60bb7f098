"""Looks at folders that cost by what changed: what was seen in a folder holds while nothing came or went there."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

# File systems keep times as coarsely as 2 s (FAT), servers' clocks may be off: a younger time of change says nothing.
SETTLED_S = 10
# A file that is written in place leaves its folder's time of change as it was: so often everything is looked at.
LOOK_AGAIN_S = 600

Seen = TypeVar("Seen")


class Looks(Generic[Seen]):
    """Remembers what a function saw in each folder, as long as the folder's own time of change is the same.

    A look at 100,000 photos costs a thousand times what asking for the time of change of 200 folders does.

    Args:
        look: what to see in a folder; it may raise OSError.
    """

    def __init__(self, look: Callable[[Path], Seen]) -> None:
        self._look = look
        self._seen: dict[Path, tuple[tuple[int, int, int], float, Seen]] = {}

    def __call__(self, folder: Path) -> Seen:
        """What is in the folder.

        Raises:
            OSError: the folder is missing or can't be read.
        """
        status = os.stat(f"{folder}/.")  # noqa: PTH116 - a Path drops the dot, which asks for the right to enter
        stamp, now = (status.st_dev, status.st_ino, status.st_mtime_ns), time.time()
        before = self._seen.pop(folder, None)
        if before is not None and before[0] == stamp and 0 <= now - before[1] < LOOK_AGAIN_S:
            self._seen[folder] = before
            return before[2]
        seen = self._look(folder)
        if now - status.st_mtime >= SETTLED_S:
            self._seen[folder] = (stamp, now, seen)
        return seen
