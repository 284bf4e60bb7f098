"""What Dagster's UI starts beside it: processes that are started again, and that end in time."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from facefind_pipeline.orchestration import ui_server


def test_what_ends_by_itself_is_started_again_after_a_pause(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    codes: list[int | None] = [1, None]
    started, lives = [], threading.Event()

    @contextmanager
    def process(module: str) -> Iterator[SimpleNamespace]:
        started.append(module)
        code = codes[len(started) - 1]
        if code is None:
            lives.set()
        yield SimpleNamespace(poll=lambda: code, returncode=code)

    monkeypatch.setattr(ui_server, "_process", process)
    monkeypatch.setattr(ui_server, "PAUSE_S", 0.01)
    with ui_server._kept("the.module"):
        assert lives.wait(5)
    assert started == ["the.module"] * 2
    assert caplog.messages == ["the.module ended with code 1, and is started again"]


def test_a_process_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def wait(seconds: float | None = None) -> None:
        done.append("wait")
        if seconds is not None:
            raise subprocess.TimeoutExpired("it", seconds)

    stuck = SimpleNamespace(terminate=lambda: done.append("terminate"), kill=lambda: done.append("kill"), wait=wait)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: stuck)
    with ui_server._process("the.module"):
        pass
    assert done == ["terminate", "wait", "kill", "wait"]
