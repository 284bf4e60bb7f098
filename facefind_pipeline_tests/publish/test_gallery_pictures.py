"""A gallery's pictures with other people covered: in all sizes, made once, and never taken for plain ones."""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.publish import gallery_pictures
from facefind_pipeline.publish.covering import Head, on_one_face
from facefind_pipeline.publish.gallery import Gallery, write_gallery
from facefind_pipeline.publish.gallery_data import Appearance, GalleryPhoto, photo_values
from facefind_pipeline.publish.gallery_pictures import copy_previews, picture_files, write_covered
from facefind_pipeline.publish.hiding import Hiding
from facefind_pipeline.publish.previews import FULL, THUMBNAILS, make_previews
from facefind_pipeline.vision.decode import DecodedPhoto
from facefind_pipeline.vision.detectors import load_detector
from facefind_pipeline_tests.conftest import Portraits, Silence
from facefind_pipeline_tests.publish.galleries import match


@pytest.fixture
def heads(portraits: Portraits, models: Path) -> tuple[Head, Head]:
    """Grace's and Eileen's in the picture of both."""
    left, right = _faces(portraits.together(), models)
    return left, right


def _faces(picture: Image.Image, models: Path) -> list[Head]:
    detector = load_detector(ParameterSet.parse("recommended").detector, models)
    return [Head(*face.box) for face in detector.detect(DecodedPhoto(np.array(picture), None))]


def _photo(folder: Path, name: str, picture: Image.Image, shown: Sequence[Head], found: Sequence[Head]) -> GalleryPhoto:
    file = folder / f"{name}.jpg"
    picture.save(file, quality=95)
    box = tuple(round(value) for value in shown[0][:4])
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    found_in = match(file.name, file=file, sha256=sha256, box=box)
    return GalleryPhoto(picture.size, [Appearance(0, found_in)], Hiding(tuple(shown), tuple(found)))


@pytest.fixture
def photos(tmp_path: Path, portraits: Portraits, heads: tuple[Head, Head]) -> list[GalleryPhoto]:
    """Three photos of both, in which Grace is shown."""
    return [
        _photo(tmp_path, str(number), portraits.together().crop((0, 0, 1024, 600 - number)), heads[:1], heads)
        for number in range(3)
    ]


def _pixels(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file)).astype(int)


def _state(folder: Path) -> dict[str, int]:
    files = (file for file in folder.rglob("*.jpg"))
    return {file.relative_to(folder).as_posix(): file.stat().st_mtime_ns for file in files}


def test_others_are_covered_in_the_large_picture_and_in_both_thumbnails(
    tmp_path: Path, models: Path, photos: list[GalleryPhoto], heads: tuple[Head, Head]
) -> None:
    covered, plain = tmp_path / "covered", tmp_path / "plain"
    done = write_covered(covered, photos[:1], models, Silence())
    assert done.problems == {}
    assert done.heads == {photos[0].match.sha256: 1}
    uncovered = replace(photos[0], hiding=None)
    assert make_previews(tmp_path / "previews", [uncovered.source], Silence()) == {}
    copy_previews(plain, [uncovered], tmp_path / "previews", Silence())
    for covered_name, plain_name in zip(picture_files(photos[0]), picture_files(uncovered), strict=True):
        ours, theirs = _pixels(covered / covered_name), _pixels(plain / plain_name)
        assert ours.shape == theirs.shape
        difference, scale = np.abs(ours - theirs).mean(axis=2), ours.shape[1] / photos[0].size[0]
        grace, eileen = (
            difference[round(y * scale) : round((y + h) * scale), round(x * scale) : round((x + w) * scale)].mean()
            for x, y, w, h in (head[:4] for head in heads)
        )
        assert grace < 6, covered_name
        assert eileen > 20, covered_name
    (left,) = _faces(Image.open(covered / photos[0].full), models)
    assert on_one_face(left, heads[0])


def test_the_face_to_mark_is_where_it_was(photos: list[GalleryPhoto]) -> None:
    plain, covered = (
        photo_values(photo, ["No date"], ["sure"], originals=False)
        for photo in (replace(photos[0], hiding=None), photos[0])
    )
    assert covered["people"] == plain["people"]
    assert (covered["width"], covered["height"]) == (plain["width"], plain["height"])


def test_all_people_of_the_gallery_stay(
    tmp_path: Path, models: Path, portraits: Portraits, heads: tuple[Head, Head]
) -> None:
    photo = _photo(tmp_path, "both", portraits.together(), heads, heads)
    assert write_covered(tmp_path / "gallery", [photo], models, Silence()).heads == {photo.match.sha256: 0}


def test_pictures_are_made_again_only_where_something_else_is_covered(
    tmp_path: Path, models: Path, photos: list[GalleryPhoto], heads: tuple[Head, Head]
) -> None:
    out = tmp_path / "gallery"
    first = write_covered(out, photos, models, Silence())
    before = _state(out)
    assert len(before) == 3 * (1 + len(THUMBNAILS))
    assert write_covered(out, photos, models, Silence()) == first
    assert _state(out) == before
    agreed = [replace(photos[0], hiding=Hiding(heads, heads)), *photos[1:]]
    assert write_covered(out, agreed, models, Silence()).heads[photos[0].match.sha256] == 0
    write_gallery(out, Gallery(["Grace"], agreed, originals=False, archive=False, others_hidden=True), Silence())
    after = _state(out)
    assert {name for name in before if name in after} == {name for photo in photos[1:] for name in picture_files(photo)}
    assert all(after[name] == before[name] for name in after if name in before)
    assert set(after) == {name for photo in agreed for name in picture_files(photo)}


def test_plain_and_covered_pictures_never_have_one_name(
    tmp_path: Path, models: Path, photos: list[GalleryPhoto]
) -> None:
    """A folder that held a plain gallery holds none of its pictures once others are hidden, and the other way round."""
    out, plain = tmp_path / "gallery", [replace(photo, hiding=None) for photo in photos]
    make_previews(tmp_path / "previews", [photo.source for photo in plain], Silence())
    copy_previews(out, plain, tmp_path / "previews", Silence())
    write_gallery(out, Gallery(["Grace"], plain, originals=True, archive=True), Silence())
    before = {file.read_bytes() for file in out.rglob("*.jpg")}
    write_covered(out, photos, models, Silence())
    write_gallery(out, Gallery(["Grace"], photos, originals=False, archive=True, others_hidden=True), Silence())
    assert not before & {file.read_bytes() for file in out.rglob("*.jpg")}
    with zipfile.ZipFile(out / "photos.zip") as archive:
        assert not before & {archive.read(name) for name in archive.namelist()}
    assert set(json.loads((out / "data/covered.json").read_bytes())) == {photo.stem for photo in photos}
    copy_previews(out, plain, tmp_path / "previews", Silence())
    write_gallery(out, Gallery(["Grace"], plain, originals=False, archive=True), Silence())
    assert set(_state(out)) == {name for photo in plain for name in picture_files(photo)}
    assert not (out / "data/covered.json").exists()


def test_what_was_made_before_a_kill_is_not_made_again(
    tmp_path: Path, models: Path, photos: list[GalleryPhoto], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, write, written = tmp_path / "gallery", gallery_pictures._write, []

    def killed(*arguments: object) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(arguments)
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(gallery_pictures, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            write_covered(out, photos, models, Silence())
    before = _state(out)
    assert len(before) == 2 * (1 + len(THUMBNAILS))
    assert len(write_covered(out, photos, models, Silence()).heads) == 3
    assert {name: time for name, time in _state(out).items() if name in before} == before


def test_a_photo_that_can_not_be_judged_is_named_and_the_rest_is_made(
    tmp_path: Path, models: Path, photos: list[GalleryPhoto]
) -> None:
    photos[1].match.file.unlink()
    done = write_covered(tmp_path / "gallery", photos, models, Silence())
    assert done.problems == {photos[1].match.sha256: "its file is gone or was changed"}
    assert list(done.heads) == [photos[0].match.sha256, photos[2].match.sha256]


def test_a_record_that_is_damaged_is_made_again(tmp_path: Path, models: Path, photos: list[GalleryPhoto]) -> None:
    out = tmp_path / "gallery"
    first = write_covered(out, photos[:1], models, Silence())
    for damaged in ("", "[1]", '{"a": "b"}'):
        (out / "data/covered.json").write_text(damaged)
        assert write_covered(out, photos[:1], models, Silence()) == first


def test_they_hold_pixels_alone_and_only_this_user_reads_them(
    tmp_path: Path, models: Path, photos: list[GalleryPhoto]
) -> None:
    out = tmp_path / "gallery"
    write_covered(out, photos[:1], models, Silence())
    for name, side in picture_files(photos[0]).items():
        with Image.open(out / name) as picture:
            assert max(picture.size) == min(side, max(photos[0].size))
            assert not picture.getexif()
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert max(picture_files(photos[0]).values()) == FULL
    assert {file.stat().st_mode & 0o777 for file in out.rglob("*") if file.is_file()} == {0o600}
