"""The two doors of the pages: the host's on loopback, behind a token, and the guests', which the network may reach."""

from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.web.answers import STATIC, RefusedError, not_found, refused, unavailable
from facefind_pipeline.web.guard import Guard, GuestsGuard, cookie_name, hosts_of
from facefind_pipeline.web.guests import SELFIE, Guests
from facefind_pipeline.web.headers import WithHeaders
from facefind_pipeline.web.host import Host
from facefind_pipeline.web.links import LINK, Links
from facefind_pipeline.web.site import Site

CLOSING_S = 3  # of open connections, before they are cut
CONNECTIONS = 400  # at once; a browser opens six


def guests_app(site: Site, names: Sequence[str], port: int) -> ASGIApp:
    """The pages for guests alone.

    Args:
        site: the event.
        names: by which they are asked for.
        port: likewise.
    """
    guests = Guests(site, guest_cookie(port))
    pages = _application([Route("/", guests.selfie), *_guests_routes(site, guests, port)])
    return WithHeaders(GuestsGuard(pages, hosts_of(names, port)))


def host_app(site: Site, host: Host, token: str, names: Sequence[str], port: int) -> ASGIApp:
    """All pages, for whoever has the token; the other arguments as of `guests_app`."""
    guests = Guests(site, guest_cookie(port))
    pages = _application([*host.routes(), *_guests_routes(site, guests, port)])
    return WithHeaders(
        Guard(pages, token, cookie_name(port), hosts_of(names, port), changes=lambda _: False, asks=_is_guests_form)
    )


def guest_cookie(port: int) -> str:
    """Name of the cookie of a guest who sent a selfie."""
    return f"facefind_guest_{port}"


def link_cookie(port: int) -> str:
    """Name of the cookie of a guest who opened a link."""
    return f"facefind_link_{port}"


def _guests_routes(site: Site, guests: Guests, port: int) -> list[BaseRoute]:
    static = Mount("/static", StaticFiles(directory=STATIC), name="static")
    return [*guests.routes(), *Links(site, link_cookie(port)).routes(), static]


def _application(routes: Sequence[BaseRoute]) -> Starlette:
    return Starlette(
        routes=list(routes),
        exception_handlers={RefusedError: refused, HTTPException: not_found, FacefindError: unavailable},
    )


def _is_guests_form(request: HTTPConnection) -> bool:
    """A selfie is searched for and forgotten, a PIN opens a link."""
    path: str = request.scope["path"]
    return path == SELFIE or path.startswith(LINK)


def make_server(app: ASGIApp, certificate: tuple[Path, Path] | None) -> uvicorn.Server:
    """A server for an application, which keeps no record of who asks for what; with TLS by certificate and key."""
    cert, key = certificate or (None, None)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,  # it would keep who looked when, and tokens
            proxy_headers=False,  # limits go by the address that the connection is from
            server_header=False,
            lifespan="off",
            ws="none",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=CLOSING_S,
            ssl_certfile=cert,
            ssl_keyfile=key,
        )
    )
