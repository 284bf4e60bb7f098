"""`facefind album` and `facefind person consent`, as a user meets them."""

import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.settings import Settings
from facefind_pipeline_tests.conftest import Facefind, call_facefind


def tree(folder: Path) -> dict[str, int]:
    """All files below a folder, by when they were changed."""
    return {str(file.relative_to(folder)): file.lstat().st_mtime_ns for file in folder.rglob("*")}


@pytest.mark.parametrize(
    "arguments",
    [
        ("Ada",),
        ("Ada", "--to", "a.zip", "--links"),
        ("Ada", "--to", "a", "--links", "--hide-others"),
        ("Ada", "--to", "a", "--links", "--size", "web"),
        ("Ada", "--to", "a", "--size", "huge"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_opened(arguments: tuple[str, ...]) -> None:
    assert call_facefind("album", *arguments).exit_code == 2


@pytest.mark.slow
def test_albums_of_what_was_found(facefind: Facefind, filled: Path, settings: Settings, tmp_path: Path) -> None:
    before = tree(filled)

    tried = facefind("album", "Ada", "--hide-others", "--dry-run", "--to", "album")
    assert "would hold 3 photos of Ada, " in tried.stdout
    (sheet,) = settings.sheets.glob("*/albums/ada.jpg")
    assert f"sheet: {sheet}; no album was written" in tried.stderr
    with Image.open(sheet) as picture:
        assert picture.width > 3 * 320
    assert not (tmp_path / "album").exists()

    made = facefind("album", "Ada", "--to", "album", "--hide-others", "--xmp", "--json")
    album = json.loads(made.stdout)
    assert album["album"] == str(tmp_path / "album")
    files = {item["file"]: item for item in album["items"]}
    assert set(files) == {"both.jpg", "again.jpg", "copy of hopper.jpg"} or "hopper.jpg" in files
    assert files["both.jpg"]["covered"] >= 1
    assert {"album.csv", "album.json", "both.jpg", "both.jpg.xmp"} <= {
        one.name for one in (tmp_path / "album").iterdir()
    }
    again = tree(tmp_path / "album")
    assert facefind("album", "Ada", "--to", "album", "--hide-others", "--xmp").exit_code == 0
    assert {name: time for name, time in tree(tmp_path / "album").items() if "album." not in name} == {
        name: time for name, time in again.items() if "album." not in name
    }

    assert facefind("album", "Ada", "--to", "ada.zip", "--size", "web", "--collage").exit_code == 0
    with zipfile.ZipFile("ada.zip") as archive:
        assert {"both.jpg", "collage.jpg", "album.csv", "album.json"} <= set(archive.namelist())
    assert facefind("album", "Ada", "--to", "links", "--links").exit_code == 0
    assert (tmp_path / "links" / "both.jpg").readlink() == filled / "Day 1" / "both.jpg"

    for place in (filled / "album", filled, filled / "Day 1" / "ada.zip"):
        refused = facefind("album", "Ada", "--to", place)
        assert refused.exit_code == 1
        assert "among the photos" in refused.stderr
    assert tree(filled) == before


@pytest.mark.slow
def test_consent_is_a_row_with_date_and_source(facefind: Facefind, filled: Path) -> None:
    assert "nothing yet" in facefind("person", "consent", "Ada").stderr
    agreed = facefind("person", "consent", "Ada", "--until", "2099-12-31", "--source", "signed form", "--json")
    (row,) = json.loads(agreed.stdout)
    assert (row["agrees"], row["until"], row["source"]) == ("yes", "2099-12-31", "signed form")
    assert row["recorded"]
    assert facefind("person", "consent", "ada", "--no").exit_code == 0
    rows = json.loads(facefind("person", "consent", "Ada", "--json").stdout)
    assert [row["agrees"] for row in rows] == ["no", "yes"]

    past = facefind("person", "consent", "Ada", "--until", "2001-01-01")
    assert (past.exit_code, "is past" in past.stderr) == (1, True)
    assert facefind("person", "consent", "Ada", "--no", "--until", "2099-01-01").exit_code == 2
    unknown = facefind("person", "consent", "Nobody", "--yes")
    assert (unknown.exit_code, "there is Ada" in unknown.stderr) == (1, True)
