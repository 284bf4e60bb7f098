"""Folders as people have them: what is odd or not there now is told once, the rest goes on, and nothing is deleted."""

import json
import os
import shutil
from pathlib import Path

import pytest

from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.work import Work

pytestmark = pytest.mark.slow

ODD = {
    "loop": ".",
    "up": "..",
    "self.jpg": "self.jpg",
    "unmounted": "/mnt/none",
    "day-1/missing.jpg": "/mnt/none/a.jpg",
}


@pytest.fixture
def work(settings: Settings, database: Database) -> Work:
    return Work(settings, database)


def _run(facefind: Facefind, photos: Path, *arguments: object) -> tuple[list[dict[str, object]], list[str]]:
    """The matches, and the lines on standard error."""
    result = facefind("run", photos, "--params", SMALL_SET, "-n", 100, "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout), result.stderr.splitlines()


def test_odd_entries_are_told_once_and_the_rest_goes_on(
    facefind: Facefind, tmp_path: Path, reference: Path, portraits: Portraits, work: Work
) -> None:
    root = tmp_path / "root"
    names = ["day-1", "Party", "Party!", "\U0001f389", os.fsdecode(b"caf\xe9"), "婚礼照片" * 20]
    for name in [*names, "/".join(letter * 150 for letter in "abc")]:
        (root / name).mkdir(parents=True)
        portraits.hopper.save(root / name / "p.jpg", quality=92)
    portraits.together().save(root / "cover.jpg")
    os.utime(root / "cover.jpg", (13_569_465_600, 13_569_465_600))
    for name, target in ODD.items():
        (root / name).symlink_to(target)
    matches, told = _run(facefind, root, "--reference", f"{'Ada ' * 75}={reference}")
    assert len(matches) == 2  # a portrait, in six days, and the photo in the root
    assert {"cover.jpg"} < {match["photo"] for match in matches}
    assert sum(len(match["copies"]) for match in matches) == 5
    for name in [*ODD, "Party!"]:
        assert len([line for line in told if f"{root}/{name}: " in line]) == 1, (name, told)
    work.done()
    again, told_again = _run(facefind, root)
    assert (again, work.done()["runs"]) == (matches, 0)
    assert [line for line in told_again if line.startswith("left out")] == [
        line for line in told if line.startswith("left out")
    ]
    assert facefind("ingest", root / "Party!", "--day-name", "second party").stdout == "second-party: 1 photo\n"


def test_a_day_whose_folder_is_suddenly_empty_is_kept(
    facefind: Facefind, event: Path, reference: Path, database: Database, work: Work
) -> None:
    before, _ = _run(facefind, event, "--reference", f"Ada={reference}")
    truth = event.parent / "truth.csv"
    truth.write_text("person,filename\nAda,Day 2/again.jpg\nAda,hopper.jpg\n")
    assert facefind("truth", "add", truth).exit_code == 0
    away = event.parent / "away"
    (event / "Day 2").rename(away)
    (event / "Day 2").mkdir()
    work.done()
    after, told = _run(facefind, event)
    # All that was found before; what is gone comes last, and of copies the one that is there is shown.
    assert sorted(match["sha256"] for match in after) == sorted(match["sha256"] for match in before)
    assert {match["event_day"] for match in after if not match["there"]} == {"day-2"}
    assert [match["there"] for match in after] == [True, True, False]
    kept = f"event day day-2: {event}/Day 2 has no photos any more; what is known of it is kept"
    assert told.count(kept) == 1
    assert facefind("truth", "add", truth).exit_code == 0
    assert facefind("evaluate", "--params", SMALL_SET).exit_code == 0
    with database.connect() as connection:
        assert table(connection, "SELECT event_day FROM event_days WHERE NOT available") == [("day-2",)]
        assert table(connection, "SELECT count(*) FROM truth") == [(2,)]
    work.done()
    assert _run(facefind, event)[0] == after
    assert work.done()["runs"] == 0  # it was marked already
    (event / "Day 2").rmdir()
    away.rename(event / "Day 2")
    assert _run(facefind, event)[0] == before
    with database.connect() as connection:
        assert table(connection, "SELECT event_day FROM event_days WHERE NOT available") == []


def test_a_reference_that_is_gone_leaves_its_person_without_results_and_without_an_error(
    facefind: Facefind, event: Path, settings: Settings, portraits: Portraits, reference: Path, work: Work
) -> None:
    settings.references.mkdir(parents=True)
    shutil.copy(reference, settings.references / "Ada.jpg")
    portraits.collins.save(settings.references / "Eve.png")
    matches, _ = _run(facefind, event)
    assert {match["person"] for match in matches} == {"Ada", "Eve"}
    sheets = [sheet.name for sheet in settings.sheets.glob("*/people/*")]
    assert sorted(sheets) == ["ada.jpg", "eve.jpg"]
    (settings.references / "Ada.jpg").unlink()
    matches, told = _run(facefind, event)
    assert {match["person"] for match in matches} == {"Eve"}
    assert not [line for line in told if "Ada" in line]
    assert [sheet.name for sheet in settings.sheets.glob("*/people/*")] == ["eve.jpg"]
    assert len(list(settings.sheets.glob("*/references.jpg"))) == 1  # made again, without her
    work.done()
    _run(facefind, event)
    assert work.done()["runs"] == 0


def test_references_that_are_not_there_now_are_kept_and_told(
    facefind: Facefind, event: Path, settings: Settings, reference: Path, work: Work
) -> None:
    settings.references.mkdir(parents=True)
    shutil.copy(reference, settings.references / "Ada.jpg")
    before, _ = _run(facefind, event)
    work.done()
    (settings.references / "Ada.jpg").unlink()
    after, told = _run(facefind, event)
    assert after == before
    assert len([line for line in told if "has no picture any more" in line]) == 1
    (settings.references / "Ada.jpg").symlink_to("/mnt/none/ada.jpg")
    after, told = _run(facefind, event)
    assert after == before
    assert len([line for line in told if "Ada.jpg: leads to nothing" in line]) == 1
    assert work.done()["runs"] == 0
