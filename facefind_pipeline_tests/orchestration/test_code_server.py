"""The code server of `facefind dev`: it is started again where it ended, and anew by `Reload`."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest

from facefind_pipeline.orchestration import code_server
from facefind_pipeline.orchestration.code_server import MODULE, CodeServer, ReloadingContext
from facefind_pipeline.orchestration.dagster_internals import CodeServerClient, CodeServerUnreachableError
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database

PATIENCE_S = 120


@pytest.fixture
def instance(settings: Settings, database: Database) -> Iterator[dg.DagsterInstance]:
    with open_instance(settings, database) as opened:
        yield opened


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore:Error loading repository location")  # while there is none
def test_it_is_started_again_and_anew(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_server, "HEARTBEAT_S", 0.2)
    with CodeServer(tmp_path, "warning") as server, ReloadingContext(instance, server) as context:
        first = _pid()
        psutil.Process(first).kill()
        _wait(lambda: _pid() != first and _answers(tmp_path))
        second = _pid()
        for reload in (lambda: context.reload_code_location(MODULE), context.reload_workspace):
            before = _pid()
            reload()
            assert _pid() != before
            repositories = context.create_request_context().get_code_location(MODULE).get_repositories()
            assert all(repository.has_job("fill_missing") for repository in repositories.values())
        assert second != _pid()
        last = psutil.Process(_pid())
    assert not last.is_running()


@pytest.mark.proof
@pytest.mark.usefixtures("instance")
def test_one_that_ends_at_once_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="does not answer"), CodeServer(tmp_path, "no such level"):
        pass


def _pid() -> int:
    alive = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    (process,) = [one for one in alive if MODULE in one.cmdline()]
    return process.pid


def _answers(folder: Path) -> bool:
    try:
        CodeServerClient(socket=str(folder / "code.sock")).ping("")
    except CodeServerUnreachableError:
        return False
    return True


def _wait(done: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            if done():
                return
        except (ValueError, psutil.NoSuchProcess):  # none between the two
            pass
        assert time.monotonic() < until
        time.sleep(0.1)
