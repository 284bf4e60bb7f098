"""The host's pages: what they show, what they do and by whose hand, and that no other page does it."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from facefind_pipeline.cli.serve import make_site
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.references import person_of
from facefind_pipeline.publish.served import serve_matches
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import feedback, guest_links
from facefind_pipeline.store.approvals import approval_of
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import Person
from facefind_pipeline.store.roles import Role, as_role
from facefind_pipeline.web import review
from facefind_pipeline.web.actions import Action, Actions, NewReference, Said
from facefind_pipeline.web.host import Host
from facefind_pipeline.web.serving import host_app
from facefind_pipeline.web.site import Tools
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.web.doors import (
    GUESTS,
    JSON,
    NAMES,
    PAGE,
    PATIENCE_S,
    TOKEN,
    Door,
    HostsDoor,
    jpeg,
    opened,
)

ADA = Person("ada", "Ada")


@dataclass
class Launched:
    """Carries nothing out, at once or when `go` is set, or fails to; remembers what it was to."""

    go: Event = field(default_factory=Event)
    problem: str | None = None
    actions: list[list[Action]] = field(default_factory=list)

    def __call__(self, actions: "list[Action]") -> None:
        self.actions.append(list(actions))
        self.go.wait(PATIENCE_S)
        if self.problem:
            raise FacefindError(self.problem)


@pytest.fixture
def launched() -> Launched:
    return Launched()


@pytest.fixture
def host(filled: Path, settings: Settings, database: Database, launched: Launched) -> Iterator[HostsDoor]:
    """The host's door, behind which nothing is carried out."""
    site, pictures = make_site(settings, database, SMALL_SET, hide_others=False)
    show = partial(serve_matches, pictures=pictures, others_hidden=False)
    writing = replace(site, database=as_role(database, Role.PIPELINE))
    pages = Host(writing, Tools(show, person_of, launched, lambda: ["search_results of another"], GUESTS))
    with opened(lambda port: host_app(site, pages, TOKEN, NAMES, port)) as door:
        yield HostsDoor(door.port)
    launched.go.set()
    pages.actions.end()


def _photos(door: Door) -> dict[str, dict[str, object]]:
    photos = door.get("/people/ada", headers=JSON).json()["photos"]
    return {Path(photo["photo"]).name: photo for photo in photos}


def _wait_until_recorded(door: Door) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while any(photo["pending"] for photo in _photos(door).values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_everyone_is_listed_with_their_photos_by_band(host: HostsDoor) -> None:
    values = host.get("/", headers=JSON).json()
    (ada,) = values["people"]
    assert (ada["key"], ada["name"], ada["references"]) == ("ada", "Ada", 1)
    assert ada["confirmed"] + ada["sure"] + ada["likely"] == 3
    assert values["work"]["at_work"] == ["search_results of another"]
    assert sum(day["looked_at"] for day in values["work"]["days"]) == values["work"]["photos"] > 0
    page = host.get("/", headers=PAGE).text
    assert '<a href="/people/ada">Ada</a>' in page
    assert GUESTS in page
    assert "<svg" in page


def test_a_persons_page_has_each_face_and_photo(host: HostsDoor) -> None:
    photos = _photos(host)
    assert len(photos) == 3
    for photo in photos.values():
        face = host.get(f"/people/ada/faces/{photo['sha256']}.jpg")
        full = host.get(f"/people/ada/files/{photo['full']}")
        assert face.content[:2] == full.content[:2] == b"\xff\xd8"
        x, y, w, h = photo["box"]
        assert 0 <= x < x + w <= 1
        assert 0 <= y < y + h <= 1
    page = host.get("/people/ada", headers=PAGE).text
    assert page.count('id="photo-') == 3
    assert host.get("/people/ada/faces/00.jpg").status_code == 404
    assert host.get("/people/nobody", headers=JSON).status_code == 404


def test_what_is_said_shows_at_once_and_is_carried_out_in_its_order(host: HostsDoor, launched: Launched) -> None:
    photos = list(_photos(host).values())
    for number, shown in ((0, True), (1, False), (1, True)):
        answer = host.do("/people/ada/said", sha256=photos[number]["sha256"], shown=shown)
        assert (answer.status_code, answer.json()) == (202, {"done": "confirmed" if shown else "rejected"})
    seen = [(photo["band"], photo["pending"]) for photo in _photos(host).values()]
    assert seen[:2] == [("confirmed", True), ("confirmed", True)]
    assert "3 answers to record" in host.get("/work", headers=JSON).json()["work"]["at_work"]
    launched.go.set()
    deadline = time.monotonic() + PATIENCE_S
    while sum(map(len, launched.actions)) < 3:
        assert time.monotonic() < deadline
    said = [Said(ADA, str(photos[number]["sha256"]), shown) for number, shown in ((0, True), (1, False), (1, True))]
    assert [one for together in launched.actions for one in together] == said


def test_an_answer_that_could_not_be_recorded_does_not_show_as_if_it_were(host: HostsDoor, launched: Launched) -> None:
    before = _photos(host)
    first, second, *_ = before.values()
    launched.problem = "the disk is full"
    host.do("/people/ada/said", sha256=first["sha256"], shown=True)
    host.do("/people/ada/said", sha256=second["sha256"], shown=False)
    assert [photo["band"] for photo in _photos(host).values()][:2] == ["confirmed", "rejected"]
    launched.go.set()
    _wait_until_recorded(host)
    assert _photos(host) == before


def test_a_rejected_face_stays_however_many_people_are_looked_through(
    host: HostsDoor, launched: Launched, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "REVIEWS", 0)  # nobody's photos are held
    (first, *_) = _photos(host).values()
    host.do("/people/ada/said", sha256=first["sha256"], shown=False)
    with database.connect() as connection:
        feedback.say(connection, "ada", bytes.fromhex(str(first["sha256"])), None)
    launched.go.set()
    _wait_until_recorded(host)
    bands = {photo["sha256"]: (photo["band"], photo["pending"]) for photo in _photos(host).values()}
    assert (len(bands), bands[first["sha256"]]) == (3, ("rejected", False))


def test_a_page_that_is_as_it_was_seen_gets_no_content(host: HostsDoor) -> None:
    version = host.get("/people/ada", headers=JSON).json()["version"]
    assert host.get(f"/people/ada/photos?seen={version}").status_code == 204
    (first, *_) = _photos(host).values()
    host.do("/people/ada/said", sha256=first["sha256"], shown=False)
    changed = host.get(f"/people/ada/photos?seen={version}", headers=PAGE)
    assert changed.status_code == 200
    assert "rejected" in changed.text


@pytest.mark.parametrize(
    ("path", "values", "status"),
    [
        ("/people/ada/said", {"sha256": "00", "shown": True}, 404),
        ("/people/ada/said", {"sha256": 7, "shown": "yes"}, 422),
        ("/people/nobody/said", {"sha256": "00", "shown": True}, 404),
        ("/people", {"name": "Bob"}, 422),
        ("/people", {"name": "Bob", "picture": "no base64!"}, 422),
        ("/people", {"name": "Bob", "picture": base64.b64encode(b"x").decode()}, 422),
        ("/people/ada/links", {"days": "soon"}, 422),
        ("/people/ada/links", {"days": "99999"}, 422),
        ("/links/77/close", {}, 404),
    ],
)
def test_what_can_not_be_done_gets_a_plain_word(
    host: HostsDoor, launched: Launched, path: str, values: dict[str, object], status: int
) -> None:
    answer = host.do(path, **values)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert launched.actions == []


def test_a_body_that_is_no_object_is_refused(host: HostsDoor) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (b"[1]", b"{", b"\xff"):
        assert host.post("/people/ada/said", data=body, headers=headers).status_code == 400


def test_a_picture_is_looked_at_before_it_is_added(
    host: HostsDoor, launched: Launched, portraits: Portraits, selfie: bytes
) -> None:
    both = base64.b64encode(jpeg(portraits.together())).decode()
    refused = host.do("/people", name="Bob", filename="bob.jpg", picture=both)
    assert (refused.status_code, "There are 2 faces" in refused.json()["error"]) == (422, True)
    added = host.do("/people", name="Eileen", filename="e.jpg", picture=base64.b64encode(selfie).decode())
    assert added.status_code == 202
    assert "a picture of Eileen to add" in host.get("/work", headers=JSON).json()["work"]["at_work"]
    assert launched.actions == [[NewReference(Person("eileen", "Eileen"), "e.jpg", selfie)]]


def test_links_are_made_with_a_qr_code_and_closed(host: HostsDoor, database: Database) -> None:
    made = host.do("/people/ada/links", days="7", pin="yes").json()
    assert made["address"].startswith(f"{GUESTS}l/")
    assert len(made["pin"]) == 6
    page = host.post("/people/ada/links", json={"days": "7"}, headers=PAGE).text
    assert "<svg" in page
    assert "PIN" not in page
    links = host.get("/people/ada", headers=JSON).json()["links"]
    assert [(link["open"], link["has_pin"]) for link in links] == [(True, True), (True, False)]
    assert all(link["made_by"].endswith(", page") for link in links)
    assert host.do(f"/links/{made['link']}/close").status_code == 200
    with database.connect(vectors=False) as connection:
        assert [one.state.value for one in guest_links.links(connection)] == ["closed", "open"]


def test_an_approval_is_given_and_taken_back(host: HostsDoor, database: Database) -> None:
    assert host.do("/people/ada/approval", approved="yes").status_code == 200
    with database.connect(vectors=False) as connection:
        approval = approval_of(connection, ADA)
    assert approval is not None
    assert approval.author.endswith(", page")
    assert "Approved by" in host.get("/people/ada", headers=PAGE).text
    host.do("/people/ada/approval", approved="")
    with database.connect(vectors=False) as connection:
        assert approval_of(connection, ADA) is None


def test_only_the_host_and_only_json_does_anything(host: HostsDoor, launched: Launched) -> None:
    (first, *_) = _photos(host).values()
    values = {"sha256": first["sha256"], "shown": True}
    stranger = host.another()
    assert stranger.post("/people/ada/said", json=values).status_code == 401
    assert stranger.get("/people/ada").status_code == 401
    foreign = {"Origin": "https://attacker.example"}
    assert host.post("/people/ada/said", json=values, headers=foreign).status_code == 403
    assert host.post("/people/ada/said", data=values).status_code == 403
    as_text = {"Content-Type": "text/plain"}
    assert host.post("/people/ada/said", data=json.dumps(values), headers=as_text).status_code == 403
    assert host.get("/people/ada/said").status_code == 405
    assert launched.actions == []


def test_guests_door_has_none_of_the_hosts_pages(make_door: Callable[..., Door]) -> None:
    door = make_door()
    assert "Find your photos" in door.get("/", headers=PAGE).text
    for path in ("/people/ada", "/people/ada/photos", "/work", "/people/ada/faces/00.jpg"):
        answer = door.get(path, headers=JSON)
        assert (answer.status_code, "Ada" in answer.text) == (404, False)
    for path in ("/people", "/people/ada/said", "/people/ada/links", "/links/1/close"):
        assert door.post(path, json={}).status_code == 404


def test_confirmed_and_rejected_as_by_command_and_recorded_with_the_author(
    working_host: HostsDoor, database: Database
) -> None:
    photos = _photos(working_host)
    for name, shown in (("both.jpg", False), ("again.jpg", True)):
        working_host.do("/people/ada/said", sha256=photos[name]["sha256"], shown=shown)
    working_host.wait_until_done()
    with database.connect() as connection:
        said = table(connection, "SELECT encode(sha256, 'hex'), shown, author FROM feedback ORDER BY shown")
    assert [(sha256, shown) for sha256, shown, _ in said] == [
        (photos["both.jpg"]["sha256"], False),
        (photos["again.jpg"]["sha256"], True),
    ]
    assert all(author.endswith(", page") for _, _, author in said)
    now = _photos(working_host)
    assert {name: (photo["band"], photo["pending"]) for name, photo in now.items() if name != "hopper.jpg"}.items() >= {
        "both.jpg": ("rejected", False),
        "again.jpg": ("confirmed", False),
    }.items()
    assert working_host.get("/work", headers=JSON).json()["work"]["problems"] == []
    working_host.do("/people/ada/said", sha256=photos["both.jpg"]["sha256"], shown=True)  # a second thought
    working_host.wait_until_done()
    assert _photos(working_host)["both.jpg"]["band"] == "confirmed"


def test_somebody_new_is_found_and_what_a_command_changes_shows(
    working_host: HostsDoor, portraits: Portraits, facefind: Facefind
) -> None:
    collins = jpeg(portraits.collins.crop((120, 0, 340, 260)).resize((440, 520)))
    answer = working_host.do("/people", name="Eileen", filename="e.jpg", picture=base64.b64encode(collins).decode())
    assert answer.status_code == 202
    working_host.wait_until_done()
    found = working_host.get("/people/eileen", headers=JSON).json()
    assert {Path(photo["photo"]).name for photo in found["photos"]} == {"both.jpg", "collins.png"}
    assert found["references"] == ["e.jpg"]
    assert facefind("reject", "Eileen", "both.jpg", "--params", SMALL_SET).exit_code == 0
    changed = working_host.get(f"/people/eileen/photos?seen={found['version']}", headers=JSON).json()
    assert {Path(photo["photo"]).name for photo in changed["photos"]} == {"collins.png"}


def test_what_goes_wrong_is_told_and_the_rest_goes_on() -> None:
    done: list[Action] = []

    def launch(actions: "list[Action]") -> None:
        done.extend(actions)
        if len(done) == 1:
            raise FacefindError("the model is gone")

    actions = Actions(launch)
    actions.add(Said(ADA, "00", shown=True))
    deadline = time.monotonic() + PATIENCE_S
    while actions.pending():
        assert time.monotonic() < deadline
    actions.add(Said(ADA, "01", shown=True))
    actions.end()
    assert [one.sha256 for one in done if isinstance(one, Said)] == ["00", "01"]
    assert (actions.problems(), actions.pending()) == (["the model is gone"], [])


def test_a_guest_at_the_hosts_door_is_answered_as_at_theirs(host: HostsDoor, selfie: bytes) -> None:
    assert len(host.send(selfie).json()["photos"]) == 3
