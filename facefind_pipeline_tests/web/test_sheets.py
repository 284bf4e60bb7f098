"""Contact sheets beside another application: the folder's files, nothing outside of it, never cached."""

import asyncio
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from facefind_pipeline.web.guard import Guard, cookie_name, hosts_of
from facefind_pipeline.web.sheets import WithSheets

PREFIX = "/facefind/sheets/"
SHEET = f"{PREFIX}day é/photos.jpg"


@pytest.fixture
def app(tmp_path: Path) -> WithSheets:
    (tmp_path / "sheets" / "day é").mkdir(parents=True)
    (tmp_path / "sheets" / "day é" / "photos.jpg").write_bytes(b"jpeg")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "sheets" / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    other = Starlette(routes=[Route("/{path:path}", lambda _: PlainTextResponse("the UI"))])
    return WithSheets(other, PREFIX, tmp_path / "sheets")


def _get(app: ASGIApp, path: str, cookie: str = "") -> tuple[int, bytes, dict[bytes, bytes]]:
    """Status, content and headers of a request whose path is decoded, as servers hand it on."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:80"), (b"cookie", cookie.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers, "scheme": "http"}
    more = {"server": ("127.0.0.1", 80), "root_path": "", "asgi": {"spec_version": "2.4"}}
    asyncio.run(app(scope | more, receive, send))  # type: ignore[arg-type]
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body, dict(sent[0]["headers"])


def test_it_serves_the_folder_and_nothing_else(app: WithSheets) -> None:
    status, content, headers = _get(app, SHEET)
    assert (status, content) == (200, b"jpeg")
    assert headers[b"content-type"] == b"image/jpeg"
    assert headers[b"cache-control"] == b"no-store"
    for path in ("gone.jpg", "", "out.jpg", "../secret.jpg", "day é/../../secret.jpg", "/etc/passwd"):
        assert _get(app, PREFIX + path)[0] == 404, path
    assert _get(app, "/assets")[1] == b"the UI"


def test_nobody_without_the_token_sees_a_sheet(app: WithSheets) -> None:
    guard = Guard(app, "token", cookie_name(80), hosts_of(["127.0.0.1"], 80), changes=lambda _: False)
    assert _get(guard, SHEET)[0] == 401
    assert _get(guard, SHEET, f"{cookie_name(80)}=token")[1] == b"jpeg"
