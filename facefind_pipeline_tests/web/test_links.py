"""Links of a guest's own: what opens them, what does not, and when they end."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from facefind_pipeline.store import feedback, guest_links
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.guest_links import MOST_WRONG_PINS, NewLink, State
from facefind_pipeline.store.people import Person
from facefind_pipeline.web.limits import Limits
from facefind_pipeline.web.serving import link_cookie
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.web.doors import JSON, PAGE, Door
from facefind_pipeline_tests.web.test_guests_guard import CROSS_SITE

ADA = Person("ada", "Ada")


def make_link(database: Database, *, with_pin: bool = False, days: float = 7) -> NewLink:
    until = datetime.now(UTC) + timedelta(days=days)
    with database.connect(vectors=False) as connection:
        return guest_links.make(connection, ADA, until, "test", with_pin=with_pin)


def _enter(door: Door, link: NewLink, pin: str | None) -> int:
    return door.post(f"/l/{link.token}", data={"pin": pin}, headers=JSON).status_code


def test_a_link_opens_its_persons_photos_without_a_redirect(door: Door, database: Database) -> None:
    link = make_link(database)
    opened = door.get(f"/l/{link.token}", headers=PAGE | CROSS_SITE, allow_redirects=False)  # from a message
    assert opened.status_code == 200
    assert 'href="/mine/"' in opened.text
    cookie = opened.headers["Set-Cookie"]
    assert cookie.startswith(f"{link_cookie(door.port)}=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    page = door.get("/mine/", headers=PAGE)
    assert "Photos of Ada" in page.text
    assert link.token not in page.text
    photos = door.get("/mine/", headers=JSON).json()["photos"]
    assert {photo["band"] for photo in photos} <= {"confirmed", "sure", "likely"}
    assert len(photos) == 3
    assert door.get(f"/mine/{photos[0]['photo']}").headers["Content-Type"] == "image/jpeg"
    assert door.get("/mine/photos.zip").content.startswith(b"PK")
    assert door.another().get("/mine/", headers=JSON).status_code == 401


def test_what_is_new_is_in_the_page_when_it_is_loaded_again(door: Door, database: Database) -> None:
    link = make_link(database)
    photos = door.get(f"/l/{link.token}", headers=JSON).json()["photos"]
    assert len(photos) == 3
    with database.connect() as connection:
        ((rejected,),) = table(connection, "SELECT DISTINCT sha256 FROM photos WHERE path LIKE '%both.jpg'")
        feedback.say(connection, "ada", bytes(rejected), None)
    left = door.get("/mine/", headers=JSON).json()["photos"]
    assert len(left) == 2
    gone = next(photo for photo in photos if photo not in left)
    assert door.get(f"/mine/{gone['photo']}", headers=JSON).status_code == 404


def test_a_pin_is_asked_for_and_opens(door: Door, database: Database) -> None:
    link = make_link(database, with_pin=True)
    assert re.fullmatch(r"\d{6}", link.pin or "")
    page = door.get(f"/l/{link.token}", headers=PAGE)
    assert "PIN" in page.text
    assert "Ada" not in page.text
    assert "Set-Cookie" not in page.headers
    wrong = f"{(int(link.pin or 0) + 1) % 10**6:06}"
    refused = door.post(f"/l/{link.token}", data={"pin": wrong}, headers=JSON)
    assert (refused.status_code, refused.json()) == (403, {"error": "This PIN is wrong: 9 more tries."})
    assert door.get("/mine/", headers=JSON).status_code == 401
    spaced = f"{(link.pin or '')[:3]} {(link.pin or '')[3:]}"
    assert len(door.post(f"/l/{link.token}", data={"pin": spaced}, headers=JSON).json()["photos"]) == 3
    assert door.get("/mine/", headers=PAGE).status_code == 200


def test_a_program_sends_a_pin_as_json_and_what_is_no_pin_does_not_count(door: Door, database: Database) -> None:
    link = make_link(database, with_pin=True)
    for sent, status in (
        ({"json": {"pin": int(link.pin or 0)}}, 422),
        ({"json": {}}, 422),
        ({"data": f"pin={link.pin}", "headers": JSON | {"Content-Type": "text/plain"}}, 415),
    ):
        assert door.post(f"/l/{link.token}", **{"headers": JSON, **sent}).status_code == status
    with database.connect(vectors=False) as connection:
        assert guest_links.links(connection)[0].pins_left == MOST_WRONG_PINS
    opened = door.post(f"/l/{link.token}", json={"pin": link.pin}, headers=JSON)
    assert len(opened.json()["photos"]) == 3


def test_a_form_of_another_site_enters_no_pin(door: Door, database: Database) -> None:
    link = make_link(database, with_pin=True)
    foreign = JSON | {"Origin": "https://attacker.example"}
    assert door.post(f"/l/{link.token}", data={"pin": link.pin}, headers=foreign).status_code == 403
    assert door.get("/mine/", headers=JSON).status_code == 401


def test_a_thousand_guesses_open_nothing_and_then_the_right_one_neither(door: Door, database: Database) -> None:
    link = make_link(database, with_pin=True)
    guesses = [f"{number:06}" for number in range(1_001) if f"{number:06}" != link.pin][:1_000]

    def guess(part: list[str]) -> list[requests.Response]:
        guesser = door.another()
        return [guesser.post(f"/l/{link.token}", data={"pin": pin}, headers=JSON) for pin in part]

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for part in pool.map(guess, [guesses[start::8] for start in range(8)]) for answer in part]
    assert {answer.status_code for answer in answers} <= {403, 410, 429}
    assert sum("more tr" in answer.text for answer in answers) < MOST_WRONG_PINS
    assert all(answer.json()["error"] for answer in answers)
    assert _enter(door, link, link.pin) in {410, 429}
    with database.connect(vectors=False) as connection:
        assert [one.state for one in guest_links.links(connection)] == [State.GUESSED]


def test_the_right_pin_takes_the_wrong_ones_back(door: Door, database: Database) -> None:
    link = make_link(database, with_pin=True)
    for _ in range(3):
        assert [_enter(door, link, "no") for _ in range(MOST_WRONG_PINS - 1)] == [403] * (MOST_WRONG_PINS - 1)
        assert _enter(door, link, link.pin) == 200


def test_a_link_that_expired_or_was_taken_back_opens_nothing_and_closes_what_is_open(
    door: Door, database: Database
) -> None:
    link = make_link(database)
    assert door.get(f"/l/{link.token}", headers=JSON).status_code == 200
    for change, word in (
        ("expires_at = now() - interval '1 s'", "has expired"),
        ("expires_at = now() + interval '1 h', closed_at = now()", "was taken back"),
    ):
        with database.connect(vectors=False) as connection, connection.cursor() as cursor:
            cursor.execute(f"UPDATE guest_links SET {change}")
        for path in (f"/l/{link.token}", "/mine/", "/mine/photos.zip", "/mine/data/gallery.js"):
            refused = door.get(path, headers=JSON)
            assert (refused.status_code, word in refused.json()["error"]) == (410, True), path
    with database.connect(vectors=False) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM people")
    assert door.get("/mine/", headers=JSON).status_code == 410


def test_tokens_are_not_guessed_for_long(make_door: Callable[..., Door]) -> None:
    door = make_door(limits=Limits(wrong_links=3))
    assert [door.get(f"/l/guess{number}", headers=JSON).status_code for number in range(4)] == [404, 404, 404, 429]
    assert int(door.get("/l/guess", headers=JSON).headers["Retry-After"]) > 0


def test_neither_token_nor_pin_is_kept(filled: Path, database: Database) -> None:
    link = make_link(database, with_pin=True)
    with database.connect(vectors=False) as connection:
        (row,) = table(connection, "SELECT guest_links::text FROM guest_links")
        held = guest_links.links(connection)[0]
    assert link.token not in row[0]
    assert link.token.encode().hex() not in row[0]
    assert (link.pin or "").encode().hex() not in row[0]
    assert repr(held).count(link.token) == 0
