"""Runs are executed by processes that stay: who takes a run, what ends a worker, and what becomes of its run then."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import psutil
import pytest
from dagster import DagsterRun, DagsterRunStatus, RunsFilter

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.orchestration import warm_worker
from facefind_pipeline.orchestration.dagster_internals import BACKFILL_ID_TAG, copy_record, make_new_run_id
from facefind_pipeline.orchestration.execution import execute
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.processes import LOCKED_TAG, PID_TAG, RETRY_TAG
from facefind_pipeline.orchestration.warm_worker import Desk
from facefind_pipeline.orchestration.warm_workers import folder
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.conftest import administer
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.stored import hashes

GONE = 2**22 + 1  # the id of no process: Linux has none above
SETS = "hog-up0-px{160,200,240,280,320,360}@dlib"
SWEEP = [sys.executable, "-c", "from facefind_pipeline.cli import main; main()", "sweep", SETS]
UNFINISHED = [DagsterRunStatus.QUEUED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
KILLS = 10


def test_a_desk_takes_one_run_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(os.getpid(), "first")
    runs = desk.tasks()
    assert not desk.offer(os.getpid(), "while busy")
    assert next(runs) == "first"
    assert not desk.offer(os.getpid(), "while busy")
    taken: list[str] = []
    waiter = threading.Thread(target=lambda: taken.append(next(runs)))
    waiter.start()
    _wait_for(lambda: desk.offer(GONE, "second"))
    waiter.join()
    assert (taken, desk.launcher) == (["second"], GONE)
    assert not desk.offer(os.getpid(), "while busy")
    monkeypatch.setattr(warm_worker, "code_stamp", lambda: time.time() + 1)
    assert list(runs) == []
    assert not desk.offer(os.getpid(), "after the code has changed")


@pytest.mark.parametrize(("gone", "idle", "largest"), [(True, 300, 1 << 50), (False, 0, 1 << 50), (False, 300, 1)])
def test_a_worker_ends_with_its_launchers_after_idle_time_and_when_it_has_grown(
    monkeypatch: pytest.MonkeyPatch, gone: bool, idle: float, largest: int
) -> None:
    monkeypatch.setattr(warm_worker, "IDLE_S", idle)
    monkeypatch.setattr(warm_worker, "LARGEST", largest)
    desk = Desk(GONE if gone else os.getpid(), "first")
    assert list(desk.tasks()) == ["first"]
    assert not desk.offer(os.getpid(), "too late")


def test_a_worker_whose_launcher_ended_meanwhile_starts_no_server(tmp_path: Path) -> None:
    work = "from facefind_pipeline.orchestration.warm_worker import work; from pathlib import Path"
    environment = {**os.environ, "FACEFIND_HOME": str(tmp_path / "home")}
    environment.pop("FACEFIND_DATABASE_URL", None)
    subprocess.run(
        [sys.executable, "-c", f"{work}; work({GONE}, Path.cwd())"], check=True, cwd=tmp_path, env=environment
    )
    assert not (tmp_path / "home").exists()


def test_where_the_path_is_too_long_for_a_socket_a_worker_ends_after_its_run(tmp_path: Path) -> None:
    for name, listens in (("w", True), ("w" * 100, False)):
        folder = tmp_path.joinpath(name)
        folder.mkdir()
        with chdir(tmp_path), warm_worker.listening(Path(name), Desk(os.getpid(), "first"), "") as listening:
            assert listening is listens
            assert len(list(folder.iterdir())) == listens
        assert not list(folder.iterdir())


def test_settings_that_differ_have_other_workers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = folder(settings)
    monkeypatch.setenv("FACEFIND_CLOTHES", "off")
    assert folder(settings) != before


@pytest.fixture
def undisturbed(server: EmbeddedServer, short: Settings, database: Database) -> dict[str, object]:
    """What is stored of the same event once a sweep that nobody disturbs has ended."""
    made = [urlsplit(url).path.strip("/") for url in (database.url, database.dagster_url)]
    alone = [made[0] + "_alone", made[0] + "_alone_dagster"]
    administer(server, *(f"CREATE DATABASE {copy} TEMPLATE {name}" for copy, name in zip(alone, made, strict=True)))
    address = server.url(alone[0])
    environment = {**os.environ, "FACEFIND_HOME": str(short.home), "FACEFIND_DATABASE_URL": address}
    subprocess.run(SWEEP, env=environment, check=True, capture_output=True)
    stored = hashes(address)
    administer(server, *(f"DROP DATABASE {copy} WITH (FORCE)" for copy in alone))
    return stored


@pytest.fixture
def instance(short: Settings, database: Database) -> Iterator[dg.DagsterInstance]:
    with open_instance(short, database) as opened:
        yield opened


@pytest.fixture
def sweep(instance: dg.DagsterInstance) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(SWEEP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield process
        process.terminate()


def test_what_a_command_executes_ends_with_the_command_alone(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(build_defs().resolve_job_def("fill_missing"), status=DagsterRunStatus.STARTED)
    assert not instance.run_launcher.terminate(run.run_id)
    assert _status(instance, run) is DagsterRunStatus.STARTED


@pytest.mark.proof
def test_a_sweep_runs_on_few_workers_that_end_with_it(
    sweep: "subprocess.Popen[str]", instance: dg.DagsterInstance, database: Database, short: Settings
) -> None:
    printed, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, printed
    runs = _launched(instance)
    pids = {int(run.tags[PID_TAG]) for run in runs}
    assert len(runs) >= 12
    assert len(pids) <= 4
    assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS}
    _wait_for(lambda: not any(map(psutil.pid_exists, pids)))
    assert not list(short.home.joinpath("workers").rglob("*.sock"))
    with database.connect() as connection:
        assert table(connection, "SELECT count(DISTINCT parameter_set) FROM searches") == [(7,)]


@pytest.mark.proof
def test_a_canceled_run_ends_and_its_worker_goes_on(
    sweep: "subprocess.Popen[str]", instance: dg.DagsterInstance
) -> None:
    canceled = _at_work(instance)
    pid = int(canceled.tags[PID_TAG])
    assert instance.run_coordinator.cancel_run(canceled.run_id)
    _wait_for(lambda: _status(instance, canceled) is DagsterRunStatus.CANCELED)
    others = len(_launched(instance))
    _wait_for(lambda: len(_launched(instance)) > others)
    assert psutil.pid_exists(pid)


@pytest.mark.proof
def test_ctrl_c_at_a_sweep_ends_what_its_workers_are_at(
    sweep: "subprocess.Popen[str]", instance: dg.DagsterInstance
) -> None:
    pid = int(_at_work(instance).tags[PID_TAG])
    sweep.send_signal(signal.SIGINT)
    sweep.communicate(timeout=60)
    _wait_for(lambda: not psutil.pid_exists(pid))
    assert not [run for run in instance.get_runs(RunsFilter(statuses=UNFINISHED)) if LOCKED_TAG in run.tags]


@pytest.mark.proof
def test_workers_killed_at_random_moments_of_a_sweep_lose_nothing(
    undisturbed: dict[str, object], sweep: "subprocess.Popen[str]", instance: dg.DagsterInstance, database: Database
) -> None:
    """Each dead worker's run is recorded as failed and made again, and those beside it go on."""
    rng, killed = random.Random(5), set[int]()
    while sweep.poll() is None and len(killed) < KILLS:
        time.sleep(rng.random())
        for run in _launched(instance):
            pid = int(run.tags[PID_TAG])
            if run.status is DagsterRunStatus.STARTED and RETRY_TAG not in run.tags and pid not in killed:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
    printed, _ = sweep.communicate(timeout=600)
    print(f"{len(killed)} workers killed")
    assert sweep.returncode == 0, printed
    assert len(killed) >= 3
    assert not instance.get_runs(RunsFilter(statuses=UNFINISHED))
    assert not instance.event_log_storage.get_concurrency_run_ids()
    assert hashes(database.url) == undisturbed


@pytest.mark.proof
def test_two_hundred_runs_in_one_process_leave_its_memory_flat(
    sweep: "subprocess.Popen[str]", instance: dg.DagsterInstance, database: Database
) -> None:
    printed, _ = sweep.communicate(timeout=600)
    assert sweep.returncode == 0, printed
    last = _launched(instance)[0]
    held = []
    for _ in range(200):
        tags = {key: value for key, value in last.tags.items() if key not in (LOCKED_TAG, BACKFILL_ID_TAG)}
        run = copy_record(last, run_id=make_new_run_id(), status=DagsterRunStatus.NOT_STARTED, tags=tags)
        instance.add_run(run)
        execute(instance, database, run.run_id)
        assert _status(instance, run) is DagsterRunStatus.SUCCESS
        held.append(psutil.Process().memory_info().rss / 1e6)
    print(f"{held[19]:.0f} MB after 20 runs, {held[99]:.0f} after 100, {held[199]:.0f} after 200")
    assert held[199] < held[99] + 0.05 * held[19]


def _launched(instance: dg.DagsterInstance) -> list[DagsterRun]:
    """Runs that workers began, newest first."""
    runs = instance.get_runs()
    return [run for run in runs if run.tags.get(LOCKED_TAG) == run.run_id and BACKFILL_ID_TAG in run.tags]


def _at_work(instance: dg.DagsterInstance) -> DagsterRun:
    """A run that a worker is at."""
    found: list[DagsterRun] = []

    def look() -> bool:
        found[:] = [run for run in _launched(instance) if run.status is DagsterRunStatus.STARTED]
        return bool(found)

    _wait_for(look)
    return found[0]


def _status(instance: dg.DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    now = instance.get_run_by_id(run.run_id)
    assert now is not None
    return now.status


def _wait_for(what: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)
