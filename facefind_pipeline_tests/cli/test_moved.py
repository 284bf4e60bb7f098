"""Folders that moved or were renamed: offered, checked, and followed by all that is known, with nothing made again."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.work import Work

pytestmark = pytest.mark.slow


@pytest.fixture
def work(filled: Path, settings: Settings, database: Database) -> Work:  # after that run
    work = Work(settings, database)
    work.done()
    return work


def _found(facefind: Facefind) -> list[tuple[str, float]]:
    """Files and distances; all files are there."""
    matches = json.loads(facefind("find", "Ada", "--json").stdout)
    assert all(match["there"] and Path(match["file"]).is_file() for match in matches)
    return [(match["file"], match["distance"]) for match in matches]


def _offers(stderr: str) -> list[list[str]]:
    return [shlex.split(command) for command in re.findall(r"`(facefind ingest --moved .*?)`", stderr)]


def _days(database: Database) -> list[tuple[str, str, str]]:
    with database.connect() as connection:
        return table(
            connection,
            "SELECT event_day, r.path, folder FROM event_days JOIN photo_roots r USING (root_id) ORDER BY 1",
        )


def test_a_root_that_moved_is_offered_and_followed_with_all_its_days(
    facefind: Facefind, filled: Path, tmp_path: Path, database: Database, work: Work
) -> None:
    before, new = _found(facefind), tmp_path / "elsewhere" / "my pictures"
    new.parent.mkdir()
    filled.rename(new)
    refused = facefind("ingest", new)
    assert refused.exit_code == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    (command,) = _offers(refused.stderr)
    assert command == ["facefind", "ingest", "--moved", str(filled), str(new)]
    moved = facefind(*command[1:])
    assert moved.stdout.splitlines() == [
        f"day-1: {filled}/Day 1 is {new}/Day 1 now: 4 photos as before",
        f"day-2: {filled}/Day 2 is {new}/Day 2 now: 3 photos as before",
    ]
    assert _days(database) == [("day-1", str(new), "Day 1"), ("day-2", str(new), "Day 2")]
    assert _found(facefind) == [(file.replace(str(filled), str(new)), distance) for file, distance in before]
    assert work.done() == {
        "photos_detected": 0,
        "faces_embedded": 0,
        "clothes_described": 0,
        "runs": 1,
    }  # that of the move itself
    assert facefind("run", new, "--params", SMALL_SET).exit_code == 0
    assert work.done()["runs"] == 0


def test_a_day_that_was_renamed_in_its_root_keeps_its_key(
    facefind: Facefind, filled: Path, settings: Settings, database: Database, work: Work
) -> None:
    before, friday = _found(facefind), filled / "Friday"
    (filled / "Day 1").rename(friday)
    # As a sensor or a run may do it: the renamed folder becomes a day of its own, and the move is offered.
    seen = facefind("run", filled, "--params", SMALL_SET)
    assert seen.exit_code == 0
    assert _offers(seen.stderr) == [["facefind", "ingest", "--moved", str(filled / "Day 1"), str(friday)]]
    assert "friday" in open_instance(settings, database).get_dynamic_partitions("event_day")
    Image.new("RGB", (64, 64)).save(friday / "new.png")
    work.done()
    moved = facefind("ingest", "--moved", filled / "Day 1", friday)
    assert moved.stdout == f"day-1: {filled}/Day 1 is {friday} now: 4 photos as before, 1 new\n"
    assert "event day friday, as which that folder was registered, is day-1 now" in moved.stderr
    assert _days(database) == [("day-1", str(filled), "Friday"), ("day-2", str(filled), "Day 2")]
    assert open_instance(settings, database).get_dynamic_partitions("event_day") == ["day-1", "day-2"]
    expected = [(file.replace("Day 1", "Friday"), distance) for file, distance in before]
    # With the day that was given up clothes are those of other photos, so results are due: a live search answers.
    assert {file for file, _ in _found(facefind)} >= {file for file, _ in expected}
    assert facefind("run", filled, "--params", SMALL_SET).exit_code == 0
    assert _found(facefind) == expected
    done = work.done()
    assert (done["photos_detected"], done["faces_embedded"]) == (1, 0)  # the new one alone
    assert _offers(facefind("ingest").stderr) == []


def test_a_day_may_move_to_another_root_or_to_a_place_of_its_own(
    facefind: Facefind, filled: Path, tmp_path: Path, portraits: Portraits, database: Database, work: Work
) -> None:
    before, other = _found(facefind), tmp_path / "other"
    (other / "Day 9").mkdir(parents=True)
    portraits.collins.resize((200, 200)).save(other / "Day 9" / "c.png")
    assert facefind("run", other, "--params", SMALL_SET).exit_code == 0
    work.done()
    shutil.move(filled / "Day 1", other / "x" / "First")
    shutil.move(filled / "Day 2", tmp_path / "alone")
    assert facefind("ingest", "--moved", filled / "Day 1", other / "x" / "First").exit_code == 0
    assert facefind("ingest", "--moved", filled / "Day 2", tmp_path / "alone").exit_code == 0
    assert _days(database) == [
        ("day-1", str(other), "x/First"),
        ("day-2", str(tmp_path / "alone"), ""),
        ("day-9", str(other), "Day 9"),
    ]
    places = {f"{filled}/Day 1": f"{other}/x/First", f"{filled}/Day 2": f"{tmp_path}/alone"}
    assert {(places[str(Path(file).parent)], distance) for file, distance in before} == {
        (str(Path(file).parent), distance) for file, distance in _found(facefind) if "Day 9" not in file
    }
    for root in (other, tmp_path / "alone"):
        assert facefind("run", root, "--params", SMALL_SET).exit_code == 0
    done = work.done()
    assert (done["photos_detected"], done["faces_embedded"]) == (0, 0)


def test_the_new_place_is_checked(facefind: Facefind, filled: Path, tmp_path: Path, database: Database) -> None:
    def refused(*arguments: object) -> str:
        result = facefind("ingest", "--moved", *arguments)
        assert result.exit_code == 1
        (line,) = result.stderr.strip().splitlines()
        return line

    before, new = _days(database), tmp_path / "new"
    assert f"no folder {new}" in refused(filled, new)
    assert "no event day is known in" in refused(tmp_path / "nowhere", filled)
    shutil.copytree(filled, new)
    assert f"{filled}/Day 1 still has photos" in refused(filled, new)
    shutil.rmtree(filled)
    shutil.rmtree(new / "Day 2")
    (new / "Day 1" / "hopper.jpg").rename(new / "Day 1" / "renamed.jpg")  # the same by its content
    (new / "Day 1" / "both.jpg").write_bytes(b"another")
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.jpg").write_bytes(b"something else")
    assert f"{other} has none of the 7 photos of {filled}" in refused(filled, other)
    assert _days(database) == before
    moved = facefind("ingest", "--moved", filled, new)
    assert moved.stdout.splitlines() == [
        f"day-1: {filled}/Day 1 is {new}/Day 1 now: 3 photos as before, 1 missing, 1 new",
        f"day-2: {filled}/Day 2 is {new}/Day 2 now: 0 photos as before, 3 missing",
    ]


def test_copies_beside_a_day_that_is_there_are_no_move(facefind: Facefind, filled: Path, tmp_path: Path) -> None:
    shutil.copytree(filled / "Day 2", tmp_path / "copy" / "Copied")
    copied = facefind("ingest", tmp_path / "copy")
    assert (copied.exit_code, copied.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments", [("photos", "--moved", "a", "b"), ("--moved", "a"), ("--moved", "a", "b", "--rehash")]
)
def test_moved_goes_by_itself(facefind: Facefind, arguments: tuple[str, ...]) -> None:
    assert facefind("ingest", *arguments).exit_code == 2
