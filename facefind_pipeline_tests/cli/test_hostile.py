"""A folder of over a hundred files that break readers of photos: one run, each with the outcome that it should have."""

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from facefind_pipeline.path_text import text_of
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.hostile import FOUND, NONE, USED, write_hostile
from facefind_pipeline_tests.odd_photos import encoded, numbered
from facefind_pipeline_tests.store.rows import table

FACEFIND = [sys.executable, "-c", "from facefind_pipeline.cli import main; main()"]
LARGEST = 1_500_000_000  # bytes
OUTCOMES = """
    SELECT split_part(path, '/', -1), coalesce(p.problem, d.problem),
           EXISTS (SELECT FROM detected_faces f WHERE f.sha256 = p.sha256)
    FROM photos p LEFT JOIN detections d USING (sha256)
"""


@dataclass
class Run:
    """What a command printed, how it ended, and the most that its processes held together."""

    printed: str
    status: int
    peak: int
    seconds: float


def run_watched(*arguments: object, environment: dict[str, str] | None = None) -> Run:
    """Runs the command; every 10 ms the resident memory of it and all below it is summed up, shared pages each time."""
    started = time.monotonic()
    with subprocess.Popen(
        [*FACEFIND, *map(str, arguments)],
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        peak = 0

        def watch() -> None:
            nonlocal peak
            parent = psutil.Process(process.pid)
            while process.returncode is None:
                total = 0
                with suppress(psutil.Error):
                    for one in (parent, *parent.children(recursive=True)):
                        with suppress(psutil.Error):
                            total += one.memory_info().rss
                peak = max(peak, total)
                time.sleep(0.01)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        assert process.stdout is not None
        printed = process.stdout.read()
        process.wait()
        watcher.join()
    return Run(printed, process.returncode, peak, time.monotonic() - started)


@pytest.mark.proof
@pytest.mark.usefixtures("somebody")
def test_a_folder_of_hostile_files_is_one_run(database: Database, portraits: Portraits, tmp_path: Path) -> None:
    folder = tmp_path / "party"
    folder.mkdir()
    expected = write_hostile(folder, portraits.hopper)
    assert len(expected) >= 100
    run = run_watched("run", folder, "--params", SMALL_SET)
    assert run.status == 0, run.printed[-2000:]
    with database.connect() as connection:
        became = {name: (problem, found) for name, problem, found in table(connection, OUTCOMES)}
    wrong = {}
    for name, outcome in expected.items():
        problem, found = became.get(text_of(name), (NONE, False))
        fits = {FOUND: problem is None and found, USED: problem is None, NONE: problem == NONE}
        if not fits.get(outcome, outcome in (problem or "")):
            wrong[name] = f"{outcome} expected: {problem}, {found}"
    print(f"{len(expected)} files, {run.seconds:.0f} s, all processes at most {run.peak / 1e6:.0f} MB")
    assert not wrong
    assert "Traceback" not in run.printed
    assert run.peak < LARGEST


PLANTED = """
import ctypes, sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec

def patched_decode(module):
    decode = module._jpeg
    def planted(data, mode):
        if b"PLANTED crash" in data:
            ctypes.string_at(0)
        while b"PLANTED loop" in data:
            pass
        if b"PLANTED swallow" in data:
            b"x" * (8 << 30)
        return decode(data, mode)
    module._jpeg = planted

def patched_patience(module):
    module.PATIENCE_S = 15.0

PATCHES = {
    "facefind_pipeline.vision.decode": patched_decode,
    "facefind_pipeline.vision.watched_process": patched_patience,
}

class Planting(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        patch = PATCHES.pop(name, None)
        if patch is None:
            return None
        spec = find_spec(name)
        execute = spec.loader.exec_module
        def patched(module):
            execute(module)
            patch(module)
        spec.loader.exec_module = patched
        return spec

sys.meta_path.insert(0, Planting())
"""


@pytest.mark.proof
@pytest.mark.usefixtures("somebody")
def test_a_crash_a_loop_and_8_gigabytes_in_the_decoder_cost_one_photo_each(
    database: Database, portraits: Portraits, tmp_path: Path
) -> None:
    folder, hook, person = tmp_path / "party", tmp_path / "hook", numbered(portraits.hopper)
    folder.mkdir()
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(PLANTED)
    planted = {"3.jpg": "crash", "4.jpg": "loop", "5.jpg": "swallow"}
    for number in range(9):
        name = f"{number}.jpg"
        (folder / name).write_bytes(encoded(person(), quality=92, comment=f"PLANTED {planted.get(name)}"))
    run = run_watched("run", folder, "--params", SMALL_SET, environment={"PYTHONPATH": str(hook)})
    assert run.status == 0, run.printed[-2000:]
    print(f"9 photos, {run.seconds:.0f} s, all processes at most {run.peak / 1e6:.0f} MB")
    with database.connect() as connection:
        became = {name: (problem, found) for name, problem, found in table(connection, OUTCOMES)}
    crashed, looped, swallowed = (became[name][0] for name in planted)
    assert crashed == "decoding or detecting failed: the process that worked on it crashed (Segmentation fault)"
    assert re.fullmatch(r"decoding or detecting failed: it took longer than 1\d s", looped)
    assert re.fullmatch(r"decoding or detecting failed: it took more than 5\d\d MB of memory", swallowed)
    assert all(found for name, (_, found) in became.items() if name not in planted)
    assert "Traceback" not in run.printed
    assert run.peak < LARGEST
