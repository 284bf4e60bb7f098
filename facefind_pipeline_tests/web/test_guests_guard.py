"""Each way past the guard of guests' pages; and what the host's guard lets guests' forms do."""

import http.client
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from facefind_pipeline.web.guard import Guard, GuestsGuard, cookie_name, hosts_of
from facefind_pipeline_tests.web.doors import Door, opened

TOKEN = "secret-of-this-start"
CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


async def _act(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"done: {request.method} {request.url.path}")


_PAGES = Starlette(routes=[Route("/{path:path}", _act, methods=["GET", "POST"])])


@pytest.fixture(scope="module")
def served() -> Iterator[Door]:
    with opened(lambda port: GuestsGuard(_PAGES, hosts_of(["127.0.0.1", "photos.example"], port))) as door:
        yield door


def _raw(door: Door, path: str, **headers: str) -> tuple[int, str]:
    """Asks for a path as it is, which `requests` would tidy up."""
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_guests_need_no_token(served: Door) -> None:
    assert served.get("/selfie").text == "done: GET /selfie"
    assert served.post("/selfie", data=b"", headers=FORM | {"Origin": served.origin}).text == "done: POST /selfie"
    assert served.get("/", headers={"Host": f"photos.example:{served.port}"}).status_code == 200


def test_ports_that_browsers_do_not_name_need_not_be_named() -> None:
    assert hosts_of(["photos.example"], 443) == {"photos.example", "photos.example:443"}
    assert hosts_of(["photos.example"], 80) == {"photos.example", "photos.example:80"}
    assert hosts_of(["photos.example"], 8080) == {"photos.example:8080"}


@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:{}", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_name_is_refused(served: Door, host: str) -> None:
    status, word = _raw(served, "/", Host=host.format(served.port))
    assert status == 403
    assert "This page is served as" in word


@pytest.mark.parametrize("origin", ["https://attacker.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{}"])
def test_a_form_of_a_foreign_page_is_refused(served: Door, origin: str) -> None:
    answer = served.post("/selfie", data=b"", headers=FORM | {"Origin": origin.format(served.port)})
    assert (answer.status_code, "Another site" in answer.text) == (403, True)


def test_a_link_on_another_site_may_be_followed_and_a_form_there_not_sent(served: Door) -> None:
    assert served.get("/l/token", headers=CROSS_SITE).status_code == 200
    assert served.post("/selfie", data=b"", headers=FORM | CROSS_SITE).status_code == 403
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert served.get("/found/photos/a.jpg", headers=embedded).status_code == 403


@pytest.mark.parametrize(
    "path", ["/found/../../etc/passwd", "/..", "/a/%2e%2e/b", "/static/..%2f..%2fguard.py", "/..\\b"]
)
def test_paths_that_lead_upwards_are_refused(served: Door, path: str) -> None:
    status, word = _raw(served, path)
    assert status == 400
    assert "A path with .. in it leads nowhere" in word


def test_the_hosts_guard_lets_a_guests_form_pass_with_the_cookie_and_no_other_form() -> None:
    def guarded(port: int) -> Guard:
        hosts = hosts_of(["127.0.0.1"], port)
        return Guard(
            _PAGES, TOKEN, cookie_name(port), hosts, lambda _: False, asks=lambda request: request.url.path == "/selfie"
        )

    with opened(guarded) as door:
        cookie = {"Cookie": f"{cookie_name(door.port)}={TOKEN}"}
        assert door.post("/selfie", data=b"", headers=FORM | cookie).status_code == 200
        assert door.post("/selfie", data=b"", headers=FORM).status_code == 401
        foreign = {"Origin": "https://attacker.example"}
        assert door.post("/selfie", data=b"", headers=FORM | cookie | foreign).status_code == 403
        assert door.post("/people", data=b"", headers=FORM | cookie).status_code == 403
