"""The pages of `facefind serve` in a browser, on a phone and a desktop: a guest's selfie and link, the host's keys."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.browser.chromium import NAMES, find_chromium, open_page
from facefind_pipeline_tests.browser.test_gallery import DESKTOP, PHONE, SCREENS, serious
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.web.doors import JSON, TOKEN, Door, HostsDoor, jpeg
from facefind_pipeline_tests.web.test_links import make_link

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(find_chromium() is None, reason=f"no Chromium is installed: none of {', '.join(NAMES)}"),
]

FACEFIND = Path(sys.executable).with_name("facefind")


@dataclass
class Watched:
    """What a page must not do: complain on its console, fail to load anything, ask another host."""

    origin: str
    complaints: list[str] = field(default_factory=list)

    def look_at(self, page: Page) -> None:
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._request(request.url))
        page.on("response", lambda answer: self._response(answer.status, answer.url))

    def _request(self, url: str) -> None:
        if not url.startswith((f"{self.origin}/", f"blob:{self.origin}/")):
            self.complaints.append(url)

    def _response(self, status: int, url: str) -> None:
        if status >= 400:
            self.complaints.append(f"{status} {url}")


@contextmanager
def _watching(origin: str, screen: dict[str, Any]) -> Iterator[tuple[Page, Watched]]:
    watched = Watched(origin)
    with open_page(**screen) as page:
        watched.look_at(page)
        yield page, watched
    assert watched.complaints == []


def _choose(page: Page, picture: Path, screen: dict[str, Any]) -> None:
    """A phone offers its camera, a desktop does not."""
    camera = page.get_by_label("Take a selfie")
    if screen is PHONE:
        expect(page.get_by_text("Take a selfie")).to_be_visible()
        camera.set_input_files(picture)
    else:
        expect(page.get_by_text("Take a selfie")).to_be_hidden()
        page.get_by_label("Choose a picture").set_input_files(picture)


@SCREENS
def test_from_a_selfie_to_photos_to_a_zip(door: Door, selfie: bytes, screen: dict[str, Any], tmp_path: Path) -> None:
    picture = tmp_path / "selfie.jpg"
    picture.write_bytes(selfie)
    with _watching(door.origin, screen) as (page, _):
        page.goto(f"{door.origin}/")
        assert serious(page) == []
        _choose(page, picture, screen)
        page.wait_for_url("**/found/")
        expect(page.get_by_role("heading", name="Photos of you")).to_be_visible()
        expect(page.locator("#photos a")).to_have_count(3)
        expect(page.locator("#photos img").first).to_have_js_property("complete", value=True)
        assert page.locator("#photos img").first.evaluate("image => image.naturalWidth") > 50
        assert serious(page) == []
        page.locator("#photos a").first.click()
        box = page.get_by_role("dialog", name="Photo")
        expect(box.locator(".pswp__counter")).to_have_text("1 / 3")
        page.wait_for_timeout(500)  # keys count once it is open
        page.keyboard.press("Escape")
        expect(box).to_be_hidden()
        with page.expect_download() as started:
            page.get_by_role("link", name="Download all").click()
        started.value.save_as(tmp_path / "photos.zip")
        page.get_by_role("link", name="Search with another picture").click()
        expect(page.get_by_role("heading", name="Find your photos")).to_be_visible()
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3


@SCREENS
def test_a_picture_of_two_is_answered_in_place(
    door: Door, portraits: Portraits, selfie: bytes, screen: dict[str, Any], tmp_path: Path
) -> None:
    both, alone = tmp_path / "both.jpg", tmp_path / "alone.jpg"
    both.write_bytes(jpeg(portraits.together()))
    alone.write_bytes(selfie)
    with open_page(**screen) as page:
        page.goto(f"{door.origin}/selfie")
        _choose(page, both, screen)
        expect(page.get_by_role("alert")).to_have_text(
            "There are 2 faces in this picture: take one that shows you alone."
        )
        expect(page.get_by_alt_text("The picture that you chose")).to_be_visible()
        assert serious(page) == []
        _choose(page, alone, screen)  # and again
        page.wait_for_url("**/found/")


def test_a_file_that_is_too_large_is_not_even_sent(door: Door, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(31 * 2**20))
    with _watching(door.origin, DESKTOP) as (page, _):
        page.goto(f"{door.origin}/selfie")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.method))
        page.get_by_label("Choose a picture").set_input_files(large)
        expect(page.get_by_role("alert")).to_have_text("This file is too large: choose a smaller picture.")
        assert "POST" not in asked


class _Message(BaseHTTPRequestHandler):
    """A page of another site with a link and a form that lead to ours."""

    target = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        form = (
            f'<form method="post" action="{self.target}"><input name="pin" value="000000"><button>Send</button></form>'
        )
        self.wfile.write(f'<link rel="icon" href="data:,"><a href="{self.target}">Your photos</a>{form}'.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _message(target: str) -> Iterator[str]:
    handler = type("Message", (_Message,), {"target": target})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"  # another site than 127.0.0.1
        server.shutdown()


@SCREENS
def test_a_link_with_a_pin_followed_from_a_message(door: Door, database: Database, screen: dict[str, Any]) -> None:
    link = make_link(database, with_pin=True)
    with _message(f"{door.origin}/l/{link.token}") as message, open_page(**screen) as page:
        page.goto(message)
        page.get_by_role("link", name="Your photos").click()
        expect(page.get_by_label("The PIN that the host gave you")).to_be_focused()
        assert serious(page) == []
        page.keyboard.type(f"{(int(link.pin or 0) + 1) % 10**6:06}")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("This PIN is wrong: 9 more tries.")
        watched = Watched(door.origin)
        watched.look_at(page)
        page.get_by_label("The PIN that the host gave you").fill(link.pin or "")
        page.get_by_role("button", name="Show my photos").click()
        page.wait_for_url("**/mine/")
        expect(page.get_by_role("heading", name="Photos of Ada")).to_be_visible()
        expect(page.locator("#photos a")).to_have_count(3)
        page.wait_for_load_state("networkidle")
        assert watched.complaints == []
        assert serious(page) == []


def test_a_link_leaves_no_token_in_the_history_and_its_cookie_comes_along_from_another_site(
    door: Door, database: Database
) -> None:
    link = make_link(database)
    with _message(f"{door.origin}/l/{link.token}") as message, open_page() as page:
        page.goto(message)
        page.get_by_role("link", name="Your photos").click()
        page.wait_for_url("**/mine/")
        page.go_back()
        page.wait_for_url(message)
    with _message(f"{door.origin}/mine/") as message, open_page() as page:
        page.goto(f"{door.origin}/l/{link.token}")
        page.wait_for_url("**/mine/")
        page.goto(message)
        page.get_by_role("link", name="Your photos").click()
        expect(page.get_by_role("heading", name="Photos of Ada")).to_be_visible()


def test_a_form_on_another_site_is_refused(door: Door, database: Database) -> None:
    link = make_link(database, with_pin=True)
    with _message(f"{door.origin}/l/{link.token}") as message, open_page() as page:
        page.goto(message)
        page.get_by_role("button", name="Send").click()
        expect(page.locator("body")).to_contain_text("Another site's page sent this request")
    with database.connect() as connection:
        assert table(connection, "SELECT wrong_pins FROM guest_links") == [(0,)]


def _enter(page: Page, host: HostsDoor, path: str) -> None:
    page.goto(f"{host.origin}{path}?token={TOKEN}")
    page.wait_for_url(f"**{path}")


@SCREENS
def test_the_host_confirms_and_rejects_by_key(
    working_host: HostsDoor, database: Database, screen: dict[str, Any]
) -> None:
    with _watching(working_host.origin, screen) as (page, _):
        _enter(page, working_host, "/")
        assert serious(page) == []
        page.get_by_role("link", name="Ada").click()
        faces = page.locator(".faces button")
        expect(faces).to_have_count(3)
        first, second = (faces.nth(number).get_attribute("data-sha256") for number in (0, 1))
        page.keyboard.press("ArrowRight")
        expect(page.locator("#frame")).to_be_visible()
        assert serious(page) == []
        page.keyboard.press("y")
        page.keyboard.press("n")
        expect(page.locator(f"#photo-{first}")).to_have_class("confirmed")
        expect(page.locator(f"#photo-{second}")).to_have_class("rejected")
        expect(page.locator("#count")).to_contain_text("1 confirmed")
        assert serious(page) == []
    with database.connect() as connection:
        said = table(connection, "SELECT encode(sha256, 'hex'), shown, author FROM feedback")
    assert {(sha256, shown) for sha256, shown, _ in said} == {(first, True), (second, False)}
    assert all(author.endswith(", page") for *_, author in said)


def test_a_photo_that_arrives_appears_where_the_host_looks(
    working_host: HostsDoor, filled: Path, portraits: Portraits
) -> None:
    with _watching(working_host.origin, DESKTOP) as (page, _):
        _enter(page, working_host, "/people/ada")
        faces = page.locator(".faces button")
        expect(faces).to_have_count(3)
        page.keyboard.press("ArrowRight")
        looked_at = page.locator(".faces [aria-current=true]").get_attribute("id")
        portraits.hopper.resize((500, 586)).save(filled / "Day 2" / "new.jpg", quality=90)
        subprocess.run([FACEFIND, "run", filled, "--params", SMALL_SET], check=True, capture_output=True)
        expect(faces).to_have_count(4)
        expect(page.locator(".faces [aria-current=true]")).to_have_attribute("id", looked_at or "")


def test_the_host_adds_somebody_and_makes_a_link(working_host: HostsDoor, portraits: Portraits, tmp_path: Path) -> None:
    collins = tmp_path / "eileen.jpg"
    collins.write_bytes(jpeg(portraits.collins.crop((120, 0, 340, 260)).resize((440, 520))))
    host = working_host
    with _watching(host.origin, DESKTOP) as (page, _):
        _enter(page, host, "/")
        page.get_by_label("Name", exact=True).fill("Eileen")
        page.get_by_label("A picture of them alone").set_input_files(collins)
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_text("The picture of Eileen is being added")).to_be_visible()
        host.wait_until_done()
        page.reload()
        page.get_by_role("link", name="Eileen").click()
        expect(page.locator(".faces button")).to_have_count(2)
        page.get_by_label("With a PIN").check()
        page.get_by_role("button", name="Make a link").click()
        expect(page.locator(".made .qr svg")).to_be_visible()
        expect(page.locator(".made strong")).to_have_text(re.compile(r"^\d{6}$"))
        assert serious(page) == []


@SCREENS
def test_the_host_names_a_group_and_puts_two_together(
    filled: Path, working_host: HostsDoor, portraits: Portraits, screen: dict[str, Any]
) -> None:
    collins = portraits.collins.crop((120, 0, 340, 260))
    for number, width in enumerate((360, 400, 440)):
        collins.resize((width, width * 13 // 11)).save(filled / "Day 2" / f"eileen-{number}.jpg", quality=90)
    subprocess.run([FACEFIND, "run", filled, "--params", SMALL_SET], check=True, capture_output=True)
    with _watching(working_host.origin, screen) as (page, _):
        _enter(page, working_host, "/")
        page.get_by_role("link", name="Everyone at the event").click()
        groups = page.get_by_role("article")
        expect(groups).to_have_count(2)
        expect(page.locator("#count")).to_have_text("2 groups")
        assert serious(page) == []
        hers = groups.filter(has_not=page.get_by_role("link", name="Ada", exact=True))
        hers.get_by_role("textbox").fill("Eileen")
        hers.get_by_role("button", name="Name").click()
        expect(page.get_by_role("link", name="Eileen", exact=True)).to_be_visible()
        expect(page.locator("#count")).to_have_text("2 groups")
        assert serious(page) == []
        for box in page.get_by_role("checkbox").all():
            box.check()
        page.get_by_role("button", name="They are one person").click()
        expect(groups).to_have_count(1)
        expect(page.locator("#count")).to_have_text("1 group")
        page.get_by_role("article").locator(".strip").click()
        expect(page.get_by_role("heading", name="Eileen")).to_be_visible()
        assert serious(page) == []
    assert working_host.get("/work", headers=JSON).json()["work"]["problems"] == []
