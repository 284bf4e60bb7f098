"""From a truth list to figures and reasons through the command, and what people say of single photos."""

import json
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits


@pytest.fixture
def by_hand(tmp_path: Path) -> Path:
    file = tmp_path / "by hand.csv"
    file.write_text("person,filename\nAda,hopper.jpg\nAda,again.jpg\nAda,both.jpg\nAda,broken.jpg\n")
    return file


def test_figures_and_reasons(facefind: Facefind, filled: Path, by_hand: Path, tmp_path: Path) -> None:
    none = facefind("evaluate")
    assert (none.exit_code, "facefind truth add FILE" in none.stderr) == (1, True)
    added = facefind("truth", "add", by_hand)
    assert added.exit_code == 0, added.stderr
    assert json.loads(facefind("truth", "list", "--json").stdout) == [
        {"list": "by hand.csv", "people": 1, "photos": 4, "left_out": 0, "days": "all", "unlabelled": "wrong"}
    ]
    evaluated = facefind("evaluate", "--json")
    assert evaluated.exit_code == 0, evaluated.stderr
    figures = json.loads(evaluated.stdout)[SMALL_SET]
    assert (
        len(figures["people"][0]["left_out"]) == 1
    )  # of the two photos with the portrait that the reference is cut from
    assert figures["summary"]["average_precision"]["mean"] == pytest.approx(2 / 3)
    assert figures["people"][0]["cuts"]["likely"]["false_matches"] == 0
    assert [(loss["photo"], loss["reason"]) for loss in figures["losses"]] == [("Day 1/broken.jpg", "unreadable")]
    report = (tmp_path / "home" / "report.html").read_text(encoding="utf-8")
    assert "Day 1/broken.jpg" in report
    printed = facefind("evaluate", "--people").stdout
    assert "0.667" in printed
    assert "photos left out" in printed


def test_a_list_of_nothing_that_counts_gives_no_figures_and_says_so(
    facefind: Facefind, filled: Path, by_hand: Path
) -> None:
    by_hand.write_text("person,filename,leave_out\nAda,both.jpg,yes\n")
    assert facefind("truth", "add", by_hand).exit_code == 0
    evaluated = facefind("evaluate", "--json")
    assert (evaluated.exit_code, json.loads(evaluated.stdout)) == (0, {})
    assert "no figures: of nobody do the truth lists name a photo that counts" in evaluated.stderr
    printed = facefind("evaluate", "--people")
    assert (printed.exit_code, printed.stdout, "report: " in printed.stderr) == (0, "", True)


def test_a_set_that_was_never_filled_has_figures_too(facefind: Facefind, filled: Path, by_hand: Path) -> None:
    unfilled = SMALL_SET.replace("px640", "px320")
    assert facefind("params", "add", unfilled).exit_code == 0
    assert facefind("truth", "add", by_hand).exit_code == 0
    evaluated = facefind("evaluate", "--params", unfilled, "--people", "--json")
    assert evaluated.exit_code == 0, evaluated.stderr
    figures = json.loads(evaluated.stdout)[unfilled]
    assert figures["summary"]["average_precision"]["mean"] == 0
    assert {loss["reason"] for loss in figures["losses"]} == {"not worked on yet", "unreadable"}
    assert facefind("evaluate", "--people").exit_code == 0


def test_faces_that_are_painted_over_or_too_small(
    facefind: Facefind, event: Path, reference: Path, portraits: Portraits, tmp_path: Path
) -> None:
    painted = portraits.together()
    painted.paste("grey", (130, 60, 400, 340))
    painted.save(event / "Day 1" / "painted.jpg")
    portraits.hopper.resize((128, 150)).save(event / "Day 1" / "small.jpg")  # her face is 47 pixels wide; HOG needs 66
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}").exit_code == 0
    by_hand = tmp_path / "by hand.csv"
    rows = ["Ada,hopper.jpg,,,,", "Ada,painted.jpg,160,110,200,200", "Ada,small.jpg,,,,"]
    by_hand.write_text("\n".join(["person,filename,x,y,w,h", *rows]))
    assert facefind("truth", "add", by_hand).exit_code == 0
    losses = json.loads(facefind("evaluate", "--json").stdout)[SMALL_SET]["losses"]
    assert {loss["photo"]: loss["reason"] for loss in losses} == {
        "Day 1/painted.jpg": "no face detected near the person's",
        "Day 1/small.jpg": "no face detected",
    }


def test_a_photo_is_explained(facefind: Facefind, filled: Path) -> None:
    def reason(*arguments: str) -> str:
        made = facefind("explain", "Ada", *arguments, "--json")
        assert made.exit_code == 0, made.stderr
        return str(json.loads(made.stdout)["reason"])

    assert reason("again.jpg") == "found"
    assert reason("nobody.jpg") == "no face detected"
    assert reason("broken.jpg") == "unreadable"
    assert reason("again.jpg", "--day", "day-1") == "removed by a filter"
    sheet = filled.parent / "why.jpg"
    assert facefind("explain", "Ada", "collins.png", "--sheet", sheet).exit_code == 0
    assert Image.open(sheet).width > 300
    assert "no photo 'nothing.jpg'" in facefind("explain", "Ada", "nothing.jpg").stderr


def test_what_people_say_of_photos_is_remembered(facefind: Facefind, filled: Path) -> None:
    def found() -> list[tuple[str, str]]:
        matches = json.loads(facefind("find", "Ada", "--json").stdout)
        return [(match["photo"], match["band"]) for match in matches]

    assert facefind("reject", "Ada", "both.jpg").exit_code == 0
    assert "Day 1/both.jpg" not in dict(found())
    assert facefind("confirm", "Ada", "collins.png").exit_code == 0  # people may say what they like
    assert found()[0] == ("Day 2/collins.png", "confirmed")
    assert facefind("confirm", "Ada", "both.jpg").exit_code == 0
    assert dict(found())["Day 1/both.jpg"] == "confirmed"
    nobody = facefind("confirm", "Ada", "nobody.jpg")
    assert (nobody.exit_code, "none can be confirmed" in nobody.stderr) == (1, True)


def test_lists_with_mistakes_are_refused_in_one_line(facefind: Facefind, filled: Path, by_hand: Path) -> None:
    by_hand.write_text("person,filename\nAda,hopper.png\n")
    refused = facefind("truth", "add", by_hand)
    assert refused.exit_code == 1
    assert "line 2: no photo 'hopper.png': there is hopper.jpg" in refused.stderr
