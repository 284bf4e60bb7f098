"""The guards before a web application: one for what only the person who started it may use, one for guests' pages.

Other users of the machine reach its loopback addresses, and every page in the person's browser may send requests there
(an `<img>`, a form, a websocket, a host name rebound to 127.0.0.1). The guard asks for a cookie that those lack, and
refuses by the headers that a page cannot forge. It is pure ASGI: requests that pass, and all answers, are untouched.
"""

import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN = "token"  # noqa: S105 - the name of the parameter in the printed address
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LEFT_OUT = frozenset({80, 443})  # ports of http and https, which browsers do not name
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Guard:
    """An ASGI application that lets through to another what comes from its person's own browser.

    Attributes:
        app: the guarded application.
        token: the secret in the printed address, at least 128 random bits in URL-safe characters. A request that
            brings it as the parameter `token` gets it back as a cookie and is sent on to the same address without it.
        cookie: the cookie's name; browsers share cookies among the ports of a host, so it names the port.
        hosts: values of the Host header that are answered, in lower case, as `127.0.0.1:3000`.
        changes: whether a request with a safe method changes something all the same, and so is refused.
        asks: whether a request with an unsafe method changes nothing that lasts, and so may be a form's.
    """

    app: ASGIApp
    token: str
    cookie: str
    hosts: frozenset[str]
    changes: Callable[[HTTPConnection], bool]
    asks: Callable[[HTTPConnection], bool] = lambda request: False  # noqa: ARG005 - of no request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a refusal or the exchange of the token itself; hands on everything else."""
        answer = None if scope["type"] == "lifespan" else self._answer(HTTPConnection(scope))
        await (answer or self.app)(scope, receive, send)

    def _answer(self, request: HTTPConnection) -> Response | None:
        if (foreign := _foreign(request, self.hosts)) is not None:
            return foreign
        method = request.scope.get("method", "GET")  # a websocket's handshake has none in ASGI
        if method == "GET" and request.scope["type"] == "http" and TOKEN in request.query_params:
            return self._exchange(request)
        if not _equal(request.cookies.get(self.cookie, ""), self.token):
            return _refusal(
                HTTPStatus.UNAUTHORIZED,
                "Open the address that was printed when this page was started: it contains a token.",
            )
        return self._unfit_change(request, method)

    def _unfit_change(self, request: HTTPConnection, method: str) -> Response | None:
        if method in UNSAFE_METHODS and media_type(request) != "application/json" and not self.asks(request):
            return _refusal(HTTPStatus.FORBIDDEN, "Only JSON may change anything: send Content-Type application/json.")
        if method not in UNSAFE_METHODS and self.changes(request):
            return _refusal(HTTPStatus.FORBIDDEN, f"{method} may change nothing here: send it as POST, with JSON.")
        return None

    def _exchange(self, request: HTTPConnection) -> Response:
        if not _equal(request.query_params[TOKEN], self.token):
            return _refusal(
                HTTPStatus.UNAUTHORIZED, "This token is not valid any more: open the address that was printed last."
            )
        # Absolute, since a path like `//elsewhere` would lead away; its host has passed.
        answer = RedirectResponse(str(request.url.remove_query_params(TOKEN)), HTTPStatus.SEE_OTHER)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer


@dataclass(frozen=True, slots=True)
class GuestsGuard:
    """An ASGI application that lets guests through to another, who have no token: from our own pages, by our own names.

    Attributes:
        app: the guarded application.
        hosts: values of the Host header that are answered, as of `Guard`.
    """

    app: ASGIApp
    hosts: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a refusal itself; hands on everything else."""
        answer = None if scope["type"] == "lifespan" else self._answer(HTTPConnection(scope))
        await (answer or self.app)(scope, receive, send)

    def _answer(self, request: HTTPConnection) -> Response | None:
        if (foreign := _foreign(request, self.hosts)) is not None:
            return foreign
        if ".." in request.scope["path"].replace("\\", "/").split("/"):
            return _refusal(HTTPStatus.BAD_REQUEST, "A path with .. in it leads nowhere here.")
        return None


def cookie_name(port: int) -> str:
    """Of the cookie that opens what is served on a port."""
    return f"facefind_{port}"


def hosts_of(names: Iterable[str], port: int) -> frozenset[str]:
    """The Host headers by which browsers ask for these names, IPv6 addresses in brackets, on a port."""
    suffixes = ("", f":{port}") if port in _LEFT_OUT else (f":{port}",)
    return frozenset(f"{name.lower()}{suffix}" for name in names for suffix in suffixes)


def is_graphql_by_get(request: HTTPConnection) -> bool:
    """Whether a request with a safe method asks Dagster to execute GraphQL, mutations among it.

    Starlette's routes also match a path that ends in a newline, so the beginning of the path decides.
    """
    path: str = request.scope["path"]
    return request.scope["type"] == "http" and path.startswith("/graphql") and "query" in request.query_params


def _foreign(request: HTTPConnection, hosts: frozenset[str]) -> Response | None:
    """The refusal of what another site's page sent, or asked for by another name."""
    host = ",".join(request.headers.getlist("host")).lower()
    if host not in hosts:
        return _refusal(HTTPStatus.FORBIDDEN, f"This page is served as {_either(hosts)} alone.")
    if not _from_own_pages(request, host):
        return _refusal(HTTPStatus.FORBIDDEN, "Another site's page sent this request: only own pages may.")
    return None


def _from_own_pages(request: HTTPConnection, host: str) -> bool:
    """Whether no page of another origin sent the request; a link to a page of ours may be followed from anywhere.

    Pages of other ports of the same host are "same-site", so that a browser sends them the cookie, and are refused.
    """
    origin = request.headers.get("origin")
    scheme = "https" if request.scope["scheme"] in {"https", "wss"} else "http"
    if origin is not None and origin.lower() != f"{scheme}://{host}":
        return False
    if request.headers.get("sec-fetch-site", "none") in {"same-origin", "none"}:
        return True
    followed = (request.headers.get("sec-fetch-mode"), request.headers.get("sec-fetch-dest")) == (
        "navigate",
        "document",
    )
    return followed and request.scope.get("method") == "GET"


def media_type(request: HTTPConnection) -> str:
    """Of what was sent, without parameters: `text/plain; x=application/json` is text, which any page may send."""
    return re.split("[;,]", request.headers.get("content-type", ""))[0].strip().lower()


def _equal(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def _either(hosts: frozenset[str]) -> str:
    return " or ".join(sorted(hosts))


def _refusal(status: HTTPStatus, what_to_do: str) -> Response:
    return PlainTextResponse(f"{what_to_do}\n", status, headers={"Cache-Control": "no-store"})
