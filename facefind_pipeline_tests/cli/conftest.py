"""Homes with a server of their own, which a test may treat badly."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facefind_pipeline.store.server import EmbeddedServer

FACEFIND = [sys.executable, "-c", "from facefind_pipeline.cli import main; main()"]


@pytest.fixture
def make_home(models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], EmbeddedServer]]:
    """Makes a home and starts its server; the environment names the last one."""
    servers = []

    def make(home: Path) -> EmbeddedServer:
        monkeypatch.setenv("FACEFIND_HOME", str(home))
        monkeypatch.setenv("FACEFIND_MODELS", str(models))
        monkeypatch.delenv("FACEFIND_DATABASE_URL", raising=False)
        subprocess.run([*FACEFIND, "up"], check=True, capture_output=True)
        servers.append(EmbeddedServer(home))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
        shutil.rmtree(server.data.parent, ignore_errors=True)  # root's lies outside the temporary folder


def postmaster(server: EmbeddedServer) -> int:
    """The process that is killed to kill the server."""
    return int((server.data / "postmaster.pid").read_text().split()[0])
