"""What people say of photos through the command: several at once, and boxes drawn where no detector found a face."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from facefind_pipeline.ingest import drawn_boxes
from facefind_pipeline.ingest.references import EmbeddingFailedError
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table

pytestmark = pytest.mark.slow

BACK = (40, 20, 120, 160)  # of nobody.jpg, which has no face at all
OTHER_SET = "hog-up0-px1280@dlib"


def done(result: Any) -> Any:
    assert result.exit_code == 0, result.stderr
    return result


@pytest.fixture
def drawn(facefind: Facefind, filled: Path) -> Path:
    done(facefind("confirm", "Ada", "nobody.jpg", "--box", ",".join(map(str, BACK))))
    return filled


def _find(facefind: Facefind, *arguments: object) -> list[dict[str, Any]]:
    matches: list[dict[str, Any]] = json.loads(done(facefind("find", "Ada", "--json", *arguments)).stdout)
    return matches


def test_several_photos_in_one_call(facefind: Facefind, filled: Path) -> None:
    confirmed = done(facefind("confirm", "Ada", "again.jpg", "hopper.jpg", "Day 1/hopper.jpg"))
    assert confirmed.stdout == "Day 2/again.jpg shows Ada: remembered\nDay 1/hopper.jpg shows Ada: remembered\n"
    done(facefind("reject", "Ada", "both.jpg", "collins.png"))
    assert {(match["photo"], match["band"]) for match in _find(facefind)} == {
        ("Day 2/again.jpg", "confirmed"),
        ("Day 1/hopper.jpg", "confirmed"),
    }


@pytest.mark.parametrize("wrong", ["gone.jpg", "nobody.jpg"])
def test_one_that_can_not_be_confirmed_leaves_all_unsaid(
    facefind: Facefind, filled: Path, database: Database, wrong: str
) -> None:
    refused = facefind("confirm", "Ada", "again.jpg", wrong)
    assert (refused.exit_code, wrong in refused.stderr) == (1, True)
    with database.connect() as connection:
        assert table(connection, "SELECT FROM feedback") == []


def test_a_drawn_box_is_shown_as_confirmed_by_find_and_its_sheet(
    facefind: Facefind, drawn: Path, settings: Settings, tmp_path: Path
) -> None:
    first = _find(facefind)[0]
    assert (first["photo"], first["band"], first["box"]) == ("Day 1/nobody.jpg", "confirmed", list(BACK))
    assert (first["detector_score"], first["distance"] > 0) == (None, True)  # it was embedded
    printed = done(facefind("find", "Ada", "--sheet", tmp_path / "sheet.png")).stdout
    assert "Ada: 1 confirmed, 3 sure; 1 unlikely not shown" in printed
    sheet = Image.open(tmp_path / "sheet.png").convert("RGB")
    colours = {colour for _, colour in sheet.crop((8, 30, 136, 166)).getcolors(100_000) or []}
    assert min(abs(r - 70) + abs(g - 130) + abs(b - 180) for r, g, b in colours) < 9  # the photo is of steel blue
    assert (
        Image.open(next(settings.sheets.glob("*/results.jpg"))).width == 8 + 4 * 136
    )  # in the overview too: 1 and 3 sure


def test_a_drawn_box_joins_no_template(facefind: Facefind, filled: Path, database: Database) -> None:
    before = {match["photo"]: match["distance"] for match in _find(facefind)}
    done(facefind("confirm", "Ada", "nobody.jpg", "--box", "40,20,120,160"))
    after = {match["photo"]: match["distance"] for match in _find(facefind)}
    del after["Day 1/nobody.jpg"]
    assert after == before


def test_a_drawn_box_outlives_reruns_other_sets_and_a_moved_photo(facefind: Facefind, drawn: Path) -> None:
    done(facefind("run", drawn, "--params", SMALL_SET, "--rehash"))
    assert _find(facefind)[0]["photo"] == "Day 1/nobody.jpg"
    (drawn / "Day 1" / "nobody.jpg").rename(drawn / "Day 2" / "moved.jpg")
    done(facefind("run", drawn, "--params", OTHER_SET))
    done(facefind("params", "default", OTHER_SET))
    for params in (SMALL_SET, OTHER_SET, "default"):
        first = _find(facefind, "--params", params)[0]
        assert (first["photo"], first["band"], first["box"]) == ("Day 2/moved.jpg", "confirmed", list(BACK))
        assert first["distance"] > 0
    assert _find(facefind, "--day", "day-2")[0]["photo"] == "Day 2/moved.jpg"
    assert all(match["photo"] != "Day 2/moved.jpg" for match in _find(facefind, "--day", "day-1"))


def test_a_live_search_has_the_drawn_boxes_too(facefind: Facefind, drawn: Path) -> None:
    live = _find(facefind, "--metric", "cosine", "-n", 2)
    assert [(match["rank"], match["photo"], match["band"]) for match in live] == [
        (1, "Day 1/nobody.jpg", "confirmed"),
        (2, "Day 1/both.jpg", ""),
    ]
    assert live[0]["distance"] is None


def test_a_drawn_box_that_can_not_be_embedded_is_shown_without_a_distance(
    facefind: Facefind, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise EmbeddingFailedError("embedding failed: no landmarks")

    monkeypatch.setattr(drawn_boxes, "embed_face", fail)
    done(facefind("confirm", "Ada", "nobody.jpg", "--box", "40,20,120,160"))
    first = _find(facefind)[0]
    assert (first["photo"], first["band"], first["distance"], first["score"]) == (
        *("Day 1/nobody.jpg", "confirmed"),
        *(None, None),
    )
    assert "confirmed" in done(facefind("find", "Ada")).stdout


def test_a_box_over_a_face_that_was_found_confirms_that_face(
    facefind: Facefind, filled: Path, database: Database
) -> None:
    x, y, w, h = next(match["box"] for match in _find(facefind) if match["photo"] == "Day 2/again.jpg")
    done(facefind("confirm", "Ada", "again.jpg", "--box", f"{x + 4},{y - 4},{w},{h}"))
    with database.connect() as connection:
        assert table(connection, "SELECT x, y, w, h, by_hand FROM feedback") == [(x, y, w, h, False)]


def test_a_box_lies_in_the_photo_as_it_is_shown(
    facefind: Facefind, event: Path, reference: Path, portraits: Portraits
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying: 320 wide, shown 240 wide
    Image.new("RGB", (320, 240), "steelblue").save(event / "Day 1" / "turned.jpg", exif=exif)
    done(facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}"))
    outside = facefind("confirm", "Ada", "turned.jpg", "--box", "200,0,60,60")
    assert outside.exit_code == 1
    assert "reaches over the border: the photo, as it is shown upright, is 240 by 320" in outside.stderr
    done(facefind("confirm", "Ada", "turned.jpg", "--box", "100,250,60,70"))
    (event / "Day 1" / "turned.jpg").unlink()
    gone = facefind("confirm", "Ada", "turned.jpg", "--box", "100,250,60,70")
    assert (gone.exit_code, f"{event}/Day 1/turned.jpg can't be read now" in gone.stderr) == (1, True)
    two = facefind("confirm", "Ada", "turned.jpg", "nobody.jpg", "--box", "1,1,9,9")
    assert (two.exit_code, "--box is of one photo" in two.stderr) == (2, True)


def test_a_drawn_box_counts_in_the_evaluation_until_it_is_rejected(
    facefind: Facefind, drawn: Path, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("person,filename\nAda,nobody.jpg\nAda,hopper.jpg\nAda,again.jpg\nAda,both.jpg\n")
    done(facefind("truth", "add", truth))
    figures = json.loads(done(facefind("evaluate", "--json")).stdout)[SMALL_SET]
    assert (figures["summary"]["average_precision"]["mean"], figures["losses"]) == (1.0, [])
    explained = json.loads(done(facefind("explain", "Ada", "nobody.jpg", "--json")).stdout)
    assert (explained["reason"], explained["rank"]) == ("found", 1)
    done(facefind("reject", "Ada", "nobody.jpg"))
    assert all(match["photo"] != "Day 1/nobody.jpg" for match in _find(facefind))


def test_who_said_it_is_recorded(facefind: Facefind, filled: Path, database: Database) -> None:
    facefind("confirm", "Ada", "hopper.jpg", "--day", "Day 1")
    with database.connect() as connection:
        ((author,),) = table(connection, "SELECT author FROM feedback")
    assert author.endswith(", command")
