"""Folders as event days, and names as keys."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.folders import find_days, key_of, photo_files


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Anna's wedding (2024)", "annas-wedding-2024"),
        ("José Núñez", "jose-nunez"),
        ("2024-06-14", "2024-06-14"),
        ("  Straße & Öl  ", "strasse-ol"),
        ("Свадьба", "svadba"),
        ("v1.2_final", "v1.2_final"),
    ],
)
def test_keys_are_slugs(name: str, key: str) -> None:
    assert key_of(name) == key


@given(st.text(max_size=40))
def test_a_key_is_a_slug_or_the_name_is_refused(name: str) -> None:
    try:
        key = key_of(name)
    except FacefindError as error:
        assert "letter or digit" in str(error)
    else:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", key)
        assert key_of(key) == key


def _photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def test_a_folder_with_photos_is_one_day_and_its_subfolders_are_not_looked_at(tmp_path: Path) -> None:
    _photo(tmp_path / "party" / "a.JPG")
    _photo(tmp_path / "party" / "edited" / "a.jpg")
    assert [(day.key, day.folder) for day in find_days(tmp_path / "party")] == [("party", "")]


def test_otherwise_each_subfolder_with_photos_is_a_day(tmp_path: Path) -> None:
    root = tmp_path / "Anna's wedding (2024)"
    _photo(root / "Église" / "a.heic")
    _photo(root / "evening" / "bar" / "b.png")
    _photo(root / ".trash" / "c.jpg")
    _photo(root / "notes" / "list.txt")
    days = find_days(root)
    assert [(day.key, day.folder, day.path) for day in days] == [
        ("evening-bar", "evening/bar", root / "evening" / "bar"),
        ("eglise", "Église", root / "Église"),
    ]


def test_a_given_name_replaces_the_folders(tmp_path: Path) -> None:
    _photo(tmp_path / "DCIM" / "a.jpg")
    assert find_days(tmp_path / "DCIM", "Beach party")[0].key == "beach-party"
    assert find_days(tmp_path, "Beach party")[0].key == "beach-party-dcim"


def test_two_folders_of_one_key_are_refused(tmp_path: Path) -> None:
    _photo(tmp_path / "day 1" / "a.jpg")
    _photo(tmp_path / "Day-1" / "a.jpg")
    with pytest.raises(FacefindError, match="'day-1': rename one"):
        find_days(tmp_path)


def test_missing_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FacefindError, match=f"no folder {tmp_path}/gone"):
        find_days(tmp_path / "gone")
    with pytest.raises(FacefindError, match="no photos in"):
        find_days(tmp_path)


def test_photo_files_are_known_by_suffix_and_not_hidden(tmp_path: Path) -> None:
    for name in ("b.jpeg", "a.WEBP", ".c.jpg", "d.txt", "e.jpg.part"):
        _photo(tmp_path / name)
    (tmp_path / "folder.jpg").mkdir()
    assert [entry.name for entry in photo_files(tmp_path)] == ["a.WEBP", "b.jpeg"]


def test_a_key_is_never_a_range_of_partitions() -> None:
    assert key_of("before... and after") == "before.-and-after"
