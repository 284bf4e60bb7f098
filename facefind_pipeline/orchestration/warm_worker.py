"""A process that executes one run after the other, with what it has loaded for the first; and commands between them.

It ends when whoever launched runs here is gone, when nothing was to do for a while, when the code has changed since it
started, and when it has grown too large.
"""

import gc
import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue

import psutil

import facefind_pipeline
from facefind_pipeline.environment import close_new_files, libraries_are_loaded
from facefind_pipeline.orchestration.dagster_internals import take_signals
from facefind_pipeline.orchestration.execution import execute
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database
from facefind_pipeline.warm_commands import BUSY, LONGEST_SOCKET, TAKEN, Command, receive, stamp

IDLE_S = 300  # without a task, after which a worker ends
LOOK_S = 0.5
AGAIN_S = 5.0  # Python loses an interrupt that comes while it collects garbage
INTERRUPTED = 130  # exit code of a command
LARGEST = 4 << 30  # bytes that it may hold after a run


Task = str | Command  # the id of a run, or a command


class Desk:
    """Where tasks are taken, one at a time, while there is nothing to do.

    Attributes:
        launcher: process id of whoever handed out the task that is at work.
    """

    def __init__(self, launcher: int | None, *first: Task, wake: Callable[[], None] = lambda: None) -> None:
        """Takes what is offered once what is there `first` is done.

        Args:
            launcher: process id of whoever handed out what is there first.
            first: a task, or none.
            wake: called when a task was taken.
        """
        self.launcher = launcher
        self._launchers = {launcher}  # of runs
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        for task in first:
            self._tasks.put(task)
        self._code, self._wake = code_stamp(), wake
        self._lock = threading.Lock()
        self._busy = bool(first)

    def offer(self, launcher: int, task: Task) -> bool:
        """Takes a task, unless another is at work, the code has changed, or no more is taken."""
        with self._lock:
            if self._busy or code_stamp() != self._code:
                return False
            self._busy, self.launcher = True, launcher
            if isinstance(task, str):
                self._launchers.add(launcher)
            self._tasks.put(task)
        self._wake()
        return True

    def take(self) -> Task | None:
        """The task that was taken since the last one, or None; no other is taken until `free`."""
        with self._lock:
            self._busy = True
            return None if self._tasks.empty() else self._tasks.get()

    def free(self) -> None:
        """Takes tasks again."""
        with self._lock:
            self._busy = False

    def tasks(self) -> Iterator[Task]:
        """Each task that is taken, until none came for a while or all who launched runs are gone."""
        until = time.monotonic() + IDLE_S
        while True:
            try:
                task = self._tasks.get(timeout=LOOK_S)
            except Empty:
                if time.monotonic() > until or not any(map(_lives, self._launchers)):
                    with self._lock:
                        if not self._busy:
                            self._busy = True  # for ever
                            return
                continue
            yield task
            if psutil.Process().memory_info().rss > LARGEST or code_stamp() != self._code:
                return
            self.free()
            until = time.monotonic() + IDLE_S


def work(launcher: int, folder: Path, *runs: str) -> None:
    """Executes this run, if any, and the tasks that come after it, which are offered on a socket in a folder."""
    close_new_files()
    take_signals()
    if not _lives(launcher):  # it ended while this was loaded; a server that was stopped since is not to be started
        return
    settings = read_settings()
    desk = Desk(launcher, *runs)
    database = open_database(settings)
    with listening(folder, desk, stamp(settings, database)) as listens:
        if not (listens or runs):
            return
        import_module("facefind_pipeline.definitions")
        libraries_are_loaded()
        if not _lives(desk.launcher):
            return
        with open_instance(settings, database) as instance:
            for task in desk.tasks():
                if isinstance(task, Command):
                    carry_out(task)
                    continue
                with _interrupted_when(lambda: not _lives(desk.launcher)):
                    execute(instance, database, task)
                if not listens:
                    return


def carry_out(command: Command) -> None:
    """Carries out a command, until whoever called it gives it up; not where it can't be here, which it is told.

    Raises:
        KeyboardInterrupt: this process is to end.
    """
    call, code = import_module("facefind_pipeline.cli").call, None
    try:
        with command.standing_in(), _interrupted_when(command.is_given_up):
            if command.begin():
                code = INTERRUPTED
                try:
                    code = call(command.arguments)
                except Exception:  # noqa: BLE001 - whoever called it sees it, as of a process of its own
                    traceback.print_exc()
                    code = 1
    except OSError:
        if code is not None:  # begun: it is not that its working directory is none for this process
            raise
    finally:
        given_up = command.is_given_up()
        gc.collect()  # the instance that it opened keeps its connections as long as it is there
        command.end(BUSY if code is None else str(code).encode())
    if code == INTERRUPTED and not given_up:
        raise KeyboardInterrupt


def _lives(pid: int | None) -> bool:
    return pid is not None and psutil.pid_exists(pid)


def code_stamp() -> float:
    """When the package's code changed last, in seconds since 1970."""
    package = Path(facefind_pipeline.__file__).parent
    return max(file.stat().st_mtime for file in package.rglob("*.py"))


@contextmanager
def listening(folder: Path, desk: Desk, settings: str) -> Iterator[bool]:
    """A socket on which tasks are offered; where the home's path is too long for one, the first run is the last.

    Args:
        folder: of the sockets.
        desk: that takes what is offered.
        settings: the stamp of those that commands must be called with.
    """
    file = folder / f"{os.getpid()}.sock"
    if len(os.fsencode(file)) > LONGEST_SOCKET:
        yield False
        return
    with socket.socket(socket.AF_UNIX) as listener:
        unnamed = file.with_suffix(".new")  # nobody finds a socket that does not listen yet
        listener.bind(os.fspath(unnamed))
        listener.listen()
        unnamed.rename(file)
        threading.Thread(target=_answer, args=(listener, desk, settings), daemon=True).start()
        try:
            yield True
        finally:
            with suppress(FileNotFoundError):
                file.unlink()


def _answer(listener: socket.socket, desk: Desk, settings: str) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # closed
            return
        with suppress(OSError, ValueError):
            line, command = receive(client)
            if command is not None:  # which says itself that it is taken, and ends the connection
                if command.stamp != settings or not desk.offer(command.pid, command):
                    command.end(BUSY)
                continue
            with client:
                launcher, run_id = line.split()
                client.sendall(TAKEN if desk.offer(int(launcher), run_id) else BUSY)


@contextmanager
def _interrupted_when(given_up: Callable[[], bool]) -> Iterator[None]:
    """Interrupts what is at work when nobody waits for it any more: Ctrl-C ends `facefind dev` with its runs."""
    ended = threading.Event()

    def watch() -> None:
        wait_s = LOOK_S
        while not ended.wait(wait_s):
            if given_up():
                os.kill(os.getpid(), signal.SIGTERM)
                wait_s = AGAIN_S

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
