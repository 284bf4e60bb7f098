"""Photos made small: their sizes, what they do not hold, and that each is made once."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from facefind_pipeline.publish.previews import (
    FULL,
    SIDES,
    make_previews,
    preview_file,
    remove_previews,
    scaled_size,
)
from facefind_pipeline.publish.sources import Source
from facefind_pipeline_tests.conftest import Portraits, Silence


def _source(folder: Path, image: Image.Image, suffix: str = ".jpg", **options: object) -> Source:
    file = folder / f"photo{suffix}"
    image.save(file, **options)
    return Source(hashlib.sha256(file.read_bytes()).hexdigest(), (file,))


def _made(folder: Path, source: Source, side: int = FULL) -> Image.Image:
    assert make_previews(folder, [source], Silence()) == {}
    return Image.open(preview_file(folder, source.sha256, side))


def test_each_size_has_its_longer_side_and_none_is_enlarged(tmp_path: Path) -> None:
    source = _source(tmp_path, Image.new("RGB", (1500, 3000), "teal"))
    assert [_made(tmp_path / "made", source, side).size for side in SIDES] == [(160, 320), (320, 640), (1024, 2048)]
    small = _source(tmp_path, Image.new("RGB", (500, 400), "teal"))
    assert [_made(tmp_path / "made", small, side).size for side in SIDES] == [(320, 256), (500, 400), (500, 400)]
    assert scaled_size((9000, 3), 320) == (320, 1)


def test_they_are_upright_and_hold_pixels_alone(tmp_path: Path, portraits: Portraits) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    plain = portraits.hopper
    source = _source(tmp_path, plain.transpose(Image.Transpose.ROTATE_90), exif=exif, comment="hers", quality=95)
    assert b"Camera" in source.files[0].read_bytes()
    made = _made(tmp_path / "made", source)
    assert made.size == plain.size
    assert np.abs(np.asarray(made, int) - np.asarray(plain, int)).mean() < 5
    for side in SIDES:
        preview = Image.open(preview_file(tmp_path / "made", source.sha256, side))
        assert not preview.getexif()
        assert {application for application, _ in preview.applist} == {"APP0"}
        assert not preview.info.keys() & {"exif", "comment", "icc_profile", "xmp"}


@pytest.mark.parametrize("suffix", [".heic", ".png", ".webp", ".tif"])
def test_other_formats_are_shown_too(tmp_path: Path, portraits: Portraits, suffix: str) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    assert _made(tmp_path / "made", _source(tmp_path, portraits.collins, suffix)).format == "JPEG"


def test_wide_colours_are_brought_into_srgb(tmp_path: Path) -> None:
    # A profile in which red and blue are swapped shows whether it is heeded.
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, blue = (swapped.index(tag) + 4 for tag in (b"rXYZ", b"bXYZ"))
    profile = bytearray(swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be")))
    profile[red : red + 4], profile[blue : blue + 4] = swapped[blue : blue + 4], swapped[red : red + 4]
    source = _source(tmp_path, Image.new("RGB", (64, 64), (250, 10, 10)), icc_profile=bytes(profile))
    r, _, b = _made(tmp_path / "made", source).getpixel((32, 32))
    assert b > 200 > r


def test_a_damaged_profile_is_no_reason_to_leave_a_photo_out(tmp_path: Path) -> None:
    _made(tmp_path / "made", _source(tmp_path, Image.new("RGB", (64, 64), "red"), icc_profile=b"nonsense"))


def test_each_content_is_made_once(tmp_path: Path, portraits: Portraits) -> None:
    source = _source(tmp_path, portraits.collins)
    _made(tmp_path / "made", source)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "made").rglob("*.jpg")}
    assert len(before) == len(SIDES)
    source.files[0].unlink()  # not even read again
    assert make_previews(tmp_path / "made", [source], Silence()) == {}
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_what_can_not_be_shown_is_named_and_the_rest_is_made(tmp_path: Path, portraits: Portraits) -> None:
    good = _source(tmp_path, portraits.collins)
    (tmp_path / "broken.jpg").write_bytes(b"not a photo")
    broken = Source(hashlib.sha256(b"not a photo").hexdigest(), (tmp_path / "broken.jpg",))
    changed = Source("0" * 64, (tmp_path / "photo.jpg",))
    copied = Source(good.sha256, (tmp_path / "gone.jpg", tmp_path / "photo.jpg"))  # a copy serves
    problems = make_previews(tmp_path / "made", [broken, changed, copied], Silence())
    assert problems == {broken.sha256: "not an image", changed.sha256: "its file is gone or was changed"}
    assert preview_file(tmp_path / "made", good.sha256, FULL).is_file()


def test_previews_of_photos_that_are_gone_are_removed(tmp_path: Path, portraits: Portraits) -> None:
    kept = _source(tmp_path, portraits.collins)
    _made(tmp_path / "made", kept)
    gone = _source(tmp_path, portraits.hopper)
    _made(tmp_path / "made", gone)
    remove_previews(tmp_path / "made", {kept.sha256})
    assert {file.name[:64] for file in (tmp_path / "made").rglob("*.jpg")} == {kept.sha256}


def test_only_this_user_reads_them(tmp_path: Path) -> None:
    _made(tmp_path / "made", _source(tmp_path, Image.new("RGB", (64, 64))))
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "made").rglob("*.jpg")} == {0o600}


def test_a_progress_bar_counts_what_is_to_do(tmp_path: Path) -> None:
    class Counting(Silence):
        def __init__(self) -> None:
            self.seen: list[object] = []

        def begin(self, stage: str, total: int, unit: str) -> None:
            self.seen.append((total, unit))

        def advance(self, units: int = 1, detection_seconds: float = 0.0) -> None:
            self.seen.append(units)

    source, counting = _source(tmp_path, Image.new("RGB", (64, 64))), Counting()
    make_previews(tmp_path / "made", [source], counting)
    make_previews(tmp_path / "made", [source], counting)
    assert counting.seen == [(1, "photo"), 1, (0, "photo")]
