"""Copies of what a search shows: whole, with their times, nothing overwritten, nothing into a folder that is read."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from facefind_pipeline.cli import copies
from facefind_pipeline.cli.copies import check_outside, copy_into, copy_photos
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.search.matches import Copy, Match
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind


def _match(file: Path, *others: Path) -> Match:
    nothing = dict.fromkeys(
        ("probability", "rival", "rival_distance", "taken_at", "country", "place"),
    )
    return Match(
        rank=1,
        photo=file.name,
        file=file,
        event_day="friday",
        distance=0.1,
        score=0.1,
        plain_distance=0.1,
        band="sure",
        box=(0, 0, 9, 9),
        detector_score=1.0,
        sha256="",
        copies=tuple(Copy("friday", other.name, other) for other in others),
        thumbnail=b"",
        **nothing,
    )


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photos" / "a" / "IMG_1.jpg"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"the first")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    file.chmod(0o640)
    return file


def test_a_copy_has_the_content_the_time_and_the_mode(photo: Path, tmp_path: Path) -> None:
    made = copy_into([_match(photo)], tmp_path / "new" / "folder")
    (copy,) = (tmp_path / "new" / "folder").iterdir()
    assert (copy.name, copy.read_bytes()) == ("IMG_1.jpg", b"the first")
    assert (copy.stat().st_mtime, copy.stat().st_mode & 0o777) == (1_000_000_000, 0o640)
    assert (made.copied, made.size, made.known, made.missing) == (1, 9, 0, [])


def test_no_file_is_overwritten_and_the_same_content_is_not_copied_twice(photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "photos" / "b" / "IMG_1.jpg"
    other.parent.mkdir()
    other.write_bytes(b"the other")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "IMG_1.jpg").write_bytes(b"the user's own")
    for copied, known in ((2, 0), (0, 2)):
        made = copy_into([_match(photo), _match(other)], folder)
        assert (made.copied, made.known) == (copied, known)
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
            "IMG_1.jpg": b"the user's own",
            "IMG_1-2.jpg": b"the first",
            "IMG_1-3.jpg": b"the other",
        }
    (folder / "link.jpg").symlink_to(tmp_path / "nowhere")
    shutil.copy(photo, photo.with_name("link.jpg"))
    copy_into([_match(photo.with_name("link.jpg"))], folder)
    assert not (tmp_path / "nowhere").exists()  # a link is no way round


def test_a_missing_photo_is_told_and_a_copy_of_its_content_serves(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = photo.with_name("gone.jpg")
    copy_photos([_match(gone), _match(photo), _match(gone, photo)], tmp_path / "out")
    said = capsys.readouterr().err.splitlines()
    assert f"copied 1 photo (9 bytes) to {tmp_path}/out; 1 photo there already" in said
    assert f"not copied: gone.jpg: {gone} is not there" in said


def test_a_full_disk_leaves_no_half_of_a_photo(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_source: object, target: object, _size: int) -> None:
        target.write(b"half")  # type: ignore[attr-defined]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(copies.shutil, "copyfileobj", fill)
    with pytest.raises(FacefindError, match=rf"--copy-to {tmp_path}/out: .*No space left on device"):
        copy_photos([_match(photo)], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_whose_photos_are_read_is_refused(photo: Path, tmp_path: Path) -> None:
    root = photo.parents[1]
    (tmp_path / "link").symlink_to(root)
    for inside in (root, root / "new", tmp_path / "link" / "new"):
        with pytest.raises(FacefindError, match="give a folder elsewhere"):
            check_outside(inside, [tmp_path / "other", root])
    check_outside(tmp_path / "photos-of-ada", [root])
    check_outside(tmp_path, [root])


def test_sizes_are_spelt_as_people_read_them() -> None:
    assert [copies.spelt(size) for size in (0, 999, 1000, 84_210_000, 12_000_000_000_000)] == [
        *("0 bytes", "999 bytes", "1.0 kB", "84.2 MB", "12,000.0 GB"),
    ]


def test_find_copies_what_it_shows(facefind: Facefind, event: Path, reference: Path, tmp_path: Path) -> None:
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}").exit_code == 0
    inside = facefind("find", "Ada", "--copy-to", event / "new")
    assert inside.exit_code == 1
    assert "give a folder elsewhere" in inside.stderr
    assert not (event / "new").exists()
    (tmp_path / "file").write_text("")
    assert "is no folder" in facefind("find", "Ada", "--copy-to", tmp_path / "file").stderr
    (event / "Day 1" / "hopper.jpg").unlink()  # it is in Day 2 too
    result = facefind("find", "Ada", "--copy-to", tmp_path / "hers")
    assert result.exit_code == 0
    assert {file.name for file in (tmp_path / "hers").iterdir()} == {"copy of hopper.jpg", "both.jpg", "again.jpg"}
    assert "copied 3 photos (" in result.stderr
