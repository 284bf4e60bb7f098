"""The folder of a gallery: where it may lie, what is in it, and that it is replaced file by file."""

import json
import os
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.publish import gallery as galleries
from facefind_pipeline.publish.gallery import ARCHIVE, INDEX, Gallery, write_gallery
from facefind_pipeline.publish.gallery_data import Appearance, GalleryPhoto
from facefind_pipeline.publish.gallery_folder import check_folder
from facefind_pipeline.publish.gallery_pictures import copy_previews
from facefind_pipeline_tests.conftest import Silence
from facefind_pipeline_tests.publish.galleries import PEOPLE, SIZE, gallery_photos, match, write_previews


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "gallery"


def _write(
    out: Path, photos: Sequence[GalleryPhoto], *, originals: bool = False, archive: bool = True, people=PEOPLE
) -> dict[str, Path]:
    """Writes a gallery with previews; returns its files by their paths in it."""
    previews = out.parent / f"previews-{len(photos)}"
    if not previews.exists():
        write_previews(previews, photos, Image.new("RGB", (300, 200), "teal"))
    check_folder(out, [])
    copy_previews(out, photos, previews, Silence())
    page = write_gallery(out, Gallery(people, photos, originals, archive), Silence())
    assert page == out / INDEX
    return {file.relative_to(out).as_posix(): file for file in out.rglob("*") if file.is_file()}


def _values(script: Path) -> object:
    """What a script of data calls its function with."""
    found = re.fullmatch(r"\w+\((.*)\);\n", script.read_text(encoding="ascii"), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_what_is_in_it(out: Path) -> None:
    files = _write(out, gallery_photos(3))
    assert sorted(name for name in files if not name.startswith("page/")) == sorted(
        [
            ".facefind-gallery",
            *("data/gallery.js", "data/photos-0.js", "index.html", "photos.zip"),
            *(f"photos/{photo.stem}.jpg" for photo in gallery_photos(3)),
            *(f"thumbnails/{photo.stem}-{side}.jpg" for photo in gallery_photos(3) for side in (320, 640)),
        ]
    )
    assert "page/photoswipe/LICENSE" in files
    page = files["index.html"].read_text()
    named = set(re.findall(r'(?:src|href)="([^"]+)"', page))
    assert named <= files.keys()
    assert not re.search(r"https?://", page)


def test_the_people_are_named_in_the_title_and_escaped(out: Path) -> None:
    assert Gallery(["Ada"], [], False, False).title == "Photos of Ada"
    assert Gallery(["Ada", "Bob", "Cy"], [], False, False).title == "Photos of Ada, Bob and Cy"
    assert Gallery(["Ada", "Bob", "Cy", "Di"], [], False, False).title == "Photos of Ada, Bob and 2 others"
    page = _write(out, gallery_photos(1), people=["<script>alert(1)</script>", "$title"])["index.html"].read_text()
    assert "<h1>Photos of &lt;script&gt;alert(1)&lt;/script&gt; and $title</h1>" in page


def test_many_photos_come_in_parts_in_the_order_in_which_they_were_taken(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "PART", 4)
    photos = gallery_photos(10)
    files = _write(out, photos)
    data = _values(files["data/gallery.js"])
    assert data["parts"] == 3
    assert data["people"] == list(PEOPLE)
    assert data["days"] == ["Friday 14 June 2024", "Saturday 15 June 2024", "Sunday 16 June 2024", "No date"]
    assert data["bands"] == ["Confirmed", "Sure", "Likely"]
    assert data["archive"] == {"file": "photos.zip", "bytes": files["photos.zip"].stat().st_size}
    values = [photo for part in range(3) for photo in _values(files[f"data/photos-{part}.js"])]
    assert [value["stem"] for value in values] == [photo.stem for photo in photos]
    assert values[0] == {
        "stem": photos[0].stem,
        "width": 2048,
        "height": 1365,
        "original": None,
        "name": "card 0/IMG_00000.jpg",
        "day": 0,
        "time": "08:00",
        "place": "Vila <i>Nova</i>, Portugal",
        "people": [
            [0, 0, 0.987, 0.31, 0.4, 0.25, 0.1, 0.2],
            [1, 2, 0.987, 0.31, 0.8, 0.25, 0.1, 0.2],
        ],
    }


def test_nothing_is_said_of_other_people(out: Path) -> None:
    """Whom a photo also resembles is no business of who is given the gallery."""
    for file in _write(out, gallery_photos(3)).values():
        assert b"Somebody Else" not in file.read_bytes()


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("day 1/IMG_0042.HEIC", "IMG_0042"),
        ("Mäuse & <b>Bär<b>.jpg", "Mause-b-Bar-b"),
        ("../../etc/passwd.jpg", "passwd"),
        ("line\nbreak\u2028'\".jpg", "line-break"),
        ("🎉.jpg", "photo"),
        ("宴" * 80 + ".jpg", "Yan" + "-Yan" * 14),
        ("con.jpg", "con"),
    ],
)
def test_any_name_makes_a_file_that_any_system_takes(out: Path, name: str, stem: str) -> None:
    photo = GalleryPhoto(SIZE, [Appearance(0, match(name))])
    assert photo.stem == f"{stem}-{photo.match.sha256[:16]}"
    files = _write(out, [photo])
    assert f"photos/{photo.stem}.jpg" in files
    assert _values(files["data/photos-0.js"])[0]["name"] == name


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_name_makes_such_a_file(name: str) -> None:
    photo = GalleryPhoto(SIZE, [Appearance(0, match("x", photo=f"day/{name}"))])
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}-[0-9a-f]{16}", photo.stem)
    assert re.fullmatch(r"originals/[A-Za-z0-9._-]+", photo.original)


def test_photos_of_one_name_are_kept_apart(out: Path) -> None:
    photos = [GalleryPhoto(SIZE, [Appearance(0, match(f"{day}/IMG_1.jpg"))]) for day in ("a", "b")]
    assert len([name for name in _write(out, photos) if name.startswith("photos/")]) == 2


def test_all_photos_are_in_a_zip_by_day_or_there_is_none(out: Path) -> None:
    taken = datetime(2024, 6, 14, 8, 0, 2)
    photos = [
        GalleryPhoto(SIZE, [Appearance(0, match("a.jpg", taken_at=taken, event_day="friday"))]),
        GalleryPhoto(SIZE, [Appearance(0, match("b.jpg", event_day="saturday"))]),
        GalleryPhoto(SIZE, [Appearance(0, match("c.jpg", taken_at=datetime(1970, 1, 1)))]),
    ]
    files = _write(out, photos)
    with zipfile.ZipFile(files[ARCHIVE]) as archive:
        first, second, third = archive.infolist()
        assert first.filename == f"friday/{photos[0].stem}.jpg"
        assert first.date_time == (2024, 6, 14, 8, 0, 2)
        assert second.filename.startswith("saturday/")
        assert second.date_time == third.date_time == (1980, 1, 1, 0, 0, 0)
        assert archive.testzip() is None
        assert archive.read(first) == files[photos[0].full].read_bytes()
    assert ARCHIVE not in _write(out, photos, archive=False)


def test_originals_are_given_when_asked_for(out: Path, tmp_path: Path) -> None:
    original = tmp_path / "IMG_7.HEIC"
    original.write_bytes(b"all of it")
    photo = GalleryPhoto(SIZE, [Appearance(0, match("all of it", photo="x/IMG_7.HEIC", file=original))])
    assert not [name for name in _write(out, [photo]) if name.startswith("originals/")]
    files = _write(out, [photo], originals=True)
    assert files[f"originals/{photo.stem}.heic"].read_bytes() == b"all of it"
    assert _values(files["data/photos-0.js"])[0]["original"] == ".heic"
    with zipfile.ZipFile(files[ARCHIVE]) as archive:
        assert archive.read(f"friday/{photo.stem}.heic") == b"all of it"
    assert original.read_bytes() == b"all of it"
    assert not [name for name in _write(out, [photo]) if name.startswith("originals/")]


def test_an_original_that_was_changed_meanwhile_is_an_error(out: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"another")
    photo = GalleryPhoto(SIZE, [Appearance(0, match("a.jpg", file=tmp_path / "a.jpg"))])
    with pytest.raises(FacefindError, match="gone or was changed; call"):
        _write(out, [photo], originals=True)


def test_a_gallery_is_replaced_file_by_file_and_what_is_the_users_stays(out: Path) -> None:
    photos = gallery_photos(6)
    files = _write(out, photos)
    kept = files[photos[0].full]
    before = kept.stat().st_ino
    (out / "photos" / "my own.jpg").write_bytes(b"mine")
    (out / "notes.txt").write_text("mine")
    files = _write(out, photos[:2])
    assert sorted(name for name in files if name.startswith("photos/")) == sorted(
        ["photos/my own.jpg", *(photo.full for photo in photos[:2])]
    )
    assert "notes.txt" in files
    assert kept.stat().st_ino == before  # not written again


def test_an_unfinished_copy_of_a_photo_is_written_again(out: Path) -> None:
    photos = gallery_photos(1)
    (whole,) = [file for name, file in _write(out, photos).items() if name == photos[0].full]
    content = whole.read_bytes()
    whole.write_bytes(content[:100])
    _write(out, photos)
    assert whole.read_bytes() == content


def test_a_folder_that_is_no_gallery_is_refused(out: Path) -> None:
    out.mkdir()
    check_folder(out, [])  # an empty one may become one
    (out / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(FacefindError, match="holds something else than a gallery"):
        check_folder(out, [])
    for below_a_file in (out / "holiday.jpg", out / "holiday.jpg" / "gallery"):
        with pytest.raises(FacefindError, match=r"holiday.jpg is a file"):
            check_folder(below_a_file, [])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(FacefindError, match="closed can't be written"):
        check_folder(tmp_path / "closed" / "gallery", [])


def test_nothing_is_written_among_the_photos(out: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "day").mkdir(parents=True)
    (tmp_path / "link").symlink_to(photos)
    for inside in (photos, photos / "gallery", photos / "day" / ".." / "x", tmp_path / "link" / "gallery"):
        with pytest.raises(FacefindError, match="lies among the photos"):
            check_folder(inside, [photos])
    check_folder(tmp_path / "photos-2", [photos])


def test_a_link_in_a_gallery_is_not_followed(out: Path, tmp_path: Path) -> None:
    _write(out, gallery_photos(1))
    (tmp_path / "elsewhere").mkdir()
    (out / "data").rename(out / "old")
    (out / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FacefindError, match="data in it is a link"):
        check_folder(out, [])


def test_only_this_user_reads_it(out: Path) -> None:
    files = _write(out, gallery_photos(1))
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}
    folders = [out, *(path for path in out.rglob("*") if path.is_dir())]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
