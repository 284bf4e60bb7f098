"""What exported files hold: pixels alone, in the right colours and the right way up."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from facefind_pipeline.publish.album import Options
from facefind_pipeline.publish.covering import Head
from facefind_pipeline.publish.exports import Size, export
from facefind_pipeline.publish.hiding import Hiding
from facefind_pipeline.publish.xmp import Region, with_region
from facefind_pipeline_tests.conftest import Portraits
from facefind_pipeline_tests.publish.albums import album_of

exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="no exiftool")
# What a picture without metadata has: a name, what it is, its size, how its pixels are stored.
PLAIN = {"SourceFile", "ExifTool", "File", "JFIF", "Composite"}


def with_everything(folder: Path, portraits: Portraits, kind: str) -> Path:
    """A photo with camera, position, regions of other people, an embedded thumbnail, a second image, a video."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Camera", 6
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 42.0, 41.0), 3: "W", 4: (9.0, 8.0, 22.0)})
    ifd1 = io.BytesIO()
    portraits.collins.resize((160, 160)).save(ifd1, "JPEG")
    packet = with_region(None, Region("Eileen", 0.5, 0.5, 0.1, 0.1), (600, 512))
    pillow_heif.register_heif_opener()
    file = folder / f"photo.{kind}"
    picture = portraits.hopper.transpose(Image.Transpose.ROTATE_90)
    if kind == "heic":
        picture.save(
            file, exif=exif.tobytes(), xmp=packet, quality=90, append_images=[portraits.collins], save_all=True
        )
        return file
    if kind == "mpo":
        picture.save(file, "MPO", exif=exif.tobytes(), save_all=True, append_images=[portraits.collins])
        return file
    if kind == "png":
        picture.save(file, exif=exif.tobytes(), xmp=packet)
        return file
    picture.save(file, exif=exif.tobytes(), xmp=packet, comment=b"Eileen's", quality=92)
    video = b"\0\0\0\x18ftypmp42" + b"\0" * 200  # of a motion photo, behind the picture's end
    file.write_bytes(file.read_bytes() + video)
    if shutil.which("exiftool"):
        (folder / "thumbnail.jpg").write_bytes(ifd1.getvalue())
        subprocess.run(
            ["exiftool", "-q", "-overwrite_original", f"-ThumbnailImage<={folder / 'thumbnail.jpg'}", file], check=True
        )
    return file


def given_away(file: Path, size: Size, models: Path, *, hide: bool) -> bytes:
    shown = Head(200, 80, 200, 260)
    album = album_of(file.parent, [file], Options(size, hide_others=hide), hiding={file: Hiding((shown,), (shown,))})
    (made,) = export([album.photos[0].export], models)
    assert made.data is not None, made.problem
    return made.data


@pytest.mark.parametrize("kind", ["jpg", "heic", "png", "mpo"])
@pytest.mark.parametrize(
    ("size", "hide"), [(Size.WEB, False), (Size.FULL, False), (Size.FULL, True), (Size.ORIGINAL, True)]
)
def test_a_picture_given_away_is_upright_pixels_and_nothing_else(
    tmp_path: Path, portraits: Portraits, models: Path, kind: str, size: Size, hide: bool
) -> None:
    file = with_everything(tmp_path, portraits, kind)
    data = given_away(file, size, models, hide=hide)
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("JPEG", portraits.hopper.size)
        assert not picture.getexif()
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        if not hide:
            difference = np.asarray(picture).astype(int) - np.asarray(portraits.hopper)
            assert np.abs(difference).mean() < 6
    assert data.count(b"\xff\xd8\xff") == 1  # no second image, no thumbnail
    assert data.endswith(b"\xff\xd9")  # nothing behind it


@exiftool
@pytest.mark.proof
@pytest.mark.parametrize("kind", ["jpg", "heic", "png", "mpo"])
@pytest.mark.parametrize("hide", [False, True])
def test_exiftool_finds_nothing_of_place_camera_or_other_people(
    tmp_path: Path, portraits: Portraits, models: Path, kind: str, hide: bool
) -> None:
    file = with_everything(tmp_path, portraits, kind)
    before = _groups(file)
    assert {"EXIF", "MPF", "XMP"} & before  # there was something to find
    if kind == "jpg":
        told = subprocess.check_output(["exiftool", "-ThumbnailImage", "-GPSLatitude", "-RegionName", file], text=True)
        assert all(word in told for word in ("Thumbnail", "GPS", "Eileen"))
    made = tmp_path / "made.jpg"
    made.write_bytes(given_away(file, Size.FULL, models, hide=hide))
    assert _groups(made) <= PLAIN


def test_colours_are_those_that_the_photos_profile_gives_them(tmp_path: Path, models: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # One in which red and green are swapped, under another name.
    swapped = profile.replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    assert swapped != profile
    for icc, expected in ((profile, (200, 30, 30)), (swapped, (30, 200, 30)), (b"damaged", (200, 30, 30))):
        file = tmp_path / "photo.jpg"
        Image.new("RGB", (64, 64), (200, 30, 30)).save(file, quality=95, icc_profile=icc)
        with Image.open(io.BytesIO(given_away(file, Size.FULL, models, hide=False))) as made:
            assert "icc_profile" not in made.info
            assert np.abs(np.asarray(made)[32, 32].astype(int) - expected).max() < 12, expected


def test_web_pictures_have_at_most_2048_pixels(tmp_path: Path, models: Path) -> None:
    file = tmp_path / "photo.jpg"
    Image.new("RGB", (3000, 2000), "steelblue").save(file)
    with Image.open(io.BytesIO(given_away(file, Size.WEB, models, hide=True))) as made:
        assert made.size == (2048, 1365)


def _groups(file: Path) -> set[str]:
    told = json.loads(subprocess.check_output(["exiftool", "-json", "-G", file]))[0]
    return {name.partition(":")[0] for name in told}
