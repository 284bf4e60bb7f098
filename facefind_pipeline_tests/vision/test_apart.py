"""What happens in a process apart stays there: crashes, hangs and bombs cost one call, and the next one works."""

import hashlib
import os
import platform
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from PIL import Image

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.parameters import WholeSettings
from facefind_pipeline.settings import read_settings
from facefind_pipeline.vision import apart as module
from facefind_pipeline.vision import watched_process
from facefind_pipeline.vision.apart import apart, in_each, why_not_apart
from facefind_pipeline.vision.failures import UnreadablePhotoError
from facefind_pipeline.vision.memory import MEGABYTE, Budget, Budgets, Need, Share, asking, read_whole
from facefind_pipeline.vision.pipeline import LOSSES_AHEAD, PhotoTask, TaskAhead, find_faces
from facefind_pipeline.vision.set_models import SetModels
from facefind_pipeline.vision.towns import nearest_town
from facefind_pipeline.vision.watched_process import LostPhotoError, NotStartedError, WatchedProcess
from facefind_pipeline_tests.vision import misbehaving


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A pool of two processes, whatever the machine has."""
    pool = module._Pool(2)
    monkeypatch.setitem(module._pools, os.getpid(), pool)
    yield
    while not pool._idle.empty():
        if (process := pool._idle.get()) is not None:
            process.end()


def test_work_is_done_by_a_process_that_stays() -> None:
    assert why_not_apart() is None
    first = apart(misbehaving.process)
    assert first != os.getpid()
    assert apart(misbehaving.process) == first
    assert apart(misbehaving.threads_of_opencv) == 1
    assert "dagster" not in apart(misbehaving.modules)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they do")
def test_what_a_photo_of_usual_size_took_is_there_for_the_next() -> None:
    """A photo of 12 megapixels is 9,000 pages."""
    assert apart(misbehaving.interruptions, 36 * MEGABYTE) < 100
    assert apart(misbehaving.interruptions, 300 * MEGABYTE) > 10_000


@pytest.mark.parametrize(
    ("function", "reason", "by_machine"),
    [
        (misbehaving.crash, "the process that worked on it crashed (Segmentation fault)", False),
        (misbehaving.leave, "the process that worked on it crashed (exit code 3)", False),
        (misbehaving.be_killed, "the process that worked on it crashed (Killed)", True),
        (misbehaving.swallow, "it took more than 550 MB of memory", False),
    ],
)
def test_what_ends_a_process_is_told_and_costs_one_call(
    function: Callable[[], None], reason: str, by_machine: bool
) -> None:
    with pytest.raises(LostPhotoError) as lost:
        apart(function)
    assert (str(lost.value), lost.value.by_machine) == (reason, by_machine)
    assert apart(misbehaving.process) != os.getpid()


@pytest.mark.parametrize(
    ("function", "reason", "by_machine"),
    [(misbehaving.loop, "it took longer than 1 s", False), (misbehaving.sleep, r"it was not done after \d+ s", True)],
)
def test_what_hangs_is_ended(
    function: Callable[[], None], reason: str, by_machine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_process, "PATIENCE_S", 1.0)
    with pytest.raises(LostPhotoError, match=reason) as lost:
        apart(function)
    assert lost.value.by_machine == by_machine


def test_what_the_machine_ended_is_tried_once_more(tmp_path: Path) -> None:
    first = apart(misbehaving.process)
    assert apart(misbehaving.be_killed_once, tmp_path / "mark") not in {first, os.getpid()}


@pytest.mark.parametrize(
    ("number", "by_machine"),
    [
        (signal.SIGALRM, True),
        (signal.SIGHUP, True),
        (signal.SIGINT, True),
        (signal.SIGQUIT, True),
        (signal.SIGABRT, False),
        (signal.SIGPROF, False),
    ],
)
def test_who_sends_a_signal_tells_whose_fault_it_is(number: int, by_machine: bool) -> None:
    process = WatchedProcess()
    with pytest.raises(LostPhotoError) as lost:
        process.call(Share(Budgets(1)), misbehaving.signal_itself, (number,), {})
    assert lost.value.by_machine == by_machine


@pytest.mark.parametrize("function", [misbehaving.crash, misbehaving.leave])
def test_where_a_process_may_map_little_a_crash_may_be_the_machines(function: Callable[[], None]) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    process = WatchedProcess()
    resource.setrlimit(resource.RLIMIT_AS, (2**46, before[1]))
    try:
        with pytest.raises(LostPhotoError) as lost:
            process.call(Share(Budgets(1)), function, (), {})
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert lost.value.by_machine


def test_a_process_apart_keeps_no_stream_of_ours() -> None:
    assert apart(misbehaving.streams) == [os.devnull] * 2


def test_why_a_process_does_not_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1 is missing')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(NotStartedError, match="does not start: ImportError: libGL"):
        WatchedProcess()


def test_what_a_terminal_sends_is_not_for_processes_apart() -> None:
    assert apart(misbehaving.group) == apart(misbehaving.process)


@pytest.mark.usefixtures("two")
def test_each_process_is_loaded_at_once_and_what_fails_there_is_left_to_who_comes(tmp_path: Path) -> None:
    in_each(2, misbehaving.be_there, tmp_path)
    there = {int(file.name) for file in tmp_path.iterdir()}
    assert len(there) == 2
    assert apart(misbehaving.process) in there
    in_each(1, misbehaving.be_there, tmp_path)
    assert {int(file.name) for file in tmp_path.iterdir()} == there
    in_each(2, misbehaving.crash)
    assert apart(misbehaving.process) not in {*there, os.getpid()}


@pytest.mark.usefixtures("two")
def test_others_are_not_lost_with_one() -> None:
    def called(number: int) -> int | str:
        try:
            return apart(misbehaving.crash) or 0 if number % 5 == 3 else apart(abs, -number)
        except LostPhotoError:
            return "lost"

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(called, range(10))) == [0, 1, 2, "lost", 4, 5, 6, 7, "lost", 9]


def test_what_a_function_raises_is_raised_here() -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        apart(os.stat, "/nothing/there")
    with pytest.raises(RuntimeError, match="TwoWordsError: bad luck"):
        apart(misbehaving.fail)
    with pytest.raises(FacefindError, match="two"):
        apart(_complain)


def _complain() -> None:
    raise FacefindError("one or two")


def test_what_was_asked_for_may_be_taken() -> None:
    assert apart(misbehaving.swallow_what_was_asked_for, 500 * MEGABYTE) == 500 * MEGABYTE
    with pytest.raises(UnreadablePhotoError, match="too large: 5000 MB"):
        apart(misbehaving.taken, 5000)
    with pytest.raises(UnreadablePhotoError, match="too large: 3000 MB"):
        apart(misbehaving.taken, 0, 3000)


@pytest.mark.usefixtures("two")
def test_a_process_that_holds_a_detectors_buffers_may_still_load_a_table() -> None:
    apart(misbehaving.hold, 450 * MEGABYTE)
    town = apart(nearest_town, 38.7, -9.13)
    assert town is not None
    assert town.country == "PT"


@pytest.mark.usefixtures("two")
def test_all_share_one_budget() -> None:
    with ThreadPoolExecutor(2) as pool:
        (_, ended), (started, _) = sorted(pool.map(apart, [misbehaving.taken] * 2, [600] * 2))
    assert ended <= started


def test_who_asks_first_is_served_first() -> None:
    budget, served = Budget(10), list[int]()
    budget.take(2)
    budget.take(3)

    def take(wanted: int) -> None:
        budget.take(wanted)
        served.append(wanted)

    large = threading.Thread(target=take, args=(10,))
    large.start()
    while not budget._turn.locked():
        pass
    small = threading.Thread(target=take, args=(1,))
    small.start()
    budget.give_back(5)
    large.join()
    budget.give_back(10)
    small.join()
    assert served == [10, 1]


def test_processes_end_with_the_one_that_started_them() -> None:
    code = (
        "import os, signal; from facefind_pipeline.vision.apart import apart;"
        "print(apart(os.getpid), flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    assert killed.returncode == -9
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(killed.stdout)).wait(10)


@pytest.mark.usefixtures("in_this_process")
def test_where_no_process_can_be_had_threads_do_the_same_within_the_budget() -> None:
    assert why_not_apart() == "a test has none"
    assert apart(misbehaving.process) == os.getpid()
    with pytest.raises(UnreadablePhotoError, match="too large: 5000 MB"):
        apart(misbehaving.taken, 5000)


def test_a_system_without_a_python_to_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nothing/there")
    assert module._Pool(1).lacking == "no process can be started to decode photos in: No such file or directory"


def test_a_large_file_may_take_its_time_to_read(tmp_path: Path) -> None:
    file, needs = tmp_path / "raw", list[Need]()
    file.touch()
    os.truncate(file, 200 * MEGABYTE)

    def ask(need: Need) -> bool:
        needs.append(need)
        return False

    with asking(ask), file.open("rb") as opened, pytest.raises(UnreadablePhotoError):
        read_whole(opened)
    assert needs == [Need(file=200 * MEGABYTE, seconds=200.0)]


@pytest.mark.parametrize(("tries_last_s", "started"), [(0.0, True), (100.0, False)])
def test_a_process_that_could_not_be_had_is_tried_again(
    tries_last_s: float, started: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    def refused() -> WatchedProcess:
        clock[0] += tries_last_s
        raise NotStartedError("not yet")

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    with monkeypatch.context() as failing:
        failing.setattr(module, "WatchedProcess", refused)
        pool = module._Pool(1)
        assert (pool.call(misbehaving.process), pool.lacking) == (os.getpid(), "not yet")
    assert (pool.call(misbehaving.process) != os.getpid()) == started
    clock[0] += 100 * tries_last_s + 1
    assert pool.call(misbehaving.process) != os.getpid()
    assert pool.lacking is None
    process = pool._idle.get()
    assert process is not None
    process.end()


def test_memory_of_photos_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Budgets(1).pixels.total, Budgets(1).files.total) == (700 * MEGABYTE, 300 * MEGABYTE)
    monkeypatch.setenv("FACEFIND_PHOTO_MEMORY", "100")
    assert Budgets(1).files.total == 300 * MEGABYTE
    monkeypatch.setenv("FACEFIND_PHOTO_MEMORY", "7517")
    assert Budgets(1).files.total > 3 << 30
    monkeypatch.setenv("FACEFIND_PHOTO_MEMORY", "1300")
    assert Budgets(1).pixels.total == 1300 * MEGABYTE
    monkeypatch.setenv("FACEFIND_PHOTO_MEMORY", "much")
    for read in (lambda: Budgets(1), read_settings):  # every command says so before it begins
        with pytest.raises(FacefindError, match="'much' is not a number of megabytes"):
            read()


def test_a_set_ahead_that_crashes_processes_costs_the_other_nothing_and_is_soon_left_to_its_own_run(
    tmp_path: Path,
) -> None:
    tasks, record = [], tmp_path / "record"
    for number in range(12):
        file = tmp_path / f"{number}.png"
        Image.new("RGB", (40 + number, 30), "navy").save(file)
        other = TaskAhead("crashing", misbehaving.CrashingModels(record))
        tasks.append(PhotoTask(hashlib.sha256(file.read_bytes()).digest(), file, ahead=(other,)))
    models = SetModels(WholeSettings(), None, models=tmp_path, derived=tmp_path, clip_model=None)
    results = list(find_faces(tasks, models, None, workers=2))
    assert [[face.box for face in result.faces] for result in results] == [[(0, 0, 40 + n, 30)] for n in range(12)]
    assert not any(result.problem or result.ahead for result in results)
    assert LOSSES_AHEAD <= len(record.read_text().split()) <= LOSSES_AHEAD + 1
