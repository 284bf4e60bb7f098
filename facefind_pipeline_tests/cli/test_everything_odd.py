"""A root with every odd folder, name, link and file at once: one run, and all that can be read is found."""

import json
import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.odd_photos import DAMAGED, encoded, numbered, write_odd_photos
from facefind_pipeline_tests.store.rows import table

pytestmark = pytest.mark.slow

NFC, NFD = "Zürich.jpg", unicodedata.normalize("NFD", "Zürich.jpg")
FOLDERS = (
    *("Party", "\U0001f389\U0001f389", "???", os.fsdecode(b"caf\xe9"), "婚礼照片" * 20, "a" * 150 + "/" + "b" * 150),
)
IN_PARTY = (f"Party/{NFC}", f"Party/{NFD}", os.fsdecode(b"Party/\xff.jpg"), "Party/IMG-20240615-WA0001.jpg")
LINKS = {
    "loop": ".",
    "up": "..",
    "again": "Party",
    "self.jpg": "self.jpg",
    "unmounted": "/mnt/none",
    "Party/gone.jpg": "nowhere.jpg",
}
JUNK = ("@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", ".Trash-1000", "__MACOSX", ".thumbnails", "edited")
OTHERS = {
    "day 1/film.mp4": b"\0\0\0\x20ftypisom" + bytes(100),
    "films/film": b"\0\0\0\x20ftypmp42" + bytes(100),
    "menus/menu.pdf": b"%PDF-1.7\n",
    "Party/menu.pdf": b"%PDF-1.7\n",
}


@pytest.fixture
def root(tmp_path: Path, portraits: Portraits, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each photo that can be read shows Grace Hopper."""
    monkeypatch.setenv("FACEFIND_IGNORE", "Edited")
    person, root = numbered(portraits.hopper), tmp_path / "root"
    (root / "day 1").mkdir(parents=True)
    write_odd_photos(root / "day 1", person)

    def put(name: str, data: bytes | None = None) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encoded(person(), quality=92) if data is None else data)

    for folder in (*FOLDERS, *JUNK, "Party!"):
        put(f"{folder}/p.jpg")
    for name in (
        "cover.jpg",
        f"Party/{NFC}",
        f"Party/{NFD}",
        os.fsdecode(b"Party/\xff.jpg"),
        "Party/IMG-20240615-WA0001.jpg",
    ):
        put(name)
    for name, data in OTHERS.items():
        put(name, data)
    put("Party/text.jpg", b"not a photo")
    put(f"{IN_PARTY[-1]}.xmp", b"<x:xmpmeta/>")
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    os.utime(root / "cover.jpg", (13_569_465_600, 13_569_465_600))
    return root


def test_everything_odd_at_once(facefind: Facefind, root: Path, reference: Path, database: Database) -> None:
    result = facefind("run", root, "--params", SMALL_SET, "--reference", f"\U0001f469={reference}")
    assert result.exit_code == 0, result.stderr
    matches = json.loads(facefind("find", "\U0001f469", "-n", 200, "--json").stdout)
    files = {match["file"] for match in matches} | {copy["file"] for match in matches for copy in match["copies"]}
    decodable = {
        *(str(file) for file in (root / "day 1").iterdir() if file.name not in ("both.dng", "film.mp4")),
        *(str(root / folder / "p.jpg") for folder in FOLDERS),
        *(str(root / name) for name in ("cover.jpg", *IN_PARTY)),
    }
    assert files == decodable
    told = result.stderr.splitlines()
    for left_out in (*LINKS, "Party!"):
        assert len([line for line in told if line.startswith(f"left out: {root}/{left_out}: ")]) == 1, left_out
    assert len([line for line in told if line.startswith("left out: ")]) == len(LINKS) + 2
    assert told.count("left out: Party/text.jpg: not an image") == 1
    assert [line for line in told if line.endswith(" left out")] == ["2 PDFs, 2 videos left out"]
    assert not [line for line in told if any(junk in line for junk in JUNK)]
    days = json.loads(facefind("status", "--json").stdout)["days"]
    assert sum(day["photos"] for day in days) == len(decodable) + 1
    assert (sum(day["unreadable"] for day in days), sum(day["damaged"] for day in days)) == (1, DAMAGED)
    with database.connect() as connection:
        dates = dict(table(connection, "SELECT path, taken_at::date::text FROM photos WHERE taken_at IS NOT NULL"))
    assert dates[IN_PARTY[-1]] == "2024-06-15"


def test_what_is_no_photo_is_counted_in_one_line_for_all_folders(facefind: Facefind, tmp_path: Path) -> None:
    for number, root in enumerate(("one", "two")):
        (tmp_path / root).mkdir()
        Image.new("RGB", (40, 30 + number)).save(tmp_path / root / "a.png")
        (tmp_path / root / "film.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
        assert facefind("ingest", tmp_path / root).stderr.splitlines() == ["1 video left out"]
    assert facefind("ingest").stderr.splitlines() == ["2 videos left out"]


def test_a_picture_and_a_copy_with_other_metadata_are_two_photos(
    facefind: Facefind, tmp_path: Path, portraits: Portraits, reference: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    for comment in (b"", b"edited"):
        (folder / f"a{comment.decode()}.jpg").write_bytes(encoded(portraits.hopper, comment=comment))
    result = facefind("run", folder, "--params", SMALL_SET, "--reference", f"Grace={reference}")
    assert result.exit_code == 0, result.stderr
