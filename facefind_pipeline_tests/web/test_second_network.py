"""`facefind serve --lan` as a phone in its network sees it: two network namespaces with a cable between them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET
from facefind_pipeline_tests.dev_server import COMMAND, PATIENCE_S
from facefind_pipeline_tests.web.test_guests import huge_png
from facefind_pipeline_tests.web.test_links import make_link

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("openssl")),
        reason="only root makes network namespaces, on Linux, with iproute2; and a certificate with openssl",
    ),
]

HOST, PHONE, PORT = "10.77.0.1", "10.77.0.2", 8080


@dataclass(frozen=True)
class Cable:
    """Two namespaces: the host's and the phone's."""

    host: str
    phone: str


@pytest.fixture
def cable() -> Iterator[Cable]:
    made = Cable(f"ffhost{os.getpid()}", f"ffphone{os.getpid()}")
    try:
        for name in (made.host, made.phone):
            _ip("netns", "add", name)
        _ip("link", "add", "veth0", "netns", made.host, "type", "veth", "peer", "name", "veth0", "netns", made.phone)
        for name, address in ((made.host, HOST), (made.phone, PHONE)):
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "veth0")
            _ip("-n", name, "link", "set", "veth0", "up")
        yield made
    finally:
        for name in (made.host, made.phone):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@pytest.mark.parametrize("with_certificate", [False, True], ids=["http", "https"])
def test_a_phone_reaches_guests_pages_alone_and_no_trick_gets_it_further(
    cable: Cable,
    filled: Path,
    settings: Settings,
    database: Database,
    selfie: bytes,
    tmp_path: Path,
    with_certificate: bool,
) -> None:
    tls = _certificate(tmp_path) if with_certificate else []
    printed = tmp_path / "printed"
    with printed.open("wb") as output:
        process = subprocess.Popen(
            ["ip", "netns", "exec", cable.host, COMMAND, "serve", "--lan", HOST, "--params", SMALL_SET, *tls],
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "guests'" not in printed.read_text():
            assert process.poll() is None, printed.read_text()
            assert time.monotonic() < deadline, printed.read_text()
            time.sleep(0.1)
        got = _ask(cable, database, selfie, tmp_path, printed.read_text())
        listening = subprocess.run(
            ["ip", "netns", "exec", cable.host, "ss", "-Htln"], check=True, capture_output=True, text=True
        ).stdout
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, printed.read_text()
    said = printed.read_text()
    assert ("warning: without --tls-cert" in said) == (not with_certificate)
    assert "Traceback" not in said
    assert {line.split()[3] for line in listening.splitlines()} == {f"127.0.0.1:{PORT}", f"{HOST}:{PORT}"}

    def refused(name: str, status: int, word: str) -> None:
        assert (got[name][0], word in got[name][1]) == (status, True), (name, got[name])

    assert got["the selfie page"][0] == 200
    assert (got["photos"], got["zip"]) == (3, "PK")
    assert got["secure cookie"] == with_certificate
    for path in ("people/ada", "people/ada/photos", "work", "graphql", "server_info"):
        refused(f"the host's {path}", 404, "There is no such page here")
    assert got["the host's POST"] == 404
    assert not got["loopback of the host"]
    assert not got["the port of Dagster's UI"]
    assert got["a link from another site"][0] == 200
    refused("a PIN from another site", 403, "Another site's page")
    refused("a selfie from another site", 403, "Another site's page")
    refused("100 MB", 413, "too large: a picture may have up to 30 MB")
    refused("900 megapixels", 422, "too large: 30000x30000")
    refused("..", 400, "leads nowhere")
    refused("%2e%2e", 400, "leads nowhere")
    refused("another host", 403, "This page is served as")
    refused("localhost", 403, "This page is served as")
    refused("an expired link", 410, "has expired")
    assert set(got["guesses"]) <= {403, 410, 429}
    assert got["each guess has a word"]
    assert got["the right PIN then"] in {410, 429}


def _ask(cable: Cable, database: Database, selfie: bytes, tmp_path: Path, printed: str) -> dict[str, Any]:
    (tmp_path / "selfie.jpg").write_bytes(selfie)
    (tmp_path / "huge.png").write_bytes(huge_png())
    (base,) = re.findall(r"guests': (\S+)", printed)
    (token,) = re.findall(r"token=(\S+)", printed)
    with_pin = make_link(database, with_pin=True)
    expired = make_link(database)
    with database.connect(vectors=False) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE guest_links SET expires_at = now() WHERE link = %s", [expired.number])
    questions = {
        "address": HOST,
        "port": PORT,
        "base": base,
        "certificate": str(tmp_path / "cert.pem") if base.startswith("https") else None,
        "host_cookie": f"facefind_{PORT}={token}",
        "selfie": str(tmp_path / "selfie.jpg"),
        "huge": str(tmp_path / "huge.png"),
        "link": make_link(database).token,
        "pin_link": with_pin.token,
        "pin": with_pin.pin,
        "expired": expired.token,
    }
    (tmp_path / "questions.json").write_text(json.dumps(questions))
    module = [sys.executable, "-m", "facefind_pipeline_tests.web.second_network", str(tmp_path / "questions.json")]
    root = Path(__file__).parents[2]
    asked = subprocess.run(
        ["ip", "netns", "exec", cable.phone, *module], cwd=root, check=False, capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr
    got: dict[str, Any] = json.loads(asked.stdout)
    return got


def _certificate(folder: Path) -> list[str]:
    """A certificate of the address, by itself; the options that name it."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={HOST} -addext subjectAltName=IP:{HOST}"
    subprocess.run([*command.split(), "-out", cert, "-keyout", key], check=True, capture_output=True)
    return ["--tls-cert", str(cert), "--tls-key", str(key)]
