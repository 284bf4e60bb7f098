"""Requests that no page of ours sends: each is answered with a plain refusal, never with an error of the server."""

from collections.abc import Callable
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facefind_pipeline.web.limits import Limits
from facefind_pipeline_tests.web.doors import Door

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    ["../x", "%00", "' OR 1=1 --", "0"]
)
UNLIMITED = Limits(selfies=10**6, selfies_at_once=4, wrong_links=10**6)
ONCE_OPENED = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_guests_pages_refuse_whatever_is_asked(make_door: Callable[..., Door]) -> None:
    door = make_door(limits=UNLIMITED)

    @ONCE_OPENED
    @given(
        folder=st.sampled_from(["/l/", "/found/", "/mine/", "/static/", "/"]),
        name=TEXT,
        query=TEXT,
        cookie=st.text(max_size=20),
    )
    def ask(folder: str, name: str, query: str, cookie: str) -> None:
        path = folder + quote(name, safe="/") + "?" + quote(query, safe="=&")
        told = door.get(path, headers={"Cookie": f"facefind_guest_{door.port}={quote(cookie)}"}, allow_redirects=False)
        assert told.status_code < 500

    @ONCE_OPENED
    @given(token=TEXT, pin=st.binary(max_size=200), kind=st.sampled_from(["application/json", "text/plain", ""]) | TEXT)
    def guess(token: str, pin: bytes, kind: str) -> None:
        kind = kind.encode("ascii", "ignore").decode().strip("\r\n \t\x00") or "application/x-www-form-urlencoded"
        headers = {"Content-Type": "".join(letter for letter in kind if letter.isprintable())}
        assert door.post("/l/" + quote(token, safe=""), data=pin, headers=headers).status_code < 500

    ask()
    guess()
