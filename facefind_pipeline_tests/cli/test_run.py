"""`facefind run` on real photos: finds the person, and a rerun does only what is new."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from dagster import DagsterRunStatus, RunsFilter

from facefind_pipeline.ingest import photos as ingest_photos
from facefind_pipeline.ingest import references
from facefind_pipeline.ingest.faces import fill
from facefind_pipeline.ingest.photos import ingest_day
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.search import index
from facefind_pipeline.search.results import refresh_results
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import to_do
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.photos import find_day
from facefind_pipeline.store.tombstones import Tombstones
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits, Silence
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.work import Work


def _run(facefind: Facefind, event: Path, *more: object) -> list[dict[str, object]]:
    result = facefind("run", event, "--params", SMALL_SET, "--json", *more)
    assert result.exit_code == 0, result.stderr
    matches: list[dict[str, object]] = json.loads(result.stdout)
    return matches


@pytest.fixture
def work(settings: Settings, database: Database) -> Work:
    return Work(settings, database)


def test_a_person_is_found(facefind: Facefind, event: Path, reference: Path, settings: Settings) -> None:
    matches = _run(facefind, event, "--reference", f"José Núñez={reference}")
    assert [(m["person"], m["rank"]) for m in matches] == [("José Núñez", rank) for rank in range(1, len(matches) + 1)]
    nearest = {str(m["photo"]) for m in matches[:3]}
    assert nearest == {"Day 1/hopper.jpg", "Day 1/both.jpg", "Day 2/again.jpg"}
    first = next(m for m in matches if m["photo"] == "Day 1/hopper.jpg")
    assert first["event_day"] == "day-1"
    copy = "Day 2/copy of hopper.jpg"
    assert first["copies"] == [{"event_day": "day-2", "photo": copy, "file": str(event / copy), "there": True}]
    assert first["file"] == str(event / "Day 1" / "hopper.jpg")
    x, y, w, h = first["box"]
    assert 150 < x < 220
    assert 100 < y < 180
    assert 120 < w == h < 240
    assert len(matches) == 3  # the other person is unlikely
    assert next(settings.sheets.glob("*/people/jose-nunez.jpg")).read_bytes()[:2] == b"\xff\xd8"


def test_what_can_not_be_read_is_told_and_left_out(
    facefind: Facefind, event: Path, portraits: Portraits, reference: Path
) -> None:
    cut = event / "Day 2" / "cut.png"
    portraits.hopper.save(cut)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    result = facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}")
    assert result.exit_code == 0
    assert "left out: Day 1/broken.jpg: not an image" in result.stderr
    assert "left out: Day 2/cut.png: truncated or damaged PNG" in result.stderr
    assert "8 photos in 2 event days" in result.stderr
    assert "6 to do, 1 duplicate or already processed, 1 unreadable" in result.stderr


def test_a_rerun_does_only_what_is_new(
    facefind: Facefind, event: Path, reference: Path, portraits: Portraits, work: Work
) -> None:
    first = _run(facefind, event, "--reference", f"Ada={reference}")
    done = work.done()
    assert done["photos_detected"] == 5  # the copy is not detected
    assert done["faces_embedded"] >= 5

    assert _run(facefind, event) == first
    assert work.done() == {"photos_detected": 0, "faces_embedded": 0, "clothes_described": 0, "runs": 0}

    portraits.hopper.crop((20, 20, 500, 580)).save(event / "Day 2" / "new.jpg")
    assert len(_run(facefind, event)) == len(first) + 1
    assert work.done()["photos_detected"] == 1

    (event / "Day 2" / "new.jpg").rename(event / "Day 2" / "renamed.jpg")
    shutil.copy(event / "Day 1" / "both.jpg", event / "Day 2" / "both copy.jpg")
    (event / "Day 2" / "again.jpg").rename(event / "Day 1" / "moved.jpg")
    names = {m["photo"] for m in _run(facefind, event)}
    assert {"Day 2/renamed.jpg", "Day 1/moved.jpg"} < names
    assert not {"Day 2/new.jpg", "Day 2/again.jpg"} & names
    assert {**work.done(), "runs": 0} == {"photos_detected": 0, "faces_embedded": 0, "clothes_described": 0, "runs": 0}

    (event / "Day 2" / "renamed.jpg").unlink()
    assert "Day 2/renamed.jpg" not in {m["photo"] for m in _run(facefind, event)}
    assert work.done()["photos_detected"] == 0


@pytest.mark.usefixtures("in_this_process")
def test_what_a_command_asked_its_run_does_not_ask_again(
    facefind: Facefind, event: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()

    def count(module: ModuleType, name: str) -> None:
        real = getattr(module, name)

        def counted(*arguments: object, **named: object) -> object:
            calls[name] += 1
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, counted)

    count(ingest_photos, "list_folder")
    count(to_do, "photos_to_do")
    count(references, "decode_opened")
    _run(facefind, event, "--reference", f"Ada={reference}")
    # Two days and a new reference; each day's run asks which of its photos are still to do.
    assert calls == {"list_folder": 2, "photos_to_do": 2, "decode_opened": 1}
    calls.clear()
    _run(facefind, event)
    assert calls == {"list_folder": 2}


def test_a_second_set_with_the_same_detector_detects_nothing(
    facefind: Facefind, event: Path, reference: Path, work: Work, clip_model: Path
) -> None:
    _run(facefind, event, "--reference", f"Ada={reference}")
    work.done()
    other = facefind("run", event, "--params", SMALL_SET.replace("dlib", "imgbeddings"), "--json")
    assert other.exit_code == 0, other.stderr
    done = work.done()
    assert (done["photos_detected"], done["clothes_described"]) == (0, 0)
    assert done["faces_embedded"] >= 5
    # The one set knows who is unlikely, the other shows whom it finds nearest.
    assert (len(_run(facefind, event)), len(json.loads(other.stdout))) == (3, 4)


def test_a_box_that_several_sets_found_is_embedded_and_described_once(
    facefind: Facefind, event: Path, reference: Path, work: Work, database: Database
) -> None:
    embedded = described = 0
    for key in ("haar-sf1.20-mn5-ms60@dlib", "haar-sf1.20-mn5-ms40@dlib"):
        assert facefind("run", event, "--params", key, "--reference", f"Ada={reference}").exit_code == 0
        done = work.done()
        embedded, described = embedded + done["faces_embedded"], described + done["clothes_described"]
    with database.connect() as connection:
        rows, distinct = table(connection, "SELECT count(*), count(DISTINCT face_key) FROM embeddings")[0]
        (known,) = table(connection, "SELECT count(*) FROM clothes")
    assert rows > distinct == embedded == described == known[0]


def test_a_changed_photo_is_worked_on_again(
    facefind: Facefind, event: Path, reference: Path, portraits: Portraits, work: Work
) -> None:
    _run(facefind, event, "--reference", f"Ada={reference}")
    work.done()
    portraits.hopper.save(event / "Day 2" / "collins.png")
    matches = _run(facefind, event)
    assert work.done()["photos_detected"] == 1
    assert "Day 2/collins.png" in {m["photo"] for m in matches[:4]}


def test_one_bad_reference_does_not_stop_other_people(facefind: Facefind, event: Path, reference: Path) -> None:
    nobody = event / "Day 1" / "nobody.jpg"
    result = facefind(
        *("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}"),
        *("--reference", f"Ada={nobody}", "--reference", "Bob=missing.jpg"),
    )
    assert result.exit_code == 1
    assert "Ada: 3 sure; 1 unlikely not shown, `facefind find Ada --all`" in result.stdout
    assert "nobody.jpg of Ada shows no face" in result.stderr
    assert "missing.jpg can't be read" in result.stderr
    assert result.stderr.strip().endswith("no usable reference of Bob")
    assert facefind("run", event, "--params", SMALL_SET).exit_code == 0


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("missing.jpg", "can't be read: no such file"),
        ("photos/Day 1/broken.jpg", "can't be read: not an image"),
        ("photos/Day 1/nobody.jpg", "shows no face"),
        ("photos/Day 1/both.jpg", "shows 2 faces"),
    ],
)
def test_a_single_bad_reference_ends_it_before_the_work(
    facefind: Facefind, event: Path, database: Database, file: str, says: str
) -> None:
    result = facefind("run", event, "--params", "hog-up1-px0@dlib", "--reference", f"Ada={file}")
    assert result.exit_code == 1
    (line,) = [line for line in set(result.stderr.splitlines()) if line.startswith("facefind: ")]
    assert says in line
    with database.connect() as connection:
        assert table(connection, "SELECT * FROM detections") == []


def test_the_stored_sheet_shows_as_many_photos_whatever_is_printed(
    facefind: Facefind, event: Path, reference: Path, settings: Settings
) -> None:
    ran = facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}")
    sheet = next(settings.sheets.glob("*/people/ada.jpg"))
    assert f"contact sheet: {sheet}" in ran.stderr
    before = sheet.read_bytes()
    one = facefind("run", event, "--params", SMALL_SET, "-n", 1)
    assert "Ada: 3 sure (1 shown); 1 unlikely not shown" in one.stdout
    assert sheet.read_bytes() == before


def test_a_name_for_several_days_stands_before_theirs(
    facefind: Facefind, event: Path, reference: Path, database: Database
) -> None:
    for _ in range(2):  # the same again is the same days
        _run(facefind, event, "--reference", f"Ada={reference}", "--day-name", "Party")
        with database.connect() as connection:
            assert table(connection, "SELECT event_day FROM event_days ORDER BY 1") == [
                ("party-day-1",),
                ("party-day-2",),
            ]
    other = facefind("ingest", event, "--day-name", "Wedding")
    assert other.exit_code == 1
    assert "is event day 'party-day-1' already: leave out --day-name" in other.stderr


def test_largest_takes_the_largest_of_several_faces(facefind: Facefind, event: Path) -> None:
    both = event / "Day 1" / "both.jpg"
    params = "hog-up1-px0@dlib"
    result = facefind("run", event, "--params", params, "--reference", f"Ada={both}", "--largest", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)[0]["plain_distance"] < 0.05


def _stop_in_the_middle(database: Database, signal_: signal.Signals, *arguments: object) -> tuple[int, str]:
    """Runs the command as a shell would, stops it as soon as a commit is seen; returns exit code and standard error."""
    command = [sys.executable, "-c", "from facefind_pipeline.cli import main; main()", "run", *map(str, arguments)]
    process = subprocess.Popen(
        [*command, "--params", SMALL_SET], env=dict(os.environ), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    with database.connect() as connection:
        deadline = time.monotonic() + 120
        while table(connection, "SELECT count(*) FROM detections") == [(0,)] and time.monotonic() < deadline:
            assert process.poll() is None
            connection.commit()
            time.sleep(0.02)
    process.send_signal(signal_)
    _, told = process.communicate(timeout=60)
    return process.returncode, told.decode()


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(
    facefind: Facefind, tmp_path: Path, reference: Path, portraits: Portraits, settings: Settings, database: Database
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(120):
        portraits.hopper.crop((number, 0, 512, 560)).resize((320, 380)).save(many / f"{number:03d}.jpg", quality=80)
    _stop_in_the_middle(database, signal.SIGKILL, many, "--reference", f"Ada={reference}")
    count = "SELECT count(*) FROM detections"
    with database.connect() as connection:
        ((before,),) = table(connection, count)
        first = table(connection, "SELECT face_key, ctid FROM detected_faces ORDER BY 1")
    assert 0 < before < 120
    assert before % 25 == 0
    instance = open_instance(settings, database)
    assert len(instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED]))) == 1

    _run(facefind, many)

    assert instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED])) == []
    assert len(instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE]))) == 1
    with database.connect() as connection:
        assert table(connection, count) == [(120,)]
        after = table(connection, "SELECT face_key, ctid FROM detected_faces ORDER BY 1")
        assert table(connection, "SELECT count(*) FROM embeddings") == [(len(after),)]
    assert set(first) < set(after)  # what was committed was not written again


def test_an_emptied_root_is_taken_for_a_disk_that_is_not_mounted(
    facefind: Facefind, event: Path, reference: Path, database: Database
) -> None:
    _run(facefind, event / "Day 1", "--reference", f"Ada={reference}")
    (event / "Day 1").rename(event / "away")
    (event / "Day 1").mkdir()
    assert facefind("run", event / "Day 1", "--params", SMALL_SET).exit_code == 1
    facefind("ingest")
    with database.connect() as connection:
        assert table(connection, "SELECT count(*) FROM photos") == [(4,)]


def test_json_is_printed_also_if_one_person_has_no_usable_reference(
    facefind: Facefind, event: Path, reference: Path
) -> None:
    people = ["--reference", f"Ada={reference}", "--reference", f"Bob={event / 'Day 1' / 'nobody.jpg'}"]
    result = facefind("run", event, "--params", SMALL_SET, "--json", *people)
    assert result.exit_code == 1
    assert {match["person"] for match in json.loads(result.stdout)} == {"Ada"}
    assert "no usable reference of Bob" in result.stderr
    assert [row["person"] for row in json.loads(facefind("person", "list", "--json").stdout)] == ["Ada"]


def test_what_a_run_stored_before_it_died_is_told_to_dagster_by_the_next(
    facefind: Facefind, event: Path, reference: Path, settings: Settings, database: Database
) -> None:
    _run(facefind, event, "--reference", f"Ada={reference}")
    shutil.copy(reference, event / "Day 1" / "new.jpg")
    with database.connect() as connection:
        ingest_day(connection, find_day(connection, "day-1"), Silence(), Tombstones(settings.home))
    fill(database, settings, "day-1", SMALL_SET, Silence())
    index.refresh(database, SMALL_SET)
    refresh_results(database, SMALL_SET)
    work = Work(settings, database)
    work.done()
    _run(facefind, event)
    assert work.done() == {"photos_detected": 0, "faces_embedded": 0, "clothes_described": 0, "runs": 3}
    _run(facefind, event)
    assert work.done()["runs"] == 0


@pytest.mark.slow
def test_ctrl_c_is_one_line_and_exit_code_130(
    tmp_path: Path, portraits: Portraits, reference: Path, database: Database
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(200):
        portraits.hopper.crop((number, 0, 512, 560)).resize((640, 760)).save(many / f"{number:03d}.jpg", quality=80)
    code, told = _stop_in_the_middle(database, signal.SIGINT, many, "--reference", f"Ada={reference}")
    assert code == 130, told
    assert "Traceback" not in told
    assert "facefind: interrupted; what was done is kept" in told
