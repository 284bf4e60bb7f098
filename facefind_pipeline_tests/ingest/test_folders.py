"""Folders as event days: every folder with photos once, and one line for each odd entry."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.folders import Found, find_days
from facefind_pipeline.ingest.listing import report
from facefind_pipeline.marks import ALBUM_CONTENTS, GALLERY_MARK
from facefind_pipeline.publish.contents import Contents
from facefind_pipeline.store.photos import EventDay


def _photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def _found(root: Path, known: Sequence[EventDay] = ()) -> dict[str, str]:
    """Key -> folder of each day."""
    return {day.key: day.folder for day in find_days(root, known).days}


def _left_out(root: Path) -> list[str]:
    return report(find_days(root).problems)


def test_each_folder_with_photos_is_a_day_and_so_is_the_root(tmp_path: Path) -> None:
    root = tmp_path / "Anna's wedding (2024)"
    _photo(root / "cover.JPG")
    _photo(root / "Église" / "a.heic")
    _photo(root / "Église" / "edited" / "a.jpg")
    _photo(root / "evening" / "bar" / "b.png")
    _photo(root / ".trash" / "c.jpg")
    _photo(root / "notes" / "list.txt")
    days = find_days(root).days
    assert [(day.key, day.folder, day.path) for day in days] == [
        ("annas-wedding-2024", "", root),
        ("evening-bar", "evening/bar", root / "evening" / "bar"),
        ("eglise", "Église", root / "Église"),
        ("eglise-edited", "Église/edited", root / "Église" / "edited"),
    ]


@pytest.mark.parametrize("junk", ["@eaDir", "#recycle", "$Recycle.Bin", "lost+found", "__MACOSX", "Edited", "x.lrdata"])
def test_what_storage_and_programs_leave_is_no_day(tmp_path: Path, junk: str) -> None:
    _photo(tmp_path / "day" / "a.jpg")
    _photo(tmp_path / junk / "deep" / "a.jpg")
    found = find_days(tmp_path, ignore=("edited", "*.lrdata"))
    assert ([day.key for day in found.days], found.problems) == (["day"], [])


def _gallery(folder: Path) -> None:
    for name in (GALLERY_MARK, "photos/a.jpg", "thumbnails/a-320.jpg"):
        _photo(folder / name)


def _album(folder: Path) -> None:
    _photo(folder / "a.jpg")
    contents = Contents("ada", "Ada", "some-set", "full", others_hidden=False)
    (folder / ALBUM_CONTENTS).write_bytes(contents.to_json())


def test_galleries_and_albums_of_facefind_are_no_days_and_reported_once_each(tmp_path: Path) -> None:
    _photo(tmp_path / "day" / "a.jpg")
    _gallery(tmp_path / "given" / "ada gallery")
    _album(tmp_path / "ada")
    _photo(tmp_path / "another program's" / "a.jpg")
    (tmp_path / "another program's" / ALBUM_CONTENTS).write_text('{"title": "facefind album"}')
    assert set(_found(tmp_path)) == {"day", "another-programs"}
    assert _left_out(tmp_path) == [
        f"{tmp_path / 'ada'}: is a facefind album: its pictures are no photos of the event",
        f"{tmp_path / 'given' / 'ada gallery'}: is a facefind gallery: its pictures are no photos of the event",
    ]


def test_an_album_that_is_given_itself_is_read(tmp_path: Path) -> None:
    """A friend's album may be all that one has of an event."""
    _album(tmp_path / "ada")
    assert _found(tmp_path / "ada") == {"ada": ""}


def test_a_given_name_replaces_the_folders(tmp_path: Path) -> None:
    _photo(tmp_path / "DCIM" / "a.jpg")
    assert find_days(tmp_path / "DCIM", name="Beach party").days[0].key == "beach-party"
    assert find_days(tmp_path, name="Beach party").days[0].key == "beach-party-dcim"


def test_of_two_folders_of_one_key_the_second_is_left_out_with_a_way_out(tmp_path: Path) -> None:
    for name in ("Other", "Party", "Party!"):
        _photo(tmp_path / name / "a.jpg")
    assert _found(tmp_path) == {"other": "Other", "party": "Party"}
    (line,) = _left_out(tmp_path)
    assert line.startswith(f"{tmp_path}/Party!: event day 'party' is the folder {tmp_path}/Party already: ")
    assert f"`facefind ingest '{tmp_path}/Party!' --day-name NAME`" in line
    # Whichever was registered first keeps the key; with a name of its own the other is found too.
    known = [EventDay("party", tmp_path, "Party!")]
    assert _found(tmp_path, known) == {"other": "Other", "party": "Party!"}
    known = [EventDay("second", tmp_path / "Party!", "")]
    assert _found(tmp_path, known) == {"other": "Other", "party": "Party", "second": ""}


@pytest.mark.parametrize(
    ("name", "key", "folder"),
    [
        ("\U0001f389\U0001f389", "party-popper-party-popper", "\U0001f389\U0001f389"),
        ("???", "question-mark-question-mark-question-mark", "???"),
        (os.fsdecode(b"caf\xe9"), "caf-xe9", r"caf\xe9"),
        (os.fsdecode(b"\xff"), "xff", r"\xff"),
    ],
)
def test_names_of_any_characters_and_bytes_are_days(tmp_path: Path, name: str, key: str, folder: str) -> None:
    _photo(tmp_path / name / "a.jpg")
    (day,) = find_days(tmp_path).days
    assert (day.key, day.folder, day.path) == (key, folder, tmp_path / name)
    (day,) = find_days(tmp_path / name).days
    assert (day.key, day.folder, day.path) == (key, "", tmp_path / name)


def test_a_name_that_can_not_be_seen_is_left_out_alone(tmp_path: Path) -> None:
    _photo(tmp_path / "day" / "a.jpg")
    _photo(tmp_path / "\u200b" / "a.jpg")
    assert _found(tmp_path) == {"day": "day"}
    (line,) = _left_out(tmp_path)
    assert "no character" in line
    assert "--day-name" in line


def test_long_names_and_deep_folders(tmp_path: Path) -> None:
    nested = tmp_path / ("a" * 150) / ("b" * 150)
    _photo(nested / "a.jpg")
    _photo(tmp_path / ("婚礼照片" * 20) / "a.jpg")
    deep = tmp_path
    for number in range(18):
        deep = deep / (f"{number}" * 120)[:150]
    deep.mkdir(parents=True)
    _photo(deep / "a.jpg")
    found = find_days(tmp_path)
    assert [len(day.key) <= 100 for day in found.days] == [True, True]
    assert "longer than" in report(found.problems)[0]


def test_links_in_loops_and_out_of_the_root_are_left_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    _photo(root / "day" / "a.jpg")
    _photo(tmp_path / "private" / "b.jpg")
    for path, target in {
        "l1": ".", "l2": "l1", "up": "..", "day/top": "../..", "day/again": "../day", "other": "../private",
        "self": "self", "x.jpg": "x.jpg", "ping": "pong", "pong": "ping", "missing": "/mnt/none/day",
        "gone.jpg": "none",
    }.items():  # fmt: skip
        (root / path).symlink_to(target)
    assert _found(root) == {"day": "day"}
    told = {line.partition(": ")[0].removeprefix(f"{root}/"): line.partition(": ")[2] for line in _left_out(root)}
    assert told.keys() == {
        *("l1", "l2", "up", "day/top", "day/again", "other", "self", "x.jpg", "ping", "pong", "missing", "gone.jpg")
    }
    assert "out of root" in told["up"]
    assert "read already" in told["l1"]
    assert told["x.jpg"] == "leads to itself"
    assert told["missing"] == told["gone.jpg"] == "leads to nothing that is there"


def test_a_folder_by_a_link_goes_by_its_own_name_where_it_has_one(tmp_path: Path) -> None:
    _photo(tmp_path / "zoo" / "a.jpg")
    _photo(tmp_path / ".store" / "b.jpg")
    (tmp_path / "alias").symlink_to("zoo")
    (tmp_path / "shown").symlink_to(".store")
    assert _found(tmp_path) == {"shown": "shown", "zoo": "zoo"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("mode", [0, 0o400])
def test_a_folder_that_can_not_be_read_is_left_out_alone(tmp_path: Path, mode: int) -> None:
    _photo(tmp_path / "day" / "a.jpg")
    _photo(tmp_path / "locked" / "a.jpg")
    (tmp_path / "locked").chmod(mode)
    try:
        assert _found(tmp_path) == {"day": "day"}
        assert _left_out(tmp_path) == [f"{tmp_path}/locked: can't be read: permission denied"]
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_many_problems_of_a_kind_share_a_line(tmp_path: Path) -> None:
    _photo(tmp_path / "a.jpg")
    for number in range(50):
        (tmp_path / f"{number:02}.jpg").symlink_to(f"/mnt/none/{number}.jpg")
    assert _left_out(tmp_path) == [f"{tmp_path}: 50 entries, as 00.jpg: leads to nothing that is there"]


def test_missing_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FacefindError, match=f"no folder {tmp_path}/gone"):
        find_days(tmp_path / "gone")
    with pytest.raises(FacefindError, match="no photos in"):
        find_days(tmp_path)
    assert find_days(tmp_path, [EventDay("day", tmp_path, "")]) == Found([], [], {})


def test_what_is_no_photo_is_counted_by_kind_also_where_no_photo_lies(tmp_path: Path) -> None:
    _photo(tmp_path / "day" / "a.jpg")
    for name in ("day/menu.pdf", "day/a.xmp", "films/1.mp4", "films/2.mov", "@eaDir/3.mp4", ".hidden.mp4"):
        _photo(tmp_path / name)
    found = find_days(tmp_path)
    assert ([day.key for day in found.days], found.others) == (["day"], {"PDF": 1, "video": 2})


def test_a_folder_whose_photos_have_no_suffix_is_a_day(tmp_path: Path) -> None:
    _photo(tmp_path / "day" / "a")
    (tmp_path / "day" / "a").write_bytes(b"\xff\xd8\xff\xe0" + bytes(60))
    assert _found(tmp_path) == {"day": "day"}
