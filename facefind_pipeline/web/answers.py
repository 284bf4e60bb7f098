"""Answers: a page for people, its part for htmx, JSON for programs, each from the same values."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

STATIC = Path(__file__).with_name("static")
_UNAVAILABLE = "The event can't be asked just now: try again in a minute."
_JSON, _HTML = "application/json", "text/html"

_log = logging.getLogger(__name__)
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class RefusedError(Exception):
    """A request that is answered with a plain word.

    Attributes:
        status: of the answer.
        word: what to do, for the person at the page.
        wait_s: after how many seconds it may be tried again; 0 says nothing of that.
    """

    def __init__(self, status: HTTPStatus, word: str, wait_s: float = 0.0) -> None:
        super().__init__(word)
        self.status, self.word, self.wait_s = status, word, wait_s


def wants_json(request: Request) -> bool:
    """Whether a program asks: JSON comes before a page in what it accepts."""
    accepted = [part.split(";")[0].strip() for part in request.headers.get("accept", "").split(",")]
    return _JSON in accepted and (_HTML not in accepted or accepted.index(_JSON) < accepted.index(_HTML))


def is_htmx(request: Request) -> bool:
    """Whether htmx asks, which puts the answer into the page that is open."""
    return request.headers.get("hx-request") == "true"


def render(template: str, **values: Any) -> str:
    """HTML of a template."""
    return _templates.get_template(template).render(values)


def answer(
    request: Request, template: str, values: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK, **for_people: Any
) -> Response:
    """A page of the values, or for programs the values themselves.

    Args:
        request: says which.
        template: of the page.
        values: plain ones.
        status: of the answer.
        for_people: what the page shows besides.
    """
    if wants_json(request):
        return JSONResponse(dict(values), status)
    return HTMLResponse(render(template, **values, **for_people), status)


def picture(content: bytes | None) -> Response:
    """A JPEG, which the browser that asked may keep for an hour.

    Raises:
        RefusedError: there is none.
    """
    if content is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "There is no such picture here.")
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


async def refused(request: Request, error: Exception) -> Response:
    """Of a `RefusedError`: the word alone for htmx, a page with it, or JSON."""
    assert isinstance(error, RefusedError)
    template = "word.html" if is_htmx(request) else "refused.html"
    made = answer(request, template, {"error": error.word}, error.status)
    if error.wait_s:
        made.headers["Retry-After"] = str(max(1, round(error.wait_s)))
    return made


async def unavailable(request: Request, error: Exception) -> Response:
    """Of what can't be answered now, such as when the database stopped: our own log says why, guests need not know.

    Of the path it has the first part alone: others are tokens of links, people, and what a guest looked at.
    """
    _log.warning("/%s: %s", request.url.path.split("/")[1], error)
    made = answer(request, "refused.html", {"error": _UNAVAILABLE}, HTTPStatus.SERVICE_UNAVAILABLE)
    made.headers["Retry-After"] = "60"
    return made


async def not_found(request: Request, error: Exception) -> Response:
    """Of what the router does not know: a page, or a method of one."""
    assert isinstance(error, HTTPException)
    word = "There is no such page here."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        word = f"{request.method} is nothing that this page answers."
    return answer(request, "refused.html", {"error": word}, HTTPStatus(error.status_code))
