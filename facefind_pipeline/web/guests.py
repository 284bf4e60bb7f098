"""Guests' pages: a selfie that is never stored, and the photos that show its face."""

from collections import Counter
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from facefind_pipeline.errors import FacefindError, OutageError
from facefind_pipeline.search.gone import there_first
from facefind_pipeline.search.live import find_nearest
from facefind_pipeline.search.matches import WORTH_SHOWING
from facefind_pipeline.store import parameter_sets
from facefind_pipeline.store.people import Person
from facefind_pipeline.web.answers import RefusedError, answer
from facefind_pipeline.web.galleries import begin_gallery, gallery_routes, set_guests_cookie
from facefind_pipeline.web.limits import SELFIES_AT_ONCE, UPLOAD_BYTES, Rate, client_of, network_of
from facefind_pipeline.web.sessions import Sessions
from facefind_pipeline.web.site import Shown, Site
from facefind_pipeline.web.uploads import read_picture

SELFIE, FOUND = "/selfie", "/found/"
YOU = Person("you", "you")  # whom a selfie shows: pages know no name
_UNKNOWN = "It is not known yet how sure a match is: the host has to search the photos first."


class Guests:
    """The pages, and what their guests were found on, in memory."""

    def __init__(self, site: Site, cookie: str) -> None:
        """Answers nothing yet.

        Args:
            site: the event.
            cookie: name of the cookie of a session.
        """
        self._site, self._cookie = site, cookie
        self._found: Sessions[Shown] = Sessions()
        self._selfies = Rate(site.limits.selfies)
        self._at_work: Counter[str] = Counter()  # selfies, by address

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route(SELFIE, self.selfie, methods=["GET"]),
            Route(SELFIE, self.search, methods=["POST"]),
            *gallery_routes(FOUND, self._shown, note="again.html", nothing="nothing.html"),
        ]

    async def selfie(self, request: Request) -> Response:
        """The page that takes a selfie."""
        return answer(request, "selfie.html", {"largest_bytes": UPLOAD_BYTES})

    async def search(self, request: Request) -> Response:
        """Looks for the face of the picture that was sent; the picture and its vector end with this request."""
        if wait_s := self._selfies.wait_s(client_of(request)):
            word = f"That were many selfies: try again in {max(1, round(wait_s))} s."
            raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS, word, wait_s)
        client = network_of(client_of(request))
        if self._at_work.total() >= SELFIES_AT_ONCE or self._at_work[client] >= self._site.limits.selfies_at_once:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "Many are searching just now: try again in 10 s.", 10)
        self._selfies.count(client_of(request))
        self._at_work[client] += 1
        try:
            shown = await run_in_threadpool(self._search, await read_picture(request))
        finally:
            self._at_work[client] -= 1
            self._at_work = +self._at_work
        made = begin_gallery(request, shown, FOUND)
        set_guests_cookie(request, made, self._cookie, self._found.begin(shown))
        return made

    def _search(self, picture: bytes) -> Shown:
        site = self._site
        try:
            probe = site.embed(picture)
        except OutageError:
            raise
        except FacefindError as error:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None
        with site.database.connect(vectors=False) as connection:
            chosen = parameter_sets.find(connection, site.key)
            found = there_first(
                lambda most: find_nearest(connection, chosen, [probe], limit=most, bands=WORTH_SHOWING, reader=True),
                None,
            )
            if found.cut is None:
                raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, _UNKNOWN)
            return site.show(connection, chosen, YOU, found.matches)

    def _shown(self, request: Request) -> Shown:
        """What this browser's guest was found on.

        Raises:
            RefusedError: nothing, or it was forgotten.
        """
        shown = self._found.get(request.cookies.get(self._cookie))
        if shown is None:
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "What was found here is forgotten by now: send a selfie again.")
        return shown
