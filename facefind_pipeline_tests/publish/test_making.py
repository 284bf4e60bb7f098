"""Albums as folders and zips: only what is missing is made, nothing of others is touched, nothing is half there."""

import csv
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.publish import making
from facefind_pipeline.publish.album import Options
from facefind_pipeline.publish.contents import Contents
from facefind_pipeline.publish.covering import Head
from facefind_pipeline.publish.exports import Size
from facefind_pipeline.publish.hiding import Hiding
from facefind_pipeline.publish.making import make_folder, make_zip
from facefind_pipeline.publish.xmp import Region, read_regions, with_region
from facefind_pipeline.store.people import Person
from facefind_pipeline_tests.conftest import Silence
from facefind_pipeline_tests.publish.albums import BOX, album_of

OTHER = Head(60, 40, 20, 25)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "party"
    root.mkdir()
    return root


@pytest.fixture
def photos(root: Path) -> list[Path]:
    files = [root / f"{number}.jpg" for number in range(3)]
    for number, file in enumerate(files):
        Image.effect_noise((120, 90), 60 + number).convert("RGB").save(file, quality=90)
    return files


def folder_of(
    root: Path,
    files: Sequence[Path],
    models: Path,
    options: Options | None = None,
    *,
    hiding: dict[Path, Hiding] | None = None,
    person: Person | None = None,
) -> Contents:
    album = album_of(root, files, options or Options(), hiding=hiding, **({"person": person} if person else {}))
    return make_folder(album, root.parent / "album", models, Silence())


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {file.name: (file.lstat().st_mtime_ns, file.lstat().st_ino) for file in folder.iterdir()}


def test_the_second_time_only_what_is_missing_is_made(root: Path, photos: list[Path], models: Path) -> None:
    folder_of(root, photos[:2], models)
    album = root.parent / "album"
    (album / "1.jpg").unlink()
    before = state(album)
    contents = folder_of(root, photos, models)
    after = state(album)
    assert after["0.jpg"] == before["0.jpg"]
    assert {"0.jpg", "1.jpg", "2.jpg", "album.csv", "album.json"} == set(after)
    assert all(item.made for item in contents.items)
    assert folder_of(root, photos, models) == contents


def test_a_photo_is_made_again_where_what_is_hidden_changed(root: Path, photos: list[Path], models: Path) -> None:
    options, shown = Options(hide_others=True), (Head(*BOX),)
    folder_of(root, photos, models, options, hiding={photos[0]: Hiding((*shown, OTHER), (*shown, OTHER))})
    before = state(root.parent / "album")
    contents = folder_of(root, photos, models, options, hiding={photos[0]: Hiding(shown, (*shown, OTHER))})
    after = state(root.parent / "album")
    assert after["0.jpg"] != before["0.jpg"]
    assert after["1.jpg"] == before["1.jpg"]
    assert contents.items[0].covered is not None
    assert contents.items[0].covered >= 1


def test_files_of_others_are_never_touched(root: Path, photos: list[Path], models: Path) -> None:
    album = root.parent / "album"
    album.mkdir()
    for name in ("0.jpg", "1.JPG", "notes.txt"):
        (album / name).write_text("mine")
    contents = folder_of(root, photos, models)
    assert sorted(item.file for item in contents.items) == ["0-2.jpg", "1-2.jpg", "2.jpg"]
    folder_of(root, photos[:1], models)
    assert sorted(file.name for file in album.glob("*.*")) == [
        *("0-2.jpg", "0.jpg", "1.JPG", "album.csv", "album.json", "notes.txt")
    ]
    assert {(album / name).read_text() for name in ("0.jpg", "1.JPG", "notes.txt")} == {"mine"}


@pytest.mark.parametrize("name", ["album.json", "album.csv", "collage.jpg"])
def test_a_file_where_the_albums_own_would_go_is_kept(root: Path, photos: list[Path], models: Path, name: str) -> None:
    (root.parent / "album").mkdir()
    (root.parent / "album" / name).write_text("{}")
    with pytest.raises(FacefindError, match=name.replace(".", "[.]")):
        folder_of(root, photos, models)
    assert [file.name for file in (root.parent / "album").iterdir()] == [name]


def test_two_people_have_two_albums(root: Path, photos: list[Path], models: Path) -> None:
    folder_of(root, photos, models)
    with pytest.raises(FacefindError, match="album of Ada"):
        folder_of(root, photos, models, person=Person("bob", "Bob"))


def test_an_album_that_was_killed_goes_on_where_it_was(
    root: Path, photos: list[Path], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = making._write, []

    def killed(*arguments: object) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(arguments)
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(making, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            folder_of(root, photos, models)
    before = state(root.parent / "album")
    assert {"0.jpg", "1.jpg"} <= set(before)
    folder_of(root, photos, models)
    after = state(root.parent / "album")
    assert set(after) == {"0.jpg", "1.jpg", "2.jpg", "album.csv", "album.json"}
    assert all(after[name] == before[name] for name in ("0.jpg", "1.jpg"))


def test_a_photo_that_cannot_be_judged_is_left_out_and_counted(root: Path, photos: list[Path], models: Path) -> None:
    options = Options(hide_others=True)
    album = album_of(root, photos, options)
    photos[1].write_bytes(photos[1].read_bytes()[:100])
    photos[2].unlink()
    contents = make_folder(album, root.parent / "album", models, Silence())
    assert [item.file for item in contents.items] == ["0.jpg"]
    assert set(contents.left_out) == {"1.jpg", "2.jpg"}
    assert not (root.parent / "album" / "1.jpg").exists()


def test_originals_are_copied_and_linked_byte_by_byte(root: Path, photos: list[Path], models: Path) -> None:
    folder_of(root, photos, models, Options(Size.ORIGINAL))
    copied = root.parent / "album" / "0.jpg"
    assert not copied.is_symlink()
    assert copied.read_bytes() == photos[0].read_bytes()
    album = album_of(root, photos, Options(Size.ORIGINAL, links=True))
    make_folder(album, root.parent / "links", models, Silence())
    assert (root.parent / "links" / "0.jpg").readlink() == photos[0]


def test_the_list_is_csv_and_json_of_the_same(root: Path, photos: list[Path], models: Path) -> None:
    folder_of(root, photos, models)
    folder = root.parent / "album"
    with (folder / "album.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    items = json.loads((folder / "album.json").read_text())["items"]
    assert [row["file"] for row in rows] == [item["file"] for item in items] == ["0.jpg", "1.jpg", "2.jpg"]
    assert rows[0]["taken_at"] == items[0]["taken_at"] == "2024-06-15T20:01:00"
    assert (rows[0]["match"], rows[0]["place"]) == ("sure", "Sintra")


def test_a_zip_holds_the_same_and_is_written_once(root: Path, photos: list[Path], models: Path) -> None:
    album = album_of(root, photos, Options(sidecars=True, collage=True))
    file = root.parent / "ada.zip"
    made = make_zip(album, file, models, Silence())
    before = state(root.parent)[file.name]
    assert make_zip(album, file, models, Silence()) == made
    assert state(root.parent)[file.name] == before
    make_folder(album, root.parent / "album", models, Silence())
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {one.name for one in (root.parent / "album").iterdir()}
        assert archive.read("0.jpg") == (root.parent / "album" / "0.jpg").read_bytes()
        assert archive.getinfo("0.jpg").date_time == (2024, 6, 15, 20, 1, 0)
    grown = album_of(root, photos[:2], Options(sidecars=True, collage=True))
    assert len(make_zip(grown, file, models, Silence()).items) == 2


def test_a_zip_of_others_is_kept_and_a_broken_run_leaves_none(
    root: Path, photos: list[Path], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root.parent / "ada.zip"
    file.write_bytes(b"mine")
    with pytest.raises(FacefindError, match="no album"):
        make_zip(album_of(root, photos, Options()), file, models, Silence())
    assert file.read_bytes() == b"mine"
    file.unlink()
    monkeypatch.setattr(making, "_write", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        make_zip(album_of(root, photos, Options()), file, models, Silence())
    assert [one.name for one in root.parent.iterdir()] == ["party"]


@pytest.mark.parametrize("name", ["0.xmp", "0.jpg.xmp"])
def test_a_sidecar_is_merged_into_the_one_that_is_there(
    root: Path, photos: list[Path], models: Path, name: str
) -> None:
    rdf = b"<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><!-- kept --></r:RDF>"
    (root / name).write_bytes(rdf)
    (root / "1.xmp").write_bytes(b"not XML")
    contents = folder_of(root, photos, models, Options(Size.ORIGINAL, sidecars=True))
    album = root.parent / "album"
    merged = album / "0.jpg.xmp"
    assert b"kept" in merged.read_bytes()
    assert [one.name for one in read_regions(merged.read_bytes())] == ["Ada"]
    assert (root / name).read_bytes() == rdf
    assert "left as it is" in contents.notes["1.jpg"]
    edited = merged.read_bytes().replace(b"kept", b"edited")
    merged.write_bytes(edited)
    folder_of(root, photos, models, Options(Size.ORIGINAL, sidecars=True))
    assert merged.read_bytes() == edited


def test_a_sidecar_larger_than_any_is_not_read(root: Path, photos: list[Path], models: Path) -> None:
    with (root / "0.xmp").open("wb") as sidecar:
        sidecar.write(with_region(None, Region("Bob", 0.5, 0.5, 0.1, 0.1), (120, 90)))
        sidecar.truncate(2**34)  # takes no space, and more memory than there is
    contents = folder_of(root, photos, models, Options(Size.ORIGINAL, sidecars=True))
    assert contents.notes == {"0.jpg": "its sidecar 0.xmp can't be read or is too large; none was written"}
    assert {one.name for one in (root.parent / "album").glob("*.xmp")} == {"1.jpg.xmp", "2.jpg.xmp"}


def test_a_collage_shows_what_the_album_shows(root: Path, photos: list[Path], models: Path) -> None:
    folder_of(root, photos, models, Options(collage=True))
    with Image.open(root.parent / "album" / "collage.jpg") as made:
        assert made.width == 2048
        assert not made.getexif()
    folder_of(root, photos, models)
    assert not (root.parent / "album" / "collage.jpg").exists()
