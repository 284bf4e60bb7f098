"""What a guest is shown for a selfie, what is kept of it (nothing), and what nobody else is shown."""

import socket
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facefind_pipeline.cli.serve import make_site
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.web import uploads
from facefind_pipeline.web.headers import HEADERS
from facefind_pipeline.web.limits import Limits
from facefind_pipeline.web.serving import guests_app
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.web.doors import JSON, NAMES, PAGE, Door, jpeg, opened, state_of

HERS = {"hopper.jpg", "both.jpg", "again.jpg"}


def _names(photos: list[dict[str, str]]) -> set[str]:
    """Of the files that photos were made from, which their names begin with; a copy is the same photo."""
    found = {Path(photo["photo"]).name.rpartition("-")[0] + ".jpg" for photo in photos}
    return {"hopper.jpg" if name == "copy-of-hopper.jpg" else name for name in found}


def test_a_selfie_finds_the_photos_that_show_its_face(door: Door, selfie: bytes) -> None:
    answer = door.send(selfie)
    assert answer.status_code == 200, answer.text
    assert _names(answer.json()["photos"]) == HERS
    assert {photo["band"] for photo in answer.json()["photos"]} <= {"sure", "likely"}


def test_its_photos_are_a_gallery_and_a_zip(door: Door, selfie: bytes) -> None:
    photos = door.send(selfie).json()["photos"]
    page = door.get("/found/", headers=PAGE)
    assert "Photos of you" in page.text
    assert 'src="page/gallery.js"' in page.text
    assert '"people":["you"]' in door.get("/found/data/gallery.js").text
    assert door.get("/found/page/photoswipe/photoswipe.css").headers["Content-Type"].startswith("text/css")
    for photo in photos:
        full = Image.open(BytesIO(door.get(f"/found/{photo['photo']}").content))
        small = Image.open(BytesIO(door.get(f"/found/{photo['thumbnail']}").content))
        assert (full.format, small.format, max(small.size)) == ("JPEG", "JPEG", 320)
        assert not full.getexif()
    with zipfile.ZipFile(BytesIO(door.get("/found/photos.zip").content)) as archive:
        assert archive.testzip() is None
        held = {Path(name).name: archive.read(name) for name in archive.namelist()}
    assert held.keys() == {Path(photo["photo"]).name for photo in photos}
    assert all(held[Path(photo["photo"]).name] == door.get(f"/found/{photo['photo']}").content for photo in photos)


def test_in_a_browser_without_scripts_the_form_leads_to_the_gallery(door: Door, selfie: bytes) -> None:
    sent = {"picture": ("selfie.jpg", selfie)}
    followed = door.post("/selfie", files=sent, headers=PAGE | {"Origin": door.origin, "Sec-Fetch-Site": "same-origin"})
    assert (followed.url, followed.status_code) == (f"{door.origin}/found/", 200)
    by_htmx = door.post("/selfie", files=sent, headers={"HX-Request": "true"})
    assert by_htmx.headers["HX-Redirect"] == "/found/"


def test_nothing_of_a_selfie_is_stored(
    door: Door,
    selfie: bytes,
    portraits: Portraits,
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rolled(_: object) -> None:
        pytest.fail("a picture was written to the disk")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rolled)
    noisy = portraits.hopper.resize((1800, 2110))
    grain = np.random.default_rng(1).integers(0, 12, (2110, 1800, 3))
    large = jpeg(Image.fromarray(np.clip(np.asarray(noisy) + grain, 0, 255).astype(np.uint8)), 97)
    assert len(large) > 1.5 * 2**20  # from 1 MB on forms are commonly spooled to the disk
    before = state_of(settings, database)
    assert len(before) > 60
    for picture in (selfie, large):
        photos = door.send(picture).json()["photos"]
        assert photos
        door.get("/found/", headers=PAGE)
        door.get(f"/found/{photos[0]['photo']}")
        door.get("/found/photos.zip")
    assert state_of(settings, database) == before


def test_nobody_learns_who_else_is_known(door: Door, selfie: bytes, portraits: Portraits) -> None:
    for picture in (selfie, jpeg(portraits.collins.crop((120, 0, 340, 260)).resize((440, 520)))):
        answers = [door.send(picture).text]
        answers += [door.get(path, headers=PAGE).text for path in ("/found/", "/found/data/gallery.js")]
        answers += [door.get("/found/data/photos-0.js").text]
        assert not any("Ada" in answer or "ada" in answer for answer in answers)  # who is Grace Hopper here


@pytest.mark.parametrize(
    ("picture", "status", "word"),
    [
        ("nobody", 422, "No face can be found"),
        ("together", 422, "There are 2 faces"),
        ("text", 422, "can't be used"),
        ("nothing", 422, "Take or choose a picture"),
        ("900 megapixels", 422, "too large: 30000x30000"),
        ("100 MB", 413, "too large: a picture may have up to 30 MB"),
    ],
)
def test_what_is_no_selfie_gets_a_plain_word(
    door: Door, portraits: Portraits, picture: str, status: int, word: str
) -> None:
    sent = {
        "nobody": lambda: jpeg(Image.new("RGB", (320, 240), "steelblue")),
        "together": lambda: jpeg(portraits.together()),
        "text": lambda: b"not a picture",
        "nothing": lambda: b"",
        "900 megapixels": huge_png,
        "100 MB": lambda: bytes(100 * 2**20),
    }[picture]()
    answer = door.send(sent)
    assert (answer.status_code, answer.json().keys()) == (status, {"error"})
    assert word in answer.json()["error"]
    page = door.send(sent, headers=PAGE)
    assert page.status_code == status
    assert 'role="alert"' in page.text
    part = door.send(sent, headers={"HX-Request": "true"})
    assert part.text.startswith('<p class="refused"')


def huge_png() -> bytes:
    """30000 x 30000 black pixels in 110 kB."""
    side = 30_000

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_body_whose_length_is_not_said_is_bounded_too(door: Door) -> None:
    def endless() -> object:
        yield b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.jpg"\r\n\r\n'
        for _ in range(40):
            yield bytes(2**20)
        yield b"\r\n--x--\r\n"

    answer = door.post("/selfie", data=endless(), headers=JSON | {"Content-Type": "multipart/form-data; boundary=x"})
    assert (answer.status_code, "too large" in answer.json()["error"]) == (413, True)


def test_what_one_guest_found_nobody_else_sees(door: Door, selfie: bytes, portraits: Portraits) -> None:
    hers = door.send(selfie).json()["photos"]
    other = door.another()
    for path in ("/found/", "/found/photos.zip", f"/found/{hers[0]['photo']}"):
        assert other.get(path, headers=JSON).status_code == 401
    others = other.send(jpeg(portraits.collins.crop((120, 0, 340, 260)).resize((440, 520)))).json()["photos"]
    assert _names(others) == {"both.jpg", "collins.jpg"}
    alone = next(photo for photo in hers if photo["photo"] not in {one["photo"] for one in others})
    assert other.get(f"/found/{alone['photo']}", headers=JSON).status_code == 404
    assert other.get("/found/photos/../../etc/passwd", headers=JSON).status_code == 404


def test_others_are_hidden_as_the_host_set_it(make_door: Callable[..., Door], selfie: bytes) -> None:
    plain, hidden = make_door(), make_door(others_hidden=True)
    pictures = []
    for door in (plain, hidden):
        photo = next(one for one in door.send(selfie).json()["photos"] if "/both-" in one["photo"])
        pictures.append(np.asarray(Image.open(BytesIO(door.get(f"/found/{photo['photo']}").content)), np.int16))
    apart = np.abs(pictures[0] - pictures[1]).mean(axis=2)
    assert apart[150:250, 200:330].mean() < 4  # her face
    assert apart[50:250, 650:850].mean() > 10  # the other one's
    assert "Other people are covered" in hidden.get("/found/", headers=PAGE).text


def test_many_selfies_of_one_address_have_to_wait(make_door: Callable[..., Door]) -> None:
    door = make_door(limits=Limits(selfies=2))
    assert [door.send(b"no picture").status_code for _ in range(3)] == [422, 422, 429]
    refused = door.send(b"no picture")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert "try again in" in refused.json()["error"]
    assert door.get("/selfie").status_code == 200


def test_every_answer_has_the_headers_and_no_other_host_is_named(door: Door, selfie: bytes) -> None:
    door.send(selfie)
    for path in ("/", "/selfie", "/found/", "/static/pages.css", "/nowhere", "/found/data/gallery.js"):
        answer = door.get(path, headers=PAGE)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_pages_are_json_for_programs(door: Door) -> None:
    assert door.get("/selfie", headers=JSON).json() == {"largest_bytes": 30 * 2**20}
    assert door.get("/nowhere", headers=JSON).json() == {"error": "There is no such page here."}
    assert door.get("/found/", headers=JSON).status_code == 401


def test_who_sends_slowly_keeps_nobody_out(door: Door, selfie: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "UPLOAD_S", 1.0)
    head = f"POST /selfie HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\nAccept: application/json\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x"
    with ExitStack() as open_connections:
        slow = [
            open_connections.enter_context(socket.create_connection(("127.0.0.1", door.port)))
            for _ in range(Limits().selfies_at_once)
        ]
        for one in slow:
            one.sendall(head.encode())
        time.sleep(0.3)
        assert door.send(selfie).status_code == 503  # of this address
        assert all(b" 408 " in one.recv(1000) for one in slow)
    assert len(door.send(selfie).json()["photos"]) == 3


def test_while_the_database_is_gone_guests_get_a_plain_word(
    filled: Path, settings: Settings, database: Database, selfie: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    site, _ = make_site(settings, database, SMALL_SET, hide_others=False)
    gone = replace(site, database=Database("postgresql:///gone?host=/nowhere", ""))
    with opened(lambda port: guests_app(gone, NAMES, port)) as door:
        for answer in (door.send(selfie), door.get("/l/a-secret", headers=JSON)):
            assert answer.status_code == 503
            assert answer.json() == {"error": "The event can't be asked just now: try again in a minute."}
    assert "/l: database unreachable" in caplog.text
    assert "a-secret" not in caplog.text
