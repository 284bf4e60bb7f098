"""Nothing is taken from the working directory, and nothing that is written can be read by others."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from facefind_pipeline.orchestration import daemon
from facefind_pipeline.orchestration.instance import environment
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.conftest import SMALL_SET
from facefind_pipeline_tests.dev_server import serve

# As the console script runs, which does not have the working directory among its modules' folders.
COMMAND = [sys.executable, "-P", "-c", "from facefind_pipeline.cli import main; main()"]


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory full of what Python and Dagster would take from it; each part leaves a `witness`."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    witness = folder / "witness"
    code = f"open({str(witness)!r}, 'a').write(__name__)\nraise SystemExit('taken from the working directory')\n"
    for name in ("facefind_pipeline", "dagster", "dagster_webserver", "yaml", "numpy", "click", "sitecustomize"):
        (folder / f"{name}.py").write_text(code)
    (folder / ".env").write_text("HOSTILE_VARIABLE=1\n")
    (folder / "dagster.yaml").write_text("storage: {hostile: 1}\n")
    (folder / "workspace.yaml").write_text("load_from: [{python_file: yaml.py}]\n")
    (folder / "pyproject.toml").write_text('[tool.dagster]\nmodule_name = "yaml"\n')
    monkeypatch.chdir(folder)
    return folder


def test_a_sweeps_worker_takes_nothing_from_the_working_directory(
    hostile: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hostile)
    settings.dagster_home.mkdir(parents=True)
    for name, value in environment(settings, database).items():
        monkeypatch.setenv(name, value)
    (settings.dagster_home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    worker = daemon._start_worker(dg.DagsterInstance.ephemeral(), settings)
    daemon._give(worker, "no-such-backfill")
    assert worker.wait(60) == 0, daemon._log(settings).read_text()
    assert not (hostile / "witness").exists()


def test_commands_take_nothing_from_the_working_directory(
    hostile: Path, settings: Settings, database: Database
) -> None:
    for arguments in (["status"], ["env"], ["params", "add", SMALL_SET]):
        done = subprocess.run([*COMMAND, *arguments], cwd=hostile, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert not (hostile / "witness").exists()


@pytest.mark.proof
def test_the_ui_takes_nothing_from_the_working_directory(hostile: Path, settings: Settings, database: Database) -> None:
    log = hostile.parent / "dev.log"
    with serve(log):
        pass
    assert not (hostile / "witness").exists()
    assert "HOSTILE_VARIABLE" not in log.read_text()


@pytest.mark.slow
def test_what_a_run_leaves_is_closed(
    event: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a home, its cluster and its log, whatever the umask of the shell was."""
    home = tmp_path / "work" / ".facefind"
    home.parent.mkdir()
    for variable in ("FACEFIND_HOME", "FACEFIND_DATABASE_URL", "FACEFIND_MODELS"):
        monkeypatch.delenv(variable, raising=False)
    server = EmbeddedServer(home)
    before = os.umask(0)
    try:
        for arguments in (["run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}"], ["evaluate"]):
            subprocess.run([*COMMAND, *arguments], cwd=home.parent, capture_output=True, check=False)
    finally:
        os.umask(before)
        running = server.stop()
    assert running
    made = [home, *home.rglob("*"), *server.data.rglob("*")]
    assert {"made-here", "dagster.yaml", "server.log", "PG_VERSION"} <= {
        path.name for path in (*made, *server.data.parent.iterdir())
    }
    assert any(path.suffix == ".jpg" for path in made)
    opened = [path for path in made if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink()]
    assert opened == []
