"""Names of any script, emoji alone, bytes that are no UTF-8, either normal form: in every command that takes a name."""

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table

pytestmark = pytest.mark.slow

BYTES = os.fsdecode(b"caf\xe9")
JOSE, JOSE_NFD = "José Zürich", unicodedata.normalize("NFD", "José Zürich")
# As it is on the disk -> as people type it.
TYPED = {JOSE_NFD: JOSE, "婚礼": "婚礼", "\U0001f389": "\U0001f389", BYTES: r"caf\xe9"}


@pytest.fixture
def odd(facefind: Facefind, tmp_path: Path, portraits: Portraits, reference: Path) -> Path:
    """A root of odd name with a day and a photo of each kind of name, in which a person of each looks the same."""
    root = tmp_path / BYTES
    for number, name in enumerate(TYPED):
        folder = root / name
        folder.mkdir(parents=True)
        portraits.hopper_again().resize((400 + number, 468)).save(folder / f"{name}.jpg")
    given = [word for name in TYPED for word in ("--reference", f"{name}={reference}")]
    result = facefind("run", root, "--params", SMALL_SET, "-n", 4, *given)
    assert (result.exit_code, "left out" in result.stderr) == (0, False), result.stderr
    return root


def test_names_are_taken_by_every_command_as_they_are_and_as_people_type_them(
    facefind: Facefind, odd: Path, tmp_path: Path, database: Database
) -> None:
    def does(*command: object) -> None:
        result = facefind(*command)
        assert result.exit_code == 0, (command, result.stderr)

    truth = tmp_path / "truth.csv"
    rows = [f"{typed},{typed}/{typed}.jpg" for typed in TYPED.values()]
    truth.write_text("\n".join(["person,filename", *rows]))
    does("truth", "add", truth)
    for name, typed in TYPED.items():
        for spelled in (name, typed):
            matches = json.loads(facefind("find", spelled, "--day", spelled, "--json").stdout)
            assert [Path(match["file"]) for match in matches] == [odd / name / f"{name}.jpg"]
            assert Path(matches[0]["file"]).is_file()
            does("find", spelled)
            does("find", "--photo", odd / spelled / f"{spelled}.jpg")
            does("explain", spelled, f"{spelled}/{spelled}.jpg")
        does("reject", typed, f"{typed}/{typed}.jpg")
        does("confirm", name, f"{name}.jpg", "--day", name)
        does("person", "add", typed, odd / typed / f"{typed}.jpg")
        does("ingest", odd / typed)
    does("evaluate", "--params", SMALL_SET, "--people")
    with database.connect() as connection:  # nobody, and no day, was made twice
        assert table(connection, "SELECT count(*) FROM people") == [(len(TYPED),)]
        assert table(connection, "SELECT count(*) FROM event_days") == [(len(TYPED),)]


@pytest.mark.usefixtures("odd")
def test_a_name_given_to_a_day_may_be_any(facefind: Facefind, tmp_path: Path, portraits: Portraits) -> None:
    for number, (name, key) in enumerate(
        {"\U0001f382": "birthday-cake", "写真": "xie-zhen", BYTES: "caf-xe9-2"}.items()
    ):
        folder = tmp_path / f"card {number}"
        folder.mkdir()
        portraits.collins.resize((300 + number, 300)).save(folder / "a.png")
        given = name if key != "caf-xe9-2" else f"{name} 2"
        result = facefind("ingest", folder, "--day-name", given)
        assert result.stdout.splitlines() == [f"{key}: 1 photo"], result.stderr
        assert facefind("find", JOSE, "--day", given).exit_code == 0


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(
    "locale",
    [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "latin-1"}],
)
def test_output_never_fails_whatever_the_terminal_knows(odd: Path, locale: dict[str, str]) -> None:
    for command in (
        ["find", "jose-zurich"],
        ["find", "jose-zurich", "--json"],
        ["status"],
        ["ingest"],
        ["person", "list"],
    ):
        called = [sys.executable, "-c", "from facefind_pipeline.cli import main; main()", *command]
        done = subprocess.run(called, capture_output=True, env=os.environ | locale, check=False)
        assert done.returncode == 0, (command, done.stderr)
        assert b"Traceback" not in done.stderr
        if "--json" in command:
            files = {os.fsencode(match["file"]) for match in json.loads(done.stdout)}
            assert files == {os.fsencode(odd / name / f"{name}.jpg") for name in TYPED}


@pytest.mark.usefixtures("odd")
def test_who_is_spelled_alike_in_latin_letters_is_somebody_else(facefind: Facefind, reference: Path) -> None:
    assert facefind("person", "add", "张伟", reference, "--params", SMALL_SET).exit_code == 0
    assert facefind("find", "zhang wei").exit_code == 0
    result = facefind("find", "章伟")
    assert result.exit_code == 1
    assert "no person '章伟': its key 'zhang-wei' is that of '张伟'" in result.stderr
