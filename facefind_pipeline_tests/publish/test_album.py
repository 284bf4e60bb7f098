"""Names in an album, where it may lie, and what is there already."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.publish.album import AlbumPhoto, Options, name_files, require_outside, resumed
from facefind_pipeline.publish.contents import CONTENTS, Contents, Item, read_contents
from facefind_pipeline_tests.conftest import Portraits
from facefind_pipeline_tests.publish.albums import album_of

file_names = st.sampled_from(["a.jpg", "A.JPG", "b.jpg", "b.png", "album.json", "Collage.jpg"])


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory, portraits: Portraits) -> AlbumPhoto:
    folder = tmp_path_factory.mktemp("photos")
    portraits.hopper.save(folder / "a.jpg")
    return album_of(folder, [folder / "a.jpg"], Options()).photos[0]


def photos_named(photo: AlbumPhoto, names: list[str]) -> list[AlbumPhoto]:
    return [
        replace(photo, name=name, match=replace(photo.match, photo=f"{n}/{name}", sha256=f"{n:064}"))
        for n, name in enumerate(names)
    ]


@given(names=st.lists(file_names, max_size=8), taken=st.sets(file_names), data=st.data())
def test_every_photo_gets_a_name_of_its_own_whatever_the_order(
    photo: AlbumPhoto, names: list[str], taken: set[str], data: st.DataObject
) -> None:
    photos = photos_named(photo, names)
    given_names = name_files(photos, {}, taken)
    folded = [name.casefold() for name in given_names.values()]
    assert len(set(folded)) == len(photos)
    assert not {CONTENTS, "album.csv", "collage.jpg", *(name.casefold() for name in taken)} & set(folded)
    assert {Path(name).suffix for name in given_names.values()} == {Path(name).suffix for name in names}
    assert name_files(data.draw(st.permutations(photos)), {}, taken) == given_names


def test_names_are_kept_and_photos_keep_what_they_were_given(photo: AlbumPhoto) -> None:
    first, second, third = photos_named(photo, ["a.jpg", "A.jpg", "b.jpg"])
    names = name_files([first, second, third], {}, ())
    assert list(names.values()) == ["a.jpg", "A-2.jpg", "b.jpg"]
    held = {second.match.sha256: "A-2.jpg"}
    assert name_files([second, third], held, ())[second.match.sha256] == "A-2.jpg"


@pytest.mark.parametrize(
    "place", ["photos", "photos/album", "photos/day 1/a/b", "link", "link/album", "other/../photos/x"]
)
def test_an_album_is_never_written_among_the_photos(tmp_path: Path, place: str) -> None:
    (tmp_path / "photos" / "day 1").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    with pytest.raises(FacefindError, match="among the photos"):
        require_outside(tmp_path / place, [tmp_path / "photos"])


def test_an_album_may_lie_beside_the_photos(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    require_outside(tmp_path / "photos of Ada", [tmp_path / "photos", tmp_path / "unmounted"])
    with pytest.raises(FacefindError):
        require_outside(tmp_path / "unmounted" / "album", [tmp_path / "unmounted"])


def _item(file: str, made_from: str, *, made: bool) -> Item:
    return Item(
        file, file, "day", None, None, None, "sure", 0.9, (1, 2, 3, 4), 2 if made else None, "00", made_from, made
    )


def test_what_is_there_and_made_from_the_same_is_not_made_again() -> None:
    planned = Contents("ada", "Ada", "set", "full", True, [_item(f"{n}.jpg", "new", made=False) for n in range(4)])
    before = [_item("0.jpg", "new", made=True), _item("1.jpg", "old", made=True), _item("2.jpg", "new", made=True)]
    found = resumed(planned, replace(planned, items=before), {"0.jpg", "1.jpg", "3.jpg"})
    assert [item.made for item in found.items] == [True, False, False, False]
    assert found.covered == 2


def test_contents_are_read_as_they_were_written() -> None:
    contents = Contents("ada", "Ada", "set", "web", True, [_item("ü.jpg", "x", made=True)], {"a": "gone"}, {"b": "odd"})
    assert read_contents(contents.to_json()) == contents
    for foreign in (b"", b"[]", b"{}", b'{"kind": "else"}', b"\xff", contents.to_json().replace(b'"items"', b'"x"')):
        with pytest.raises(FacefindError):
            read_contents(foreign)
