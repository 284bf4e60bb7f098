"""Commands whose runs cannot start say so in plain words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facefind_pipeline.orchestration.semaphores import require_semaphores
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind

# A mount namespace of the command's own, in which /dev/shm takes nothing.
WITHOUT = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount --bind /dev/shm /dev/shm && mount -o remount,bind,ro /dev/shm && exec "$@"',
    "sh",
]
FACEFIND = [sys.executable, "-c", "from facefind_pipeline.cli import main; main()"]


@pytest.mark.proof
@pytest.mark.usefixtures("somebody")
@pytest.mark.skipif(not Path("/dev/shm").is_dir() or os.geteuid() != 0, reason="only root may mount over /dev/shm")
def test_where_shared_memory_cannot_be_written(facefind: Facefind, event: Path) -> None:
    assert facefind("ingest", event).exit_code == 0
    for command in (["dev", "--port", "3999"], ["sweep", SMALL_SET]):
        done = subprocess.run([*WITHOUT, *FACEFIND, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert done.stderr.splitlines()[-1].startswith(
            "facefind: shared memory can't be written (read-only file system)"
        )
        assert "Traceback" not in done.stderr
    run = subprocess.run(
        [*WITHOUT, *FACEFIND, "run", event, "--params", SMALL_SET], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_where_it_can() -> None:
    require_semaphores()
