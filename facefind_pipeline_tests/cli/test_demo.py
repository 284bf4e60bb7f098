"""The demo, beside a user who has a home and references of their own, and what it ends with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facefind_pipeline.cli.demo import stay_apart
from facefind_pipeline.orchestration.instance import environment
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.server import EmbeddedServer


def test_it_uses_nothing_that_env_exported_but_models(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(settings, Database("postgresql:///theirs", "postgresql:///dagster")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FACEFIND_REFERENCES", str(tmp_path / "family"))
    stay_apart(tmp_path / "demo")
    apart = read_settings()
    assert apart.models == settings.models
    assert apart.database_url is None
    for place in (apart.home, apart.references, apart.dagster_home, apart.sheets, apart.truth):
        assert place.is_relative_to(tmp_path / "demo")


@pytest.mark.proof
def test_it_ends_with_a_gallery_that_can_be_opened(tmp_path: Path) -> None:
    facefind = Path(sys.executable).with_name("facefind")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACEFIND_")}
    try:
        done = subprocess.run(
            [facefind, "demo", "demo"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
    finally:
        server = EmbeddedServer(tmp_path / "demo" / ".facefind")
        server.stop()
        shutil.rmtree(server.data.parent, ignore_errors=True)  # root's lies outside the temporary folder
    page = tmp_path / "demo" / "gallery" / "index.html"
    assert done.stdout.splitlines()[-1] == f"gallery: {page}"
    assert len(list((page.parent / "photos").iterdir())) == 20
