"""Photos as they come, and when they were taken, as a user meets them."""

import json
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.odd_photos import DAMAGED, encoded, numbered, write_odd_photos
from facefind_pipeline_tests.store.rows import table

NIKON, CANON = {0x010F: "NIKON CORPORATION", 0x0110: "NIKON D750"}, {0x0110: "Canon EOS R6"}


def _taken(camera: dict[int, str], at: str, level: int) -> bytes:
    """A small grey photo by this camera."""
    tags = Image.Exif()
    tags.update(camera)
    tags.get_ifd(0x8769)[0x9003] = at
    return encoded(Image.new("L", (40, 30), level), exif=tags.tobytes())


@pytest.fixture
def two_cameras(tmp_path: Path) -> Path:
    """Two days with photos of two cameras, and one of none."""
    root = tmp_path / "party"
    for number, day in enumerate(("friday", "saturday")):
        (root / day).mkdir(parents=True)
        (root / day / "nikon.jpg").write_bytes(_taken(NIKON, f"2024:06:{14 + number} 23:30:00", 40 + number))
        (root / day / "canon.jpg").write_bytes(_taken(CANON, f"2024:06:{14 + number} 12:00:00", 60 + number))
    (root / "friday" / "none.jpg").write_bytes(encoded(Image.new("L", (40, 30), 99)))
    return root


def _times(database: Database) -> dict[str, str]:
    with database.connect() as connection:
        rows = table(connection, "SELECT path, to_char(taken_at, 'DD HH24:MI') FROM photos WHERE taken_at IS NOT NULL")
        return dict(rows)


@pytest.mark.slow
def test_every_odd_photo_of_a_folder_is_searched_in_one_run(
    facefind: Facefind, portraits: Portraits, reference: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "party"
    folder.mkdir()
    odd = len(write_odd_photos(folder, numbered(portraits.hopper)))

    def put(name: str, data: bytes) -> None:
        (folder / name).write_bytes(data)

    put("film.mp4", b"\0\0\0\x20ftypisom" + bytes(100))
    put("film", b"\0\0\0\x20ftypmp42" + bytes(100))
    put("menu.pdf", b"%PDF-1.7\n")
    put("both.jpg.xmp", b"<x:xmpmeta/>")
    put("text.jpg", b"not a photo")

    result = facefind("run", folder, "--params", SMALL_SET, "--reference", f"Grace={reference}", "-n", 50)
    assert result.exit_code == 0, result.stderr
    found = json.loads(facefind("find", "Grace", "-n", 50, "--json").stdout)
    assert len({match["photo"] for match in found}) == odd
    assert result.stderr.count("2 videos, 1 PDF left out") == 1
    assert result.stderr.count("text.jpg: not an image") == 1
    told = facefind("ingest", folder)
    assert told.stdout == f"party: {odd + 1} photos, 1 unreadable, {DAMAGED} damaged but used\n"
    (status,) = json.loads(facefind("status", "--json").stdout)["days"]
    assert (status["unreadable"], status["damaged"]) == (1, DAMAGED)
    why = facefind("explain", "Grace", "cut.jpg").stdout
    assert "incomplete JPEG: used as far as it goes" in why


def test_a_shift_moves_one_cameras_times_and_stays(facefind: Facefind, database: Database, two_cameras: Path) -> None:
    assert facefind("ingest", two_cameras).exit_code == 0
    before = _times(database)
    moved = facefind("photos", "shift", "--camera", "nikon d750", "+1h")
    assert (moved.exit_code, moved.stdout) == (
        0, "NIKON D750: 2 photos, now from 2024-06-15 00:30:00 to 2024-06-16 00:30:00\n"
    )  # fmt: skip
    after = before | {"friday/nikon.jpg": "15 00:30", "saturday/nikon.jpg": "16 00:30"}
    assert _times(database) == after
    facefind("ingest", two_cameras, "--rehash")
    assert _times(database) == after
    (two_cameras / "friday" / "late.jpg").write_bytes(_taken(NIKON, "2024:06:14 08:00:00", 7))
    facefind("ingest", two_cameras)
    assert _times(database) == after | {"friday/late.jpg": "14 09:00"}


def test_a_shift_replaces_the_one_before_and_a_days_goes_before_it(
    facefind: Facefind, database: Database, two_cameras: Path
) -> None:
    facefind("ingest", two_cameras)
    before = _times(database)
    for shift in ("+3h", "-1h30m"):
        assert facefind("photos", "shift", "--camera", "NIKON D750", shift).exit_code == 0
    shifted = before | {"friday/nikon.jpg": "14 22:00", "saturday/nikon.jpg": "15 22:00"}
    assert _times(database) == shifted
    facefind("photos", "shift", "--camera", "NIKON D750", "--day", "saturday", "00:05")
    assert _times(database) == shifted | {"saturday/nikon.jpg": "15 23:35"}
    facefind("photos", "shift", "--camera", "NIKON D750", "0")
    assert _times(database) == before | {"saturday/nikon.jpg": "15 23:35"}
    facefind("photos", "shift", "--camera", "NIKON D750", "--day", "saturday", "0")
    assert _times(database) == before


def test_a_shift_that_cannot_be_says_why(facefind: Facefind, two_cameras: Path) -> None:
    facefind("ingest", two_cameras)
    unknown = facefind("photos", "shift", "--camera", "NIKON D7", "+1h")
    assert (unknown.exit_code, unknown.stderr.strip().splitlines()[-1]) == (
        1, "facefind: no photo is by a camera 'NIKON D7': the photos are by Canon EOS R6, NIKON D750"
    )  # fmt: skip
    for nonsense in ("soon", "1", "+", "+1x", "-h"):
        assert facefind("photos", "shift", "--camera", "NIKON D750", nonsense).exit_code == 2, nonsense
    assert (
        "no event day 'sunday'"
        in facefind("photos", "shift", "--camera", "NIKON D750", "--day", "sunday", "+1h").stderr
    )


def test_filters_by_date_say_how_many_photos_have_none(
    facefind: Facefind, event: Path, portraits: Portraits, reference: Path
) -> None:
    portraits.hopper.resize((400, 469)).save(event / "Day 1" / "IMG-20240615-WA0001.jpg", quality=92)
    facefind("run", event, "--params", SMALL_SET, "--reference", f"Grace={reference}")
    every = facefind("find", "Grace", "--from", "2024-06-15", "--to", "2024-06-15")
    assert [line.split()[0] for line in every.stdout.splitlines()[2:]] == ["1"]
    # A copy counts once, and a file that can't be read not at all.
    assert "5 photos have no date and can't match --from and --to" in every.stderr
    assert "3 photos have no date" in facefind("find", "Grace", "--to", "2024-06-15", "--day", "day-2").stderr
    assert "no date" not in facefind("find", "Grace").stderr
