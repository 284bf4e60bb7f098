"""Photos that do something to whatever decodes them: each costs itself, in galleries and albums; pixels stay apart."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.publish import exports, metadata, previews
from facefind_pipeline.publish.album import Options
from facefind_pipeline.publish.exports import Exported, Size, ToExport, export
from facefind_pipeline.publish.making import collage_of, make_folder
from facefind_pipeline.publish.metadata import in_srgb
from facefind_pipeline.publish.previews import FULL, make_previews, preview_file
from facefind_pipeline.publish.sources import Source
from facefind_pipeline.vision import watched_process
from facefind_pipeline.vision.contents import GoneError
from facefind_pipeline_tests.conftest import Silence
from facefind_pipeline_tests.publish.albums import album_of
from facefind_pipeline_tests.vision import misbehaving

KINDS: dict[bytes, Callable[[], object]] = {
    b"crash": misbehaving.crash,
    b"loop": misbehaving.loop,
    b"bomb": misbehaving.swallow,
}
CRASHED = "the process that worked on it crashed (Segmentation fault)"
_made, _previews, _picture = exports._export, previews._previews, exports.picture


def behave(content: bytes) -> None:
    """Does what the photo's last bytes ask for."""
    for kind, misbehave in KINDS.items():
        if content.endswith(kind):
            misbehave()


def export_or_worse(content: bytes, photo: ToExport, models: Path) -> Exported:
    behave(content)
    return _made(content, photo, models)


def previews_or_worse(content: bytes) -> dict[int, bytes]:
    behave(content)
    return _previews(content)


def picture_or_worse(content: bytes, *arguments: Any) -> exports.Picture:
    behave(content)
    return _picture(content, *arguments)


def complain(*_: object) -> None:
    raise FacefindError("model yunet is missing")


def fail(_content: bytes) -> None:
    raise ValueError("bad\nluck")


def not_here(*_: object, **__: object) -> None:
    raise AssertionError("a photo was opened in this process")


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    """One good photo, and one that ends in each kind."""
    folder, made = tmp_path / "party", dict[str, Path]()
    folder.mkdir()
    for number, kind in enumerate([*KINDS, b"good"]):
        file = made[kind.decode()] = folder / f"{kind.decode()}.jpg"
        Image.effect_noise((120, 90), 60 + number).convert("RGB").save(file, quality=90)
        file.write_bytes(file.read_bytes() + kind)
    return made


def source_of(*files: Path) -> Source:
    return Source(hashlib.sha256(files[-1].read_bytes()).hexdigest(), files)


def test_in_an_album_a_crash_a_hang_and_a_bomb_cost_one_photo_each(
    tmp_path: Path, photos: dict[str, Path], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_export", export_or_worse)
    monkeypatch.setattr(watched_process, "PATIENCE_S", 1.0)
    album = album_of(tmp_path / "party", list(photos.values()), Options(hide_others=True))
    contents = make_folder(album, tmp_path / "album", models, Silence())
    assert contents.left_out.pop("bomb.jpg").startswith("it took more than")
    assert contents.left_out == {"crash.jpg": CRASHED, "loop.jpg": "it took longer than 1 s"}
    assert [item.file for item in contents.items if item.made] == ["good.jpg"]
    assert {file.name for file in (tmp_path / "album").glob("*.jpg")} == {"good.jpg"}


def test_a_preview_that_crashes_costs_one_photo(
    tmp_path: Path, photos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "_previews", previews_or_worse)
    bad, good = source_of(photos["crash"]), source_of(photos["good"])
    assert make_previews(tmp_path / "made", [bad, good], Silence()) == {bad.sha256: CRASHED}
    assert preview_file(tmp_path / "made", good.sha256, FULL).is_file()


def test_a_photo_that_crashes_is_left_out_of_a_collage(
    tmp_path: Path, photos: dict[str, Path], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facefind_pipeline.publish.making.picture", picture_or_worse)
    files = [photos["crash"], photos["good"]]
    made, alone = (collage_of(album_of(tmp_path / "party", some, Options()), models) for some in (files, files[1:]))
    assert made is not None
    assert made == alone


def test_no_photo_is_opened_in_this_process(
    tmp_path: Path, photos: dict[str, Path], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("facefind_pipeline.publish.exports.open_photo", "facefind_pipeline.publish.previews.decode"):
        monkeypatch.setattr(name, not_here)
    album = album_of(tmp_path / "party", [photos["good"]], Options(hide_others=True))
    assert make_previews(tmp_path / "made", [source_of(photos["good"])], Silence()) == {}
    assert make_folder(album, tmp_path / "album", models, Silence()).left_out == {}
    assert collage_of(album, models) is not None


def test_what_decodes_knows_no_database() -> None:
    loaded = "import sys, facefind_pipeline.publish.exports as _; print({'psycopg2', 'dagster'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True).strip() == "set()"


def test_what_the_user_can_mend_is_raised_and_not_taken_for_a_bad_photo(
    photos: dict[str, Path], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_export", complain)
    source = source_of(photos["good"])
    with pytest.raises(FacefindError, match="yunet is missing"):
        list(export([ToExport(source.sha256, source.files, Size.FULL)], models))


def test_what_a_library_raises_is_a_reason(photos: dict[str, Path]) -> None:
    with pytest.raises(watched_process.UnreadablePhotoError, match=r"^could not be looked at: bad$"):
        source_of(photos["good"]).make(fail)


def test_a_copy_serves_where_a_file_is_gone_or_was_changed(tmp_path: Path, photos: dict[str, Path]) -> None:
    source = source_of(tmp_path / "gone.jpg", photos["loop"], photos["good"])
    assert source.make(len) == photos["good"].stat().st_size
    photos["good"].unlink()
    with pytest.raises(GoneError, match=r"^its file is gone or was changed$"):
        source.make(len)


def test_colours_are_converted_band_by_band_as_they_are_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    pixels = np.random.default_rng(0).integers(0, 255, (37, 20, 3), np.uint8)
    at_once = in_srgb(pixels.copy(), swapped)
    assert (at_once != pixels).any()
    monkeypatch.setattr(metadata, "_BAND", 100)
    assert (in_srgb(pixels, swapped) == at_once).all()
