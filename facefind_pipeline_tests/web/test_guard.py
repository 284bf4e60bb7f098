"""Each way past the guard, tried over real sockets on a small application with a page, an action and a websocket."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from facefind_pipeline.web.guard import Guard, cookie_name, hosts_of, is_graphql_by_get

TOKEN = "secret-of-this-start"
JSON = {"Content-Type": "application/json"}
CSP = "script-src 'nonce-1'"


@dataclass(frozen=True)
class Site:
    """A guarded application: what it was asked to do is in `done`."""

    port: int
    done: list[str] = field(default_factory=list)

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"{cookie_name(self.port)}={TOKEN}"}

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: str = "") -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers or {})
        return connection.getresponse()

    def listen(self, headers: dict[str, str], host: str = "127.0.0.1") -> str:
        reached = socket.create_connection(("127.0.0.1", self.port))
        with connect(f"ws://{host}:{self.port}/graphql", sock=reached, additional_headers=headers) as websocket:
            return str(websocket.recv())


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        site = Site(listener.getsockname()[1])

        async def act(request: Request) -> PlainTextResponse:
            site.done.append(request.method)
            return PlainTextResponse("done", headers={"Content-Security-Policy": CSP})

        async def push(websocket: WebSocket) -> None:
            await websocket.accept()
            await websocket.send_text("pushed")
            await websocket.close()

        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        routes = [
            WebSocketRoute("/graphql", push),
            Route("/graphql", act, methods=methods),
            Route("/{path:path}", act, methods=methods),
        ]
        hosts = hosts_of(["127.0.0.1", "localhost"], site.port)
        guard = Guard(Starlette(routes=routes), TOKEN, cookie_name(site.port), hosts, is_graphql_by_get)
        server = uvicorn.Server(uvicorn.Config(guard, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield site
        server.should_exit = True
        thread.join()


@pytest.fixture
def site(served: Site) -> Site:
    served.done.clear()
    return served


def _refused(site: Site, answer: HTTPResponse, status: int, what: str) -> None:
    assert (answer.status, site.done) == (status, [])
    assert what in answer.read().decode()


def test_the_printed_address_becomes_a_cookie_and_the_same_address_without_its_token(site: Site) -> None:
    answer = site.ask("GET", f"/runs?view=all&token={TOKEN}")
    assert (answer.status, answer.headers["Location"]) == (303, f"{site.origin}/runs?view=all")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"facefind_{site.port}={TOKEN};")
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
    assert site.done == []
    followed = site.ask("GET", "/runs?view=all", {"Cookie": cookie.split(";", maxsplit=1)[0]})
    assert (followed.status, followed.headers["Content-Security-Policy"], site.done) == (200, CSP, ["GET"])


def test_the_exchange_never_leads_to_another_host(site: Site) -> None:
    answer = site.ask("GET", f"//elsewhere.example/?token={TOKEN}")
    assert answer.headers["Location"] == f"{site.origin}//elsewhere.example/"


@pytest.mark.parametrize("headers", [{}, {"Cookie": "facefind_1=secret-of-this-start"}, {"Cookie": "facefind_{}=\xe9"}])
def test_without_this_starts_cookie_nothing_is_served(site: Site, headers: dict[str, str]) -> None:
    headers = {name: value.format(site.port) for name, value in headers.items()}
    _refused(site, site.ask("GET", "/", headers), 401, "Open the address that was printed")


def test_a_wrong_token_is_not_exchanged(site: Site) -> None:
    answer = site.ask("GET", "/?token=secret-of-an-earlier-start")
    assert answer.headers["Set-Cookie"] is None
    _refused(site, answer, 401, "not valid any more")


def test_a_rebound_host_is_refused_even_with_the_cookie(site: Site) -> None:
    for host in (f"attacker.example:{site.port}", "127.0.0.1", f"127.0.0.1:{site.port}.attacker.example"):
        _refused(site, site.ask("GET", "/", site.cookie | {"Host": host}), 403, "is served as")


def test_two_hosts_are_none(site: Site) -> None:
    connection = HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.putrequest("GET", "/")  # with the right host
    for name, value in (site.cookie | {"Host": "attacker.example"}).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status in {400, 403}, site.done) == (True, [])


def test_graphql_by_get_is_refused(site: Site) -> None:
    for path in ("/graphql?query=mutation", "/%67raphql?query=mutation", "/graphql%0A?query=mutation"):
        _refused(site, site.ask("GET", path, site.cookie), 403, "send it as POST")
    assert site.ask("GET", "/assets?query=hopper", site.cookie).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "text/plain; x=application/json", ""]
)
def test_only_json_changes_anything(site: Site, method: str, media_type: str) -> None:
    headers = site.cookie | ({"Content-Type": media_type} if media_type else {})
    _refused(site, site.ask(method, "/graphql", headers, "{}"), 403, "Only JSON")


@pytest.mark.parametrize("origin", ["https://attacker.example", "null", "http://127.0.0.1:1", "http://localhost:{}"])
def test_a_foreign_origin_changes_nothing(site: Site, origin: str) -> None:
    headers = site.cookie | JSON | {"Origin": origin.format(site.port)}
    _refused(site, site.ask("POST", "/graphql", headers, "{}"), 403, "Another site")


@pytest.mark.parametrize("relation", ["cross-site", "same-site"])
def test_pages_of_others_embed_nothing_and_may_link(site: Site, relation: str) -> None:
    image = {"Sec-Fetch-Site": relation, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    frame = {"Sec-Fetch-Site": relation, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    link = {"Sec-Fetch-Site": relation, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for embedded in (image, frame):
        _refused(site, site.ask("GET", "/", site.cookie | embedded), 403, "Another site")
    _refused(site, site.ask("POST", "/", site.cookie | JSON | link, "{}"), 403, "Another site")
    assert site.ask("GET", "/", site.cookie | link).status == 200


def test_own_pages_and_programs_change_things(site: Site) -> None:
    own = {"Origin": site.origin, "Sec-Fetch-Site": "same-origin"}
    for headers in (own, {}):
        sent = site.cookie | {"Content-Type": "application/json; charset=utf-8"} | headers
        assert site.ask("POST", "/graphql", sent, json.dumps({"query": "mutation"})).status == 200
    assert site.done == ["POST", "POST"]


@pytest.mark.parametrize("origin", ["https://attacker.example", "null", "http://127.0.0.1:1"])
def test_a_websocket_of_a_foreign_page_is_not_opened(site: Site, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        site.listen(site.cookie | {"Origin": origin})
    assert refused.value.response.status_code == 403


def test_a_websocket_by_a_rebound_name_or_without_the_cookie_is_not_opened(site: Site) -> None:
    for headers, host, status in ((site.cookie, "attacker.example", 403), ({}, "127.0.0.1", 401)):
        with pytest.raises(InvalidStatus) as refused:
            site.listen(headers, host)
        assert refused.value.response.status_code == status


def test_own_websockets_open(site: Site) -> None:
    assert site.listen(site.cookie | {"Origin": site.origin}) == "pushed"
    assert site.listen(site.cookie) == "pushed"  # programs send no origin


def test_port_80_goes_without_saying() -> None:
    assert hosts_of(["Localhost", "[::1]"], 80) == {"localhost", "localhost:80", "[::1]", "[::1]:80"}
    assert hosts_of(["127.0.0.1"], 3000) == {"127.0.0.1:3000"}
