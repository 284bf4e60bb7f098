"""Commands that the process of `live` carries out: by whom, with whose streams and folder, and when it does not."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest

from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.processes import PID_TAG
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database

pytestmark = pytest.mark.proof  # each starts Dagster in a process of its own
PATIENCE_S = 120
FACEFIND = Path(sys.executable).with_name("facefind")


@pytest.fixture
def instance(short: Settings, database: Database) -> Iterator[dg.DagsterInstance]:
    with open_instance(short, database) as opened:
        yield opened


@pytest.fixture
def live(instance: dg.DagsterInstance, short: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """The process, once it takes commands."""
    with subprocess.Popen([sys.executable, "-m", "facefind_pipeline.orchestration.live"]) as process:
        _wait_for(lambda: bool(list(short.home.glob("workers/live/*.sock"))))
        yield process
        process.terminate()
        process.wait(PATIENCE_S)


def _facefind(*arguments: object, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [FACEFIND, *map(str, arguments)], capture_output=True, text=True, cwd=folder, check=False, timeout=PATIENCE_S
    )


def _last_by(instance: dg.DagsterInstance) -> int:
    return int(instance.get_runs(limit=1)[0].tags[PID_TAG])


def test_a_command_is_carried_out_as_if_by_a_process_of_its_own(
    live: "subprocess.Popen[bytes]", instance: dg.DagsterInstance, filled: Path, reference: Path
) -> None:
    confirmed = _facefind("confirm", "Ada", "hopper.jpg", "--day", "Day 1")
    assert (confirmed.returncode, confirmed.stderr) == (0, "")
    assert confirmed.stdout == "Day 1/hopper.jpg shows Ada: remembered\n"
    assert _last_by(instance) == live.pid
    added = _facefind("person", "add", "Grace", reference.name, folder=reference.parent)
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith(f"{reference.name}: a face of ")
    assert _last_by(instance) == live.pid
    refused = _facefind("confirm", "Nobody", "hopper.jpg")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("facefind: no person 'nobody'")
    assert _facefind("confirm").returncode == 2
    held = []
    for _ in range(5):
        assert _facefind("confirm", "Ada", "hopper.jpg", "--day", "Day 1").returncode == 0
        held.append(len(psutil.Process(live.pid).net_connections("unix")))
    assert held[-1] <= held[0] + 1, held  # one may be about to close; one kept of each command would be four


def test_other_settings_or_a_dead_process_and_the_command_does_it_itself(
    live: "subprocess.Popen[bytes]",
    instance: dg.DagsterInstance,
    filled: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FACEFIND_IGNORE", "edited")
    assert _facefind("confirm", "Ada", "hopper.jpg", "--day", "Day 1").returncode == 0
    assert _last_by(instance) != live.pid
    monkeypatch.delenv("FACEFIND_IGNORE")
    live.kill()
    live.wait()
    assert _facefind("reject", "Ada", "collins.png").returncode == 0
    assert _last_by(instance) != live.pid


def test_ctrl_c_at_a_command_ends_it_where_it_is_carried_out(
    live: "subprocess.Popen[bytes]", instance: dg.DagsterInstance, database: Database, filled: Path
) -> None:
    with database.lock("results", "hog-up0-px640@dlib"):  # so that it waits
        command = subprocess.Popen(
            [FACEFIND, "confirm", "Ada", "hopper.jpg", "--day", "Day 1"], stderr=subprocess.PIPE, text=True
        )
        _wait_for(lambda: _last_by(instance) == live.pid and instance.get_runs(limit=1)[0].asset_selection is not None)
        command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 130
    assert "facefind: interrupted; what was done is kept, the same command resumes\n" in said
    assert _facefind("confirm", "Ada", "hopper.jpg", "--day", "Day 1").returncode == 0
    assert _last_by(instance) == live.pid
    assert live.poll() is None


def _wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)
