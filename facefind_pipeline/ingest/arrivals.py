"""What the system tells of folders of photos: where files were closed, and where something came or went.

By `watchdog`: `watchfiles` tells that a file was written, which happens a hundred times while it is copied, and not
that it was closed.
"""

import os
import stat
import threading
import time
import traceback
from collections.abc import Collection, Mapping
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver, ObservedWatch

from facefind_pipeline.ingest.mounts import why_silent
from facefind_pipeline.ingest.photos import Closed
from facefind_pipeline.vision.formats import PHOTO_SUFFIXES, RAW_SUFFIXES, SIDECAR_SUFFIXES, suffix_of

QUIET_S = 0.2  # after what was told last: a camera writes RAW and JPEG, an editor a photo and its sidecar
PATIENCE_S = 1.0  # after what was told first, whatever follows
AGAIN_S = 300.0  # after which a folder of which nothing is told is tried again: a limit was raised, a disk changed
_SUFFIXES = PHOTO_SUFFIXES | RAW_SUFFIXES | SIDECAR_SUFFIXES | {""}
_EVENTS: list[type[FileSystemEvent]] = [
    *(FileClosedEvent, FileMovedEvent, FileDeletedEvent, DirCreatedEvent, DirMovedEvent, DirDeletedEvent)
]


class Arrivals(FileSystemEventHandler):
    """Listens to folders, with all that lies below each."""

    def __init__(self) -> None:
        """Listens to none yet."""
        self._observer: BaseObserver | None = None
        self._watches: dict[Path, ObservedWatch] = {}
        self._places: dict[Path, tuple[int, int]] = {}  # which folder it was that is listened to
        self._silent: dict[Path, str] = {}
        self._again: dict[Path, float] = {}  # when those are tried again, by the clock of `time.monotonic`
        self._outdated: set[Path] = set()
        self._told: dict[Path, dict[str, float]] = {}
        self._first = self._last = 0.0
        self._woken = False
        self._changed = threading.Condition()

    def listen(self, folders: Collection[Path]) -> Mapping[Path, str]:
        """Listens to these folders and no others.

        Returns:
            Those of which nothing is told, and why.
        """
        for folder in [*self._watches]:
            if folder not in folders or folder in self._outdated or not self._is_heard(folder):
                self._stop(folder)
        now = time.monotonic()
        self._silent = {
            folder: why for folder, why in self._silent.items() if folder in folders and now < self._again[folder]
        }
        for folder in folders:
            if folder not in self._watches and folder not in self._silent:
                self._start(folder)
        return self._silent

    def wait(self, seconds: float) -> dict[Path, dict[str, float]]:
        """What was told since the last time; nothing if that is so for so many seconds, or if it was woken.

        Returns:
            Folders in which something came, went or was written, and `Closed` of each.
        """
        until = time.monotonic() + seconds
        with self._changed:
            while not self._woken and (left := self._due(until) - time.monotonic()) > 0:
                self._changed.wait(left)
            told, self._told, self._woken = self._told, {}, False
        return told

    def wake(self) -> None:
        """Ends the wait; from another thread."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Listens to nothing any more."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()

    def dispatch(self, event: FileSystemEvent) -> None:
        """Notes an event, which `watchdog` hands over in a thread of its own."""
        now = time.time()
        source, target = (Path(os.fsdecode(path)) if path else None for path in (event.src_path, event.dest_path))
        if event.is_directory:
            for folder in filter(None, (source, target)):
                self._note(folder, {})
            if target and not source:  # of what lies below a folder that was put there whole nothing is told
                self._outdated |= {folder for folder in [*self._watches] if target.is_relative_to(folder)}
            return
        if source and _counts(source):
            self._note(source.parent, {source.name: now} if isinstance(event, FileClosedEvent) else {})
        if target and _counts(target):
            self._note(target.parent, {target.name: now})

    def _note(self, folder: Path, closed: Closed) -> None:
        with self._changed:
            self._last = time.monotonic()
            if not self._told:
                self._first = self._last
            self._told.setdefault(folder, {}).update(closed)
            self._changed.notify_all()

    def _due(self, until: float) -> float:
        """When what was told is handed on."""
        return min(self._first + PATIENCE_S, self._last + QUIET_S) if self._told else until

    def _start(self, folder: Path) -> None:
        if (why := why_silent(folder)) is not None:
            self._set_silent(folder, why)
            return
        from watchdog.observers.inotify import InotifyObserver  # which only Linux can import

        if self._observer is None:
            self._observer = InotifyObserver(generate_full_events=True)  # else what is moved in looks like a new file
            self._observer.start()
        if (place := _place(folder)) is None:  # a disk that is not mounted now
            return
        try:
            watch = self._observer.schedule(self, os.fspath(folder), recursive=True, event_filter=_EVENTS)
            self._watches[folder], self._places[folder] = watch, place
        except OSError as error:
            _close_failed(error)
            if not isinstance(error, FileNotFoundError):  # a folder that went meanwhile
                self._set_silent(folder, f"the system watches no more folders: {error.strerror or error}")

    def _set_silent(self, folder: Path, why: str) -> None:
        self._silent[folder], self._again[folder] = why, time.monotonic() + AGAIN_S

    def _stop(self, folder: Path) -> None:
        self._outdated.discard(folder)
        assert self._observer is not None
        self._observer.unschedule(self._watches.pop(folder))
        del self._places[folder]

    def _is_heard(self, folder: Path) -> bool:
        """Whether the folder is still the one that was there, and not taken away or mounted over."""
        assert self._observer is not None
        if self._places[folder] != _place(folder):
            return False
        return any(one.watch == self._watches[folder] and one.is_alive() for one in self._observer.emitters)


def _place(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another one of the same name; None where there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def _close_failed(error: OSError) -> None:
    """Gives back the watches that were got until one failed: `watchdog` leaves them open, and only the error knows."""
    from watchdog.observers.inotify_c import Inotify

    for frame, _ in traceback.walk_tb(error.__traceback__):
        if isinstance(failed := frame.f_locals.get("self"), Inotify):
            for name in ("_inotify_fd", "_kill_r", "_kill_w"):
                if hasattr(failed, name):
                    os.close(getattr(failed, name))
            return


def _counts(file: Path) -> bool:
    """Whether it may be a photo or beside one: not what is copied under a hidden name, to be renamed at the end."""
    return not file.name.startswith(".") and suffix_of(file.name) in _SUFFIXES
