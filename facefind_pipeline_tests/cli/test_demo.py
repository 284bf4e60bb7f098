"""The demo, beside a user who has a home and references of their own."""

from pathlib import Path

import pytest

from facefind_pipeline.cli.demo import stay_apart
from facefind_pipeline.orchestration.instance import environment
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database


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
