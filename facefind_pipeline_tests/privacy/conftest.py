"""Homes with a server of their own, whose every file a test may search."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.database import open_database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.privacy.searched_place import Place


@pytest.fixture
def place(
    tmp_path: Path, event: Path, reference: Path, derived: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    for variable in [v for v in os.environ if v.startswith(("FACEFIND_", "DAGSTER_"))]:
        monkeypatch.delenv(variable)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("FACEFIND_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    (home / "derived").symlink_to(derived)
    settings = read_settings()
    database = open_database(settings)
    yield Place(settings, database, event, reference)
    server = EmbeddedServer(home)
    data = server.data
    server.stop()
    shutil.rmtree(data.parent)
