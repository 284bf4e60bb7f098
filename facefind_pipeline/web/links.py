"""Links of a guest's own: whoever has one, and its PIN, sees the photos of one person until it ends."""

from dataclasses import dataclass
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from facefind_pipeline.plurals import counted
from facefind_pipeline.search.find import find_person
from facefind_pipeline.search.gone import there_first
from facefind_pipeline.search.matches import WORTH_SHOWING
from facefind_pipeline.store import guest_links, parameter_sets
from facefind_pipeline.store.guest_links import Link, State
from facefind_pipeline.web.answers import RefusedError, answer, is_htmx, wants_json
from facefind_pipeline.web.galleries import begin_gallery, gallery_routes, set_guests_cookie
from facefind_pipeline.web.guard import media_type
from facefind_pipeline.web.limits import Rate, client_of
from facefind_pipeline.web.sessions import Sessions
from facefind_pipeline.web.site import Shown, Site
from facefind_pipeline.web.uploads import read_json

LINK, MINE = "/l/", "/mine/"
_PIN_BYTES = 1000  # of a form with one
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
_ENDED = {
    State.EXPIRED: "This link has expired: ask the host for a new one.",
    State.CLOSED: "This link was taken back: ask the host for a new one.",
    State.GUESSED: "This link is closed after too many wrong PINs: ask the host for a new one.",
}


@dataclass(slots=True)
class _Visit:
    """A link that a browser opened, and what it was shown last."""

    link: int
    shown: Shown


class Links:
    """The pages of links, and which browsers opened which, in memory."""

    def __init__(self, site: Site, cookie: str) -> None:
        """Answers nothing yet; arguments as of `Guests`."""
        self._site, self._cookie = site, cookie
        self._visits: Sessions[_Visit] = Sessions()
        self._wrong = Rate(site.limits.wrong_links)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route(f"{LINK}{{token}}", self.open, methods=["GET"]),
            Route(f"{LINK}{{token}}", self.open_by_pin, methods=["POST"]),
            *gallery_routes(MINE, self._shown, note="yours.html", nothing="nothing_yet.html"),
        ]

    async def open(self, request: Request) -> Response:
        """Opens a link, or asks for its PIN.

        Answered in place: followed from another site's page, a redirect would not bring a new cookie everywhere.
        """
        link = await run_in_threadpool(self._link, request)
        if link.has_pin:
            return answer(request, "pin.html", {"needs_pin": True})
        return await self._begin(request, link)

    async def open_by_pin(self, request: Request) -> Response:
        """Opens a link by its PIN."""
        link = await run_in_threadpool(self._link, request)
        pin = await _pin_of(request)
        right, left = await run_in_threadpool(self._try_pin, link, pin)
        if not right:
            self._wrong.count(client_of(request))
            word = f"This PIN is wrong: {counted(left, 'more try', 'more tries')}." if left else _ENDED[State.GUESSED]
            raise RefusedError(HTTPStatus.FORBIDDEN, word)
        return await self._begin(request, link)

    async def _begin(self, request: Request, link: Link) -> Response:
        shown = await run_in_threadpool(self._show, link)
        if wants_json(request) or is_htmx(request):
            made = begin_gallery(request, shown, MINE)
        else:
            made = answer(request, "opened.html", {"name": link.person.name, "folder": MINE})
        set_guests_cookie(request, made, self._cookie, self._visits.begin(_Visit(link.number, shown)))
        return made

    def _link(self, request: Request) -> Link:
        """The link of a request, if it opens.

        Raises:
            RefusedError: there is none, it ended, or its address has guessed too much.
        """
        client = client_of(request)
        if wait_s := self._wrong.wait_s(client):
            word = f"That were many wrong tries: try again in {max(1, round(wait_s))} s."
            raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS, word, wait_s)
        with self._site.database.connect(vectors=False) as connection:
            link = guest_links.by_token(connection, request.path_params["token"])
        if link is None:
            self._wrong.count(client)
            raise RefusedError(HTTPStatus.NOT_FOUND, "There is no such link: look whether it was copied whole.")
        _require_open(link)
        return link

    def _try_pin(self, link: Link, pin: str) -> tuple[bool, int]:
        """Whether it is right, and how many more may be tried."""
        with self._site.database.connect(vectors=False) as connection:
            right = guest_links.is_right_pin(connection, link, pin)
            now = guest_links.by_number(connection, link.number)
        return right, now.pins_left if now else 0

    def _show(self, link: Link) -> Shown:
        site = self._site
        with site.database.connect(vectors=False) as connection:
            chosen = parameter_sets.find(connection, site.key)
            found = there_first(
                lambda most: find_person(connection, chosen, link.person, limit=most, bands=WORTH_SHOWING, reader=True),
                None,
            )
            return site.show(connection, chosen, link.person, found.matches)

    def _shown(self, request: Request) -> Shown:
        """What this browser's guest is shown now: photos that arrived meanwhile are in a page that is loaded again.

        Raises:
            RefusedError: this browser opened no link, or that ended.
        """
        visit = self._visits.get(request.cookies.get(self._cookie))
        if visit is None:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "Open your link again: this browser is not known any more.")
        with self._site.database.connect(vectors=False) as connection:
            link = guest_links.by_number(connection, visit.link)
        if link is None:
            raise RefusedError(HTTPStatus.GONE, _ENDED[State.CLOSED])
        _require_open(link)
        if request.url.path == MINE:
            visit.shown = self._show(link)
        return visit.shown


def _require_open(link: Link) -> None:
    if link.state is not State.OPEN:
        raise RefusedError(HTTPStatus.GONE, _ENDED[link.state])


async def _pin_of(request: Request) -> str:
    """The PIN in a form, or in JSON as programs send it; spaces between its digits do not count.

    Raises:
        RefusedError: there is none.
    """
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > _PIN_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Send the PIN alone.")
    kind = media_type(request)
    if kind == "application/json":
        pin = (await read_json(request)).get("pin")
    elif kind in _FORMS:
        async with request.form() as form:
            pin = form.get("pin")
    else:
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the PIN in a form, or as JSON.")
    if not isinstance(pin, str):
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "Send the PIN as a text named pin.")
    return "".join(pin.split())
