"""The entries of one folder: each kind by itself, and a line for each that can't be looked at."""

import os
from pathlib import Path

import pytest

from facefind_pipeline.ingest import listing
from facefind_pipeline.ingest.listing import list_folder, report

JPEG, VIDEO = b"\xff\xd8\xff\xe0" + bytes(60), b"\0\0\0\x20ftypisom" + bytes(60)


def test_entries_are_told_apart_and_hidden_ones_skipped(tmp_path: Path) -> None:
    for name in ("b.jpeg", "a.WEBP", "raw.nef", "raw.jpg", ".c.jpg", "d.txt", "e.jpg.part", "a.xmp"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "no suffix").write_bytes(JPEG)
    (tmp_path / "film").write_bytes(VIDEO)
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    found = list_folder(tmp_path)
    assert [entry.name for entry in found.photos] == ["a.WEBP", "b.jpeg", "no suffix", "raw.jpg"]
    assert [entry.name for entry in found.folders] == ["folder.jpg"]
    assert [entry.name for entry in found.sidecars] == ["a.xmp"]
    assert (found.others, found.problems) == ({"document": 1, "other file": 1, "video": 1}, [])


def test_a_link_that_can_not_be_followed_is_a_problem(tmp_path: Path) -> None:
    for name, target in (("a.jpg", "nowhere.jpg"), ("b", "b")):
        (tmp_path / name).symlink_to(target)
    assert report(list_folder(tmp_path).problems) == [
        f"{tmp_path}/a.jpg: leads to nothing that is there",
        f"{tmp_path}/b: leads to itself",
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory"), "went away meanwhile"),
        (PermissionError(13, "Permission denied"), "can't be read: permission denied"),
        (OSError(5, "Input/output error"), "can't be read: input/output error"),
    ],
)
def test_a_file_whose_content_can_not_be_had_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, reason: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "no suffix").write_bytes(JPEG)

    def kind_of_file(entry: os.DirEntry[str]) -> str:
        if entry.name == "no suffix":
            raise error
        return "photo"

    monkeypatch.setattr(listing, "kind_of_file", kind_of_file)
    found = list_folder(tmp_path)
    assert [entry.name for entry in found.photos] == ["a.jpg"]
    assert report(found.problems) == [f"{tmp_path}/no suffix: {reason}"]
