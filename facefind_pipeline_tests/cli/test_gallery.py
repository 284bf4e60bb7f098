"""`facefind gallery` as its user meets it: on photos of real faces, found by a real run."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.settings import Settings
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind


def _photos(gallery: Path) -> set[str]:
    return {file.name.rpartition("-")[0] for file in (gallery / "photos").iterdir()}


def _contents(folder: Path) -> dict[Path, tuple[str, int]]:
    return {
        file: (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def found(facefind: Facefind, event: Path, reference: Path) -> Path:
    """The folder of photos, in which Ada was looked for."""
    done = facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}")
    assert done.exit_code == 0, done.stderr
    return event


def test_a_gallery_of_what_was_found(found: Path, facefind: Facefind, tmp_path: Path, settings: Settings) -> None:
    before = _contents(found)
    made = facefind("gallery", "ada", "--out", "gallery")
    assert made.exit_code == 0, made.stderr
    assert made.stdout == f"gallery: {tmp_path / 'gallery' / 'index.html'}\n"
    shown = _photos(tmp_path / "gallery")
    assert "hopper" in shown or "copy-of-hopper" in shown
    assert not shown & {"nobody", "collins", "broken"}
    for photo in (tmp_path / "gallery" / "photos").iterdir():
        assert not Image.open(photo).getexif()
    assert _contents(found) == before
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


def test_a_photo_that_is_gone_is_left_out_and_named(found: Path, facefind: Facefind, tmp_path: Path) -> None:
    for file in ("Day 1/hopper.jpg", "Day 2/copy of hopper.jpg"):
        (found / file).unlink()
    made = facefind("gallery", "Ada", "--out", "gallery")
    assert made.exit_code == 0
    assert "left out: Day 1/hopper.jpg: its file is gone or was changed" in made.stderr
    assert "hopper" not in _photos(tmp_path / "gallery")


def test_what_can_not_be_is_said_in_one_line(found: Path, facefind: Facefind, tmp_path: Path) -> None:
    inside = facefind("gallery", "Ada", "--out", found / "Day 1" / "gallery")
    assert inside.exit_code == 1
    assert f"lies among the photos of {found}" in inside.stderr
    assert not (found / "Day 1" / "gallery").exists()
    unknown = facefind("gallery", "Eve", "--out", "gallery")
    assert unknown.exit_code == 1
    assert "no person 'eve' (there is Ada)" in unknown.stderr
    assert facefind("gallery", "--out", "gallery").exit_code == 2
    assert facefind("gallery", "Ada").exit_code == 2
    assert not (tmp_path / "gallery").exists()


def test_nobody_for_sure_is_said_and_how_to_see_the_others(found: Path, facefind: Facefind) -> None:
    for name, day in (("hopper.jpg", "day-1"), ("both.jpg", "day-1"), ("again.jpg", "day-2")):
        assert facefind("reject", "Ada", name, "--day", day).exit_code == 0
    made = facefind("gallery", "Ada", "--out", "gallery")
    assert made.exit_code == 1, made.stderr
    assert "no photo that shows Ada for sure or likely" in made.stderr
    assert "--all takes the others too" in made.stderr
