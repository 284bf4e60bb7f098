"""Which of the photos that a search found are there now: those that are gone come after all others.

A network mount that died answers no question for minutes. So a thread of its own asks for the files of each folder,
nobody waits for it longer than two seconds, and where the folder is not there its files are not asked for.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread

from facefind_pipeline.search.find import KEPT, Copy, Match

WAIT_S = 2.0
MORE = 4  # times as many photos are looked at, where too many of the first are gone


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


def there_first(search: Callable[[int], Sequence[Match]], limit: int) -> list[Match]:
    """The best photos that are there, then those that are gone.

    Of a photo with several files one that is there is shown. At most as many photos are looked at as `search_results`
    keeps, or `limit`: where the nearest thousand are on a disk that is away, others are not looked for beyond them.

    Args:
        search: the best so many matches, best first; called again with more where too many are gone.
        limit: how many matches come back, if there are as many.
    """
    look, wanted = Look(), limit
    while True:
        found = search(wanted)
        look.ask(copy.file for match in found for copy in _copies(match))
        matches = [_looked_at(match, look) for match in found]
        there = [match for match in matches if match.there]
        if len(there) >= limit or len(found) < wanted or wanted >= KEPT:
            break
        wanted = min(wanted * MORE, KEPT)
    ranked = [*there, *(match for match in matches if not match.there)][:limit]
    return [replace(match, rank=rank) for rank, match in enumerate(ranked, start=1)]


def _copies(match: Match) -> list[Copy]:
    return [Copy(match.event_day, match.photo, match.file), *match.copies]


def _looked_at(match: Match, look: Look) -> Match:
    copies = [copy._replace(there=look.is_there(copy.file)) for copy in _copies(match)]
    first, *others = sorted(copies, key=lambda copy: not copy.there)
    return replace(
        match, event_day=first.event_day, photo=first.photo, file=first.file, there=first.there, copies=tuple(others)
    )
