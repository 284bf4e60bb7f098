"""Photos that are gone, one by one or with their day, are shown as gone and never first."""

import json
import shutil
from pathlib import Path

import pytest

from facefind_pipeline_tests.conftest import Facefind


def test_a_photo_that_is_gone_is_shown_as_gone_and_never_first(
    facefind: Facefind, filled: Path, tmp_path: Path
) -> None:
    def find(*more: object) -> list[tuple[str, bool]]:
        matches = json.loads(facefind("find", "Ada", "--all", "--json", *more).stdout)
        assert [match["rank"] for match in matches] == list(range(1, len(matches) + 1))
        assert all(Path(match["file"]).is_file() == match["there"] for match in matches)
        return [(match["photo"], match["there"]) for match in matches]

    before = find()
    assert all(there for _, there in before)
    assert [photo for photo, _ in before[:2]] == ["Day 1/both.jpg", "Day 1/hopper.jpg"]
    for photo, _ in before[:2]:
        (filled / photo).unlink()
    # The stored results, those of the live query, and as many as fit. Of a photo with a copy that is shown.
    gone = [("Day 2/copy of hopper.jpg", True), *before[2:], ("Day 1/both.jpg", False)]
    assert find() == gone
    assert find("--metric", "cosine")[-1] == gone[-1]
    assert find("-n", 1) == find("-n", 1, "--metric", "cosine") == gone[:1]
    # A day that is away altogether.
    shutil.move(filled / "Day 1", tmp_path / "away")
    assert [there for _, there in find()] == [True, True, True, False]
    table = facefind("find", "Ada", "--all", "--sheet", tmp_path / "sheet.png").stdout.splitlines()
    assert [line.count("gone") for line in table[2:]] == [0, 0, 0, 1]
    explained = json.loads(facefind("explain", "Ada", "both.jpg", "--json").stdout)
    assert (explained["file"], explained["there"]) == (str(filled / "Day 1" / "both.jpg"), False)
    assert facefind("explain", "Ada", "again.jpg").stdout.count("yes") == 1


@pytest.mark.usefixtures("filled")
def test_status_says_which_days_are_gone_now(facefind: Facefind, filled: Path) -> None:
    shutil.rmtree(filled / "Day 1")
    days = json.loads(facefind("status", "--json").stdout)["days"]
    assert {day["day"]: day["note"] for day in days} == {"day-1": "photos are not there", "day-2": ""}
