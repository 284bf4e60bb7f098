"""Whether files and folders are there now, asked of disks that may not answer.

A network mount that died answers no question for minutes. So a thread of its own asks for what lies in each folder,
nobody waits for it longer than two seconds, and where the folder is not there nothing in it is asked for.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Thread

WAIT_S = 2.0


class Look:
    """Looks for files, for each once; what has not answered counts as gone."""

    def __init__(self) -> None:
        self._there: dict[Path, bool] = {}
        self._silent: set[Path] = set()

    def is_there(self, path: Path) -> bool:
        """Whether a path was there that was asked for."""
        return self._there.get(path, False)

    def ask(self, paths: Iterable[Path]) -> None:
        """Looks for those that were not asked for yet."""
        by_folder: dict[Path, list[Path]] = defaultdict(list)
        for path in paths:
            if path not in self._there and path.parent not in self._silent:
                self._there[path] = False
                by_folder[path.parent].append(path)
        asking = {
            folder: Thread(target=self._ask_in, args=(folder, inside), daemon=True)
            for folder, inside in by_folder.items()
        }
        for thread in asking.values():
            thread.start()
        until = time.monotonic() + WAIT_S
        for folder, thread in asking.items():
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                self._silent.add(folder)

    def _ask_in(self, folder: Path, paths: Sequence[Path]) -> None:
        # The functions of `os.path` never raise, as those of Path do.
        if os.path.isdir(folder):  # noqa: PTH112
            for path in paths:
                self._there[path] = os.path.exists(path)  # noqa: PTH110
