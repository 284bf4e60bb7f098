"""What commands say before they import Dagster; and that only those that write make a home."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from facefind_pipeline.settings import Settings
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind

CALLS = """
import json, sys
from facefind_pipeline.cli import facefind
from facefind_pipeline.errors import FacefindError
for arguments in json.loads(sys.argv[1]):
    try:
        facefind.main(arguments, standalone_mode=False)
    except FacefindError as error:
        print(error)
    assert "dagster" not in sys.modules, arguments
"""


def _said(*commands: Sequence[str]) -> list[str]:
    """The errors that commands end with, one after another in a process that has not imported Dagster by the end."""
    done = subprocess.run(
        [sys.executable, "-c", CALLS, json.dumps(commands)],
        check=False,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.fixture
def no_home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that does not exist, nor a database of the user's own."""
    monkeypatch.delenv("FACEFIND_DATABASE_URL")
    return settings.home


def test_commands_that_need_a_home_make_none(no_home: Path) -> None:
    commands = [
        *(["find", "Ada"], ["find", "--photo", "x.jpg"], ["explain", "Ada", "x.jpg"], ["person", "list"]),
        *(["params", "list"], ["params", "compare", "talk", "default"], ["truth", "list"], ["env"], ["psql"]),
        *(["confirm", "Ada", "x.jpg"], ["reject", "Ada", "x.jpg"], ["evaluate"], ["sweep", "talk"], ["ingest"]),
        *(["params", "default", "talk"], ["params", "deactivate", "talk"], ["truth", "add", "x.csv"]),
    ]
    for line in _said(*commands):
        assert line.startswith(f"no facefind home in {no_home}: ")
        assert "facefind run PHOTOS --reference NAME=FILE" in line
    assert not no_home.exists()
    assert not EmbeddedServer(no_home).data.exists()


def test_wrong_arguments_of_the_first_run_are_told_before_anything_is_made(
    no_home: Path, event: Path, reference: Path
) -> None:
    (event.parent / "empty").mkdir()
    with_reference = ["--reference", f"Ada={reference}"]
    missing, empty, nobody, unread, unknown, added = _said(
        ["run", "gone", *with_reference],
        ["ingest", "empty"],
        ["run", str(event)],
        ["run", str(event), "--reference", "Ada=gone.jpg"],
        ["run", str(event), *with_reference, "--params", "hog-up1@dlib"],
        ["person", "add", "Ada", "gone.jpg"],
    )
    assert missing == f"no folder {event.parent}/gone: give the folder that holds the photos"
    assert empty.startswith(f"no photos in {event.parent}/empty")
    assert nobody.startswith("nobody to look for: add --reference NAME=FILE")
    assert unread == added == f"reference {event.parent}/gone.jpg can't be read: no such file or directory"
    assert "parameter set 'hog-up1@dlib'" in unknown
    assert not no_home.exists()


@pytest.mark.slow
def test_wrong_arguments_are_told_before_dagster_is_imported(facefind: Facefind, event: Path, reference: Path) -> None:
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}").exit_code == 0
    said = _said(
        ["run", "gone"],
        ["run", str(event), "--day-name", "Party"],
        ["confirm", "Bob", "hopper.jpg"],
        ["confirm", "Ada", "gone.jpg"],
        ["confirm", "Ada", "hopper.jpg", "--day", "day-7"],
        ["params", "default", "hog-up3-px0@dlib"],
        ["params", "activate", "hog-up3-px0@dlib"],
        ["params", "add", "hog-up1@dlib"],
        ["find", "Ada", "--sheet", "ada.gif"],
        ["find", "Ada", "--sheet", "nowhere/ada.jpg"],
        ["truth", "add", "gone.csv"],
        ["evaluate"],
    )
    beginnings = (
        "no folder ",
        f"{event}/Day 1 is event day 'day-1' already: leave out --day-name",
        "no person 'bob' (there is Ada)",
        "no photo",
        "no event day 'day-7': the nearest names are day-",
        "parameter set 'hog-up3-px0@dlib' is not registered",
        "parameter set 'hog-up3-px0@dlib' is not registered",
        "parameter set 'hog-up1@dlib'",
        "--sheet ada.gif: the name of a contact sheet ends with one of .jpg .jpeg .png",
        "--sheet nowhere/ada.jpg: no folder ",
        "no truth list ",
        "there is no truth list yet",
    )
    for line, beginning in zip(said, beginnings, strict=True):
        assert line.startswith(beginning)


def test_a_picture_in_the_references_folder_is_somebody_to_look_for(
    facefind: Facefind, event: Path, reference: Path, settings: Settings
) -> None:
    nobody = facefind("run", event, "--params", SMALL_SET)
    assert nobody.exit_code == 1
    assert "nobody to look for" in nobody.stderr
    settings.references.mkdir(parents=True)
    shutil.copy(reference, settings.references / "Ada.jpg")
    found = facefind("run", event, "--params", SMALL_SET)
    assert found.exit_code == 0, found.stderr
    assert found.stdout.strip().startswith("Ada: ")


def test_a_home_is_made_with_its_references_folder(no_home: Path) -> None:
    command = [sys.executable, "-c", "from facefind_pipeline.cli import main; main()"]
    try:
        first = subprocess.run([*command, "up"], capture_output=True, text=True, check=True)
        assert f"new home {no_home}: " in first.stderr
        assert f"{no_home}/references is a person to look for" in first.stderr
        assert (no_home / "references").is_dir()
        (no_home / "references").rmdir()
        again = subprocess.run([*command, "up"], capture_output=True, text=True, check=True)
        assert again.stderr == ""
        assert not (no_home / "references").exists()  # an empty one would say that all pictures in it are gone
    finally:
        EmbeddedServer(no_home).stop()
        shutil.rmtree(EmbeddedServer(no_home).data.parent, ignore_errors=True)


def test_elsewhere_than_on_unix_one_line_says_where_it_runs() -> None:
    code = (
        "import sys, click\n"
        "sys.platform, sys.argv = 'win32', ['facefind', 'find', 'Ada']\n"
        "sys.modules['fcntl'] = sys.modules['pwd'] = None\n"
        "from facefind_pipeline.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "facefind: runs on Linux and macOS; on Windows install and call it inside WSL\n"
