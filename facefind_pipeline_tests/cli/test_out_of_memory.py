"""A run that the machine gives no memory, as a whole command: nothing is lost, doubled or blamed on a photo."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.cli.conftest import FACEFIND
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.limited_memory import limited
from facefind_pipeline_tests.stored import ask, hashes

PHOTOS = 24
PATIENCE_S = 180
UNFINISHED = "SELECT count(*) FROM runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
DETECTED = "SELECT count(*), count(problem) FROM detections"
# Megabytes of the command, its decoding processes and the server together. In a new home most is taken where dlib's
# network is built, in one that has it where photos are decoded and faces embedded.
NEW, BUILT = (50, 200, 500, 700, 900), (350, 500, 520, 540, 900)
# Of address space, of each process. Not about 1,000: there a thread that fails while it starts may make Python wait.
OF_EACH = (60, 100, 250, 300, 600, 800, 900, 1500)

pytestmark = [pytest.mark.usefixtures("somebody"), pytest.mark.proof]
Run = subprocess.CompletedProcess[str]


class Home:
    """A home whose server is started by its first command, wherever that runs."""

    def __init__(self, folder: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FACEFIND_HOME", str(folder))
        monkeypatch.setenv("FACEFIND_MODELS", str(models))
        monkeypatch.delenv("FACEFIND_DATABASE_URL", raising=False)
        self.folder, self.server = folder, EmbeddedServer(folder)

    def finished(self, photos: Path) -> tuple[dict[str, object], int]:
        """What its tables hold once the command has run without a limit, and how many photos it found done."""
        done = subprocess.run(_command(photos), capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stderr
        assert "left out" not in done.stderr
        assert ask(self.server.url("facefind"), DETECTED) == [(PHOTOS, 0)]
        assert ask(self.server.url("dagster"), UNFINISHED) == [(0,)]
        to_do = re.search(r"(\d+) to do", done.stderr)
        assert to_do is not None
        return hashes(self.server.url("facefind")), PHOTOS - int(to_do[1])

    def remove(self) -> None:
        """Stops the server and removes what root's has elsewhere."""
        self.server.stop()
        shutil.rmtree(self.server.data.parent, ignore_errors=True)


@pytest.fixture
def homes(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Homes"]:
    made = Homes(tmp_path, models, monkeypatch)
    yield made
    for home in made.homes:
        home.remove()


class Homes:
    """Makes homes; the environment names the last one."""

    def __init__(self, folder: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.homes: list[Home] = []
        self._folder, self._models, self._monkeypatch = folder, models, monkeypatch

    def make(self, name: str) -> Home:
        self.homes.append(Home(self._folder / name, self._models, self._monkeypatch))
        return self.homes[-1]

    def build(self, home: Home) -> None:
        """Gives a home what the first one derived from models."""
        home.folder.mkdir(mode=0o700)
        (home.folder / "derived").symlink_to(self.homes[0].folder / "derived")


@pytest.fixture
def photos(tmp_path: Path, portraits: Portraits) -> Path:
    folder = tmp_path / "photos" / "day 001"
    folder.mkdir(parents=True)
    for number in range(PHOTOS):
        photo = portraits.hopper.resize((1200, 1425), box=(number / 20, number / 10, 512, 600))
        photo.save(folder / f"{number:02}.jpg")
    return folder.parent


def test_a_run_in_a_group_with_too_little_memory(homes: "Homes", photos: Path) -> None:
    """The kernel ends processes of the command and its server, and at the end of each try all that is left."""
    undisturbed, _ = homes.make("undisturbed").finished(photos)
    said = []
    for name, megabytes in [*(("new", limit) for limit in NEW), *(("built", limit) for limit in BUILT)]:
        home = homes.make(f"{name}-{megabytes}")
        if name == "built":
            homes.build(home)
        with limited(megabytes * 10**6) as group:
            run = group.run(_command(photos), PATIENCE_S)
            kills = group.kills()
        _check(run, megabytes)
        assert megabytes < 200 or megabytes >= 1000 or f"may have {megabytes} MB of memory" in run.stderr
        assert kills or run.returncode == 0, f"{megabytes} MB: {run.stderr}"
        stored, done = home.finished(photos)
        assert stored == undisturbed, f"{megabytes} MB"
        said.append(f"{name}, {megabytes} MB: {_end_of(run)}, {done} photos done")
        home.remove()
    assert "signal" in said[0]  # the limits did bite
    assert "finished" in said[-1]
    print("; ".join(said))


def test_a_run_whose_processes_may_map_too_little(homes: "Homes", photos: Path) -> None:
    """Allocations fail, in the command, in what decodes, and in the server that it starts."""
    undisturbed, _ = homes.make("undisturbed").finished(photos)
    said = []
    for megabytes in OF_EACH:
        home = homes.make(f"each-{megabytes}")
        run = subprocess.run(
            ["prlimit", f"--as={megabytes * 10**6}", *_command(photos)],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE_S,
        )
        _check(run, megabytes)
        home.server.stop()  # it has the limit too
        stored, done = home.finished(photos)
        assert stored == undisturbed, f"{megabytes} MB"
        said.append(f"{megabytes} MB: {_end_of(run)}, {done} photos done")
        home.remove()
    assert sum("one line" in one for one in said) >= len(OF_EACH) // 2, said
    print("; ".join(said))


def _command(photos: Path) -> list[str | Path]:
    return [*FACEFIND, "run", photos, "--params", SMALL_SET]


def _check(run: Run, megabytes: int) -> None:
    """It is done, or was ended by a signal, or says in its last line that memory is short."""
    context = f"{megabytes} MB, {run.returncode}: {run.stderr}"
    assert "Traceback" not in run.stderr, context
    assert "damaged" not in run.stderr, context
    if run.returncode > 0:
        assert "memory" in run.stderr.splitlines()[-1].lower(), context


def _end_of(run: Run) -> str:
    if run.returncode == 0:
        return "finished"
    return "one line" if run.returncode > 0 else f"signal {-run.returncode}"
