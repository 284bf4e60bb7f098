"""`facefind serve`: where it answers, and what it refuses before it answers anybody."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from starlette.applications import Starlette

from facefind_pipeline import home as homes
from facefind_pipeline.cli.serve import _serve, make_site, read_certificate
from facefind_pipeline.cli.serve_links import Until
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.vision.models import Model
from facefind_pipeline.web import serving
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind
from facefind_pipeline_tests.dev_server import COMMAND, PATIENCE_S
from facefind_pipeline_tests.web.doors import JSON


@contextmanager
def served(output: Path, *arguments: str) -> Iterator[str]:
    """Runs the command until the end, by Ctrl-C; yields what it printed until it answers."""
    with output.open("wb") as printing:
        process = subprocess.Popen([COMMAND, "serve", *arguments], stdout=printing, stderr=printing)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "yours" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        yield output.read_text()
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(30)
    assert code == 0, output.read_text()


def free_port() -> str:
    """One of loopback that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def test_the_printed_address_opens_for_whoever_has_its_token(
    filled: Path, settings: Settings, selfie_file: Path, tmp_path: Path, facefind: Facefind
) -> None:
    port = free_port()
    with served(tmp_path / "printed", "--port", port, "--params", SMALL_SET) as printed:
        (address,) = re.findall(r"http://127\.0\.0\.1:\S+", printed)
        assert address.startswith(f"http://127.0.0.1:{port}/?token=")
        assert requests.get(f"http://127.0.0.1:{port}/selfie", timeout=60).status_code == 401
        browser = requests.Session()
        assert browser.get(address, timeout=60).url == f"http://127.0.0.1:{port}/"
        found = browser.post(
            f"http://127.0.0.1:{port}/selfie",
            files={"picture": selfie_file.read_bytes()},
            headers=JSON,
            timeout=60,
        )
        assert len(found.json()["photos"]) == 3
        assert sys.platform != "linux" or _listens(int(port)) == {"127.0.0.1"}
        second = facefind("serve", "--port", free_port(), "--params", SMALL_SET)
        assert (second.exit_code, "`facefind serve` serves" in second.stderr) == (1, True)
        down = facefind("down")
        assert (down.exit_code, "`facefind serve` (process" in down.stderr) == (1, True)
    assert (settings.home / "serve.lock").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def selfie_file(reference: Path) -> Path:
    return reference


def _listens(port: int) -> set[str]:
    """The addresses at which some process listens on the port."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        place, state = line.split()[1], line.split()[3]
        address, _, number = place.partition(":")
        if state == "0A" and int(number, 16) == port:
            found.add(".".join(str(byte) for byte in reversed(bytes.fromhex(address))))
    return found


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--lan", "0.0.0.0"], 1, "every address at once"),
        (["--lan", "127.0.0.1", "--port", "{}"], 1, "no address of a private network"),
        (["--lan", "192.0.2.1"], 1, "no address of this machine"),
        (["--tls-cert", "a.pem", "--tls-key", "b.pem"], 2, "are for --lan"),
        (["--lan", "127.0.0.1", "--tls-cert", "a.pem"], 2, "together"),
        (["--params", "whole@imgbeddings"], 1, "whole@imgbeddings"),
    ],
)
def test_what_can_not_be_served_is_refused(facefind: Facefind, arguments: list[str], code: int, word: str) -> None:
    given = ["--port", free_port(), *(argument.format(free_port()) for argument in arguments)]
    refused = facefind("serve", *given)
    assert (refused.exit_code, word in refused.stderr) == (code, True), refused.stderr
    assert code == 2 or refused.stderr.count("\n") == 1


def test_without_the_model_that_hides_others_nothing_is_served(
    filled: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "find", lambda *_: None)
    with pytest.raises(FacefindError, match="model yunet is missing: run `facefind models pull yunet`"):
        make_site(settings, database, SMALL_SET, hide_others=True)


def test_what_fails_once_guests_are_served_ends_their_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(*_: object) -> None:
        raise FacefindError("the disk is full")

    monkeypatch.setattr(serving, "guests_app", lambda *_: Starlette())
    monkeypatch.setattr(serving, "host_app", lambda *_: Starlette())
    monkeypatch.setattr(homes, "write_private", no_home)
    with socket.create_server(("127.0.0.1", 0)) as host, socket.create_server(("127.0.0.1", 0)) as guests:
        address, unused = f"http://127.0.0.1:{guests.getsockname()[1]}/", cast("Any", None)
        with pytest.raises(FacefindError, match="the disk is full"):
            _serve(tmp_path, unused, unused, host, guests, address, None)
    assert "guests" not in {thread.name for thread in threading.enumerate()}


def test_links_are_made_listed_and_taken_back(
    filled: Path, settings: Settings, facefind: Facefind, tmp_path: Path
) -> None:
    refused = facefind("serve", "link", "Ada")
    assert (refused.exit_code, "`facefind serve --lan ADDRESS`" in refused.stderr) == (1, True)
    (settings.home / "serve.address").write_text("https://192.168.1.20:8080/")
    made = facefind("serve", "link", "Ada", "--pin", "--expires", "2w", "--qr", tmp_path / "ada.svg")
    assert re.fullmatch(r"https://192\.168\.1\.20:8080/l/[\w-]{43}\nPIN: \d{6}\n", made.stdout)
    assert (tmp_path / "ada.svg").read_text().startswith("<?xml")
    other = json.loads(facefind("serve", "link", "ada", "--json").stdout)
    assert (other["person"], other["pin"], other["link"]) == ("Ada", None, 2)
    assert facefind("serve", "unlink", "1").stdout == "link 1 is closed\n"
    rows = json.loads(facefind("serve", "links", "--json").stdout)
    assert [(row["link"], row["person"], row["state"], row["PIN"]) for row in rows] == [
        (1, "Ada", "closed", "yes"),
        (2, "Ada", "open", "no"),
    ]
    assert all(row["by"].endswith(", command") for row in rows)
    assert made.stdout.split("/l/")[1][:43] not in facefind("serve", "links").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["Ada", "--expires", "soon"], 2, "neither a duration"),
        (["Ada", "--expires", "2020-01-01"], 2, "is past"),
        (["Ada", "--expires", "0d"], 2, "is past"),
        (["Ada", "--qr", "ada.jpg"], 1, ".svg, .png or .pdf"),
        (["Ada", "--qr", "nowhere/ada.svg"], 1, "no folder"),
        (["Nobody"], 1, "no person 'nobody'"),
    ],
)
def test_a_link_that_can_not_be_made_is_refused(
    filled: Path, settings: Settings, facefind: Facefind, arguments: list[str], code: int, word: str
) -> None:
    (settings.home / "serve.address").write_text("https://192.168.1.20:8080/")
    refused = facefind("serve", "link", *arguments)
    assert (refused.exit_code, word in refused.stderr) == (code, True), refused.stderr
    assert facefind("serve", "links", "--json").stdout.strip() == "[]"


def test_a_link_that_is_not_there_is_not_taken_back(filled: Path, facefind: Facefind) -> None:
    refused = facefind("serve", "unlink", "7")
    assert (refused.exit_code, "no link 7" in refused.stderr) == (1, True)


def test_a_day_lasts_to_its_end() -> None:
    until = Until().convert("2100-06-30", None, None)
    assert until.astimezone().strftime("%Y-%m-%d %H:%M") == "2100-07-01 00:00"


def test_a_certificate_that_can_not_be_used_is_refused(facefind: Facefind, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate")
    for cert, word in (("gone.pem", "No such file"), ("no.pem", "no.pem")):
        with pytest.raises(FacefindError, match=word):
            read_certificate(str(tmp_path / cert), str(tmp_path / cert))
