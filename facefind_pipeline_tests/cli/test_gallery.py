"""`facefind gallery` as its user meets it: on photos of real faces, found by a real run."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.plurals import counted
from facefind_pipeline.settings import Settings
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits


def _photos(gallery: Path) -> set[str]:
    return {file.name.rpartition("-")[0] for file in (gallery / "photos").iterdir()}


def _contents(folder: Path) -> dict[Path, tuple[str, int]]:
    return {
        file: (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_a_gallery_of_what_was_found(filled: Path, facefind: Facefind, tmp_path: Path, settings: Settings) -> None:
    before = _contents(filled)
    made = facefind("gallery", "ada", "--out", "gallery")
    assert made.exit_code == 0, made.stderr
    assert made.stdout == f"gallery: {tmp_path / 'gallery' / 'index.html'}\n"
    shown = _photos(tmp_path / "gallery")
    assert "hopper" in shown or "copy-of-hopper" in shown
    assert not shown & {"nobody", "collins", "broken"}
    for photo in (tmp_path / "gallery" / "photos").iterdir():
        assert not Image.open(photo).getexif()
    assert _contents(filled) == before
    # Made once per content: a second gallery takes the same previews.
    previews = _contents(settings.small_photos)
    assert facefind("gallery", "Ada", "--out", "second", "--no-zip").exit_code == 0
    assert _contents(settings.small_photos) == previews
    assert not (tmp_path / "second" / "photos.zip").exists()

    everything = facefind("gallery", "Ada", "--out", "gallery", "--all", "--json")
    values = json.loads(everything.stdout)
    assert values["page"] == str(tmp_path / "gallery" / "index.html")
    assert values["photos"] == values["people"]["Ada"] == len(_photos(tmp_path / "gallery")) > len(shown)
    assert values["left_out"] == {}


def test_photos_that_are_gone_leave_the_gallery_and_are_counted(
    filled: Path, facefind: Facefind, tmp_path: Path
) -> None:
    assert facefind("gallery", "Ada", "--out", "gallery").exit_code == 0
    (filled / "Day 1/hopper.jpg").unlink()  # a copy is there
    again = facefind("gallery", "Ada", "--out", "gallery")
    assert "left out" not in again.stderr
    (filled / "Day 2/copy of hopper.jpg").unlink()
    # Although its previews are kept.
    made = facefind("gallery", "Ada", "--out", "gallery", "--all")
    assert made.exit_code == 0
    assert "left out: Day 1/hopper.jpg: its file is gone\n" in made.stderr
    assert "; 1 photo left out\n" in made.stderr
    assert not _photos(tmp_path / "gallery") & {"hopper", "copy-of-hopper"}
    for file in filled.rglob("*.*"):
        file.unlink()
    before = _contents(tmp_path / "gallery")
    nothing = facefind("gallery", "Ada", "--out", "gallery")
    assert nothing.exit_code == 1
    assert "no photo of Ada can be shown: Day 1/" in nothing.stderr
    assert _contents(tmp_path / "gallery") == before


def test_other_people_are_covered_and_counted(
    filled: Path, facefind: Facefind, tmp_path: Path, settings: Settings
) -> None:
    tried = facefind("gallery", "Ada", "--hide-others", "--dry-run", "--json")
    assert tried.exit_code == 0, tried.stderr
    would = json.loads(tried.stdout)
    with Image.open(would.pop("sheet")) as sheet:
        assert sheet.width > 3 * 320
    assert not (tmp_path / "gallery").exists()
    assert would["covered"] >= 1

    made = json.loads(facefind("gallery", "Ada", "--out", "gallery", "--hide-others", "--json").stdout)
    assert made == {"page": str(tmp_path / "gallery" / "index.html"), **would}
    assert not settings.small_photos.exists()
    assert "Other people are covered" in (tmp_path / "gallery" / "index.html").read_text()
    again = facefind("gallery", "Ada", "--out", "gallery", "--hide-others")
    assert f"3 photos of Ada, {counted(would['covered'], 'head')} of other people covered\n" in again.stderr


@pytest.mark.slow
def test_whose_faces_stay_is_decided_by_the_gallerys_people_and_by_consent(
    filled: Path, facefind: Facefind, portraits: Portraits, tmp_path: Path
) -> None:
    portraits.collins.crop((60, 0, 420, 420)).save(tmp_path / "eileen.png")
    assert facefind("run", filled, "--params", SMALL_SET, "--reference", "Eileen=eileen.png").exit_code == 0

    def covered(*names: str) -> int:
        made = facefind("gallery", *names, "--out", "gallery", "--hide-others", "--json")
        assert not [file for file in (tmp_path / "gallery").rglob("*.js") if set(names) == {"Ada"} and _named(file)]
        return json.loads(made.stdout)["covered"]

    def _named(file: Path) -> bool:
        return "Eileen" in file.read_text()

    of_ada = covered("Ada")
    assert of_ada >= 1
    assert covered("Ada", "Eileen") < of_ada
    assert facefind("person", "consent", "Eileen", "--yes").exit_code == 0
    assert covered("Ada") == of_ada - 1
    assert facefind("person", "consent", "Eileen", "--no").exit_code == 0
    assert covered("Ada") == of_ada


def test_what_would_show_others_is_refused_before_anything_is_opened(facefind: Facefind, tmp_path: Path) -> None:
    for other in ("--originals", "--all"):
        refused = facefind("gallery", "Ada", "--out", "gallery", "--hide-others", other)
        assert refused.exit_code == 2
        assert other in refused.stderr
    assert not (tmp_path / "gallery").exists()


def test_what_can_not_be_is_said_in_one_line(filled: Path, facefind: Facefind, tmp_path: Path) -> None:
    inside = facefind("gallery", "Ada", "--out", filled / "Day 1" / "gallery")
    assert inside.exit_code == 1
    assert f"lies among the photos of {filled}" in inside.stderr
    assert not (filled / "Day 1" / "gallery").exists()
    unknown = facefind("gallery", "Eve", "--out", "gallery")
    assert unknown.exit_code == 1
    assert "no person 'eve' (there is Ada)" in unknown.stderr
    assert facefind("gallery", "--out", "gallery").exit_code == 2
    assert facefind("gallery", "Ada").exit_code == 2
    assert not (tmp_path / "gallery").exists()


def test_nobody_for_sure_is_said_and_how_to_see_the_others(filled: Path, facefind: Facefind) -> None:
    for name, day in (("hopper.jpg", "day-1"), ("both.jpg", "day-1"), ("again.jpg", "day-2")):
        assert facefind("reject", "Ada", name, "--day", day).exit_code == 0
    made = facefind("gallery", "Ada", "--out", "gallery")
    assert made.exit_code == 1, made.stderr
    assert "no photo that shows Ada for sure or likely" in made.stderr
    assert "--all takes the others too" in made.stderr
