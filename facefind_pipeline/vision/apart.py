"""Work on photos in processes apart: a crash, a hang or a bomb there costs the photo that it came with, and no other.

A pool of processes lives as long as the process that asks, and keeps what its functions have loaded. Each works on one
photo at a time, watched by the thread that waits for it: so the guilty photo is known, and no other was lost with it.
What comes back is what the function returns; the pixels stay there.

Executors of `concurrent.futures` and `loky` lose all that is under way when one process dies; `pebble` loses one task,
but knows no limit of memory, and would count the time in which a photo waits for memory as the photo's own.
"""

import math
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import ParamSpec, TypeVar

import psutil

from facefind_pipeline.vision import cgroup
from facefind_pipeline.vision.memory import Budgets, Share, asking
from facefind_pipeline.vision.watched_process import LostPhotoError, NotStartedError, WatchedProcess

P = ParamSpec("P")
T = TypeVar("T")

SPARING = 10  # times as long as a try to start a process failed, none is made again
PROCESS_BYTES = 450_000_000  # of one at work on a photo of usual size


def apart(function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Calls a function in a process apart; waits while all of them are at work.

    Once more where its process was lost by what may be the machine's doing.

    Args:
        function: of a module, by whose name the other process finds it; it may be called twice.
        arguments: of it; they, and what it returns or raises, can be pickled.
        named: likewise.

    Raises:
        LostPhotoError: the process crashed, or was ended because it took too much time or memory.
        FacefindError: no process can be started any more.
        Exception: what the function raised.
    """
    try:
        return _pool().call(function, *arguments, **named)
    except LostPhotoError as error:
        if not error.by_machine:
            raise
    return _pool().call(function, *arguments, **named)


def in_each(count: int, function: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> None:
    """Calls a function in so many processes at once, of those that are idle: what it loads is there then.

    What goes wrong is not told: whoever has work for them will meet it.
    """
    _pool().call_in_each(count, function, arguments, named)


def why_not_apart() -> str | None:
    """Why photos are worked on in threads of this process, where no other can be had; None where they are apart."""
    return _pool().lacking


def cpu_seconds() -> float:
    """What the processes apart have spent so far, all together."""
    pool = _pools.get(os.getpid())
    return pool.cpu_seconds if pool is not None else 0.0


def cores() -> int:
    """Cores that this process may use, at least one: a container may have fewer than its machine."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = cgroup.cpus()
    return found if allowed is None else max(1, min(found, math.ceil(allowed)))


def _size() -> int:
    """Processes that there are cores and memory for, at least one."""
    free, allowed = psutil.virtual_memory().available, cgroup.memory()
    return max(1, min(cores(), (free if allowed is None else min(free, allowed)) // PROCESS_BYTES))


class _Pool:
    """At most so many processes, each started when there is work for it.

    Attributes:
        lacking: why there are none now; work is done by the threads that ask, in the same budgets but without a watch.
        cpu_seconds: as the function.
    """

    def __init__(self, size: int) -> None:
        self.lacking: str | None = "none was started yet"
        self.cpu_seconds = 0.0
        self._budgets = Budgets(size)
        self._counting = threading.Lock()
        # The last one that worked is the next to work: a single photo starts no second process.
        self._idle: queue.LifoQueue[WatchedProcess | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)
        self._starting, self._not_before = threading.Lock(), 0.0
        self._start_first()

    def call(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """As `apart`."""
        if self.lacking is not None:
            self._start_first()
        share = Share(self._budgets)
        try:
            if self.lacking is None:
                return self._call_apart(share, function, arguments, named)
            with asking(share.ask):
                return function(*arguments, **named)
        finally:
            share.give_back()

    def _start_first(self) -> None:
        """Tries whether a process can be had: one thread does, others go on; after a slow failure not at once again."""
        if not self._starting.acquire(blocking=False):
            return
        try:
            began = time.monotonic()
            if self.lacking is None or began < self._not_before:
                return
            process = None
            self._idle.get()
            try:
                process = WatchedProcess()
                self.lacking = None
            except NotStartedError as error:
                self.lacking = str(error)
                self._not_before = time.monotonic() + SPARING * (time.monotonic() - began)
            finally:
                self._idle.put(process)
        finally:
            self._starting.release()

    def _call_apart(
        self, share: Share, function: Callable[..., T], arguments: tuple[object, ...], named: dict[str, object]
    ) -> T:
        return self._call_in(self._idle.get(), share, function, arguments, named)

    def call_in_each(
        self, count: int, function: Callable[..., object], arguments: tuple[object, ...], named: dict[str, object]
    ) -> None:
        """As `in_each`."""
        processes: list[WatchedProcess | None] = []
        if self.lacking is None:
            with suppress(queue.Empty):
                while len(processes) < count:
                    processes.append(self._idle.get_nowait())

        with ThreadPoolExecutor(max(1, len(processes))) as threads:
            called = [
                threads.submit(self._call_in, process, Share(self._budgets), function, arguments, named)
                for process in processes
            ]
            wait(called)

    def _call_in(
        self,
        process: WatchedProcess | None,
        share: Share,
        function: Callable[..., T],
        arguments: tuple[object, ...],
        named: dict[str, object],
    ) -> T:
        try:
            if process is None or not process.is_well():
                process = WatchedProcess()
            answer = process.call(share, function, arguments, named)
        finally:
            self._idle.put(process)
        with self._counting:
            self.cpu_seconds += answer.cpu_seconds
        if answer.error is not None:
            raise answer.error
        result: T = answer.result
        return result


_pools: dict[int, _Pool] = {}  # by process: one that is forked must not talk with its parent's
_making = threading.Lock()


def _pool() -> _Pool:
    with _making:
        if os.getpid() not in _pools:
            _pools[os.getpid()] = _Pool(_size())
        return _pools[os.getpid()]
