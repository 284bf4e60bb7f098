"""What a phone in the event's network gets from `facefind serve --lan`, as JSON: run in a network namespace of its own.

python -m facefind_pipeline_tests.web.second_network QUESTIONS: a file that says whom to ask and with what.
"""

import http.client
import json
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import requests

from facefind_pipeline_tests.web.doors import JSON, PAGE

CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


class Phone:
    """Asks, and remembers what it got."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.address, self.port, self.base = asked["address"], asked["port"], asked["base"]
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy, and no certificates of this machine
        self.session.verify = asked["certificate"] or True
        self.got: dict[str, Any] = {}

    def remember(self, name: str, answer: requests.Response) -> requests.Response:
        self.got[name] = [answer.status_code, answer.text[:200]]
        return answer

    def get(self, name: str, path: str, **headers: str) -> requests.Response:
        return self.remember(name, self.session.get(self.base + path, headers=JSON | headers, timeout=60))

    def send(self, name: str, picture: bytes, **headers: str) -> requests.Response:
        files = {"picture": ("a.jpg", picture)}
        return self.remember(
            name, self.session.post(f"{self.base}selfie", files=files, headers=JSON | headers, timeout=120)
        )

    def raw(self, name: str, path: str, host: str) -> None:
        """A path as it is, under any name of the host."""
        if self.base.startswith("https"):
            context = ssl.create_default_context(cafile=self.asked["certificate"])
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self.address, self.port, context=context
            )
        else:
            connection = http.client.HTTPConnection(self.address, self.port)
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        self.got[name] = [answer.status, answer.read().decode()[:200]]

    def connects(self, name: str, address: str, port: int) -> None:
        try:
            with socket.create_connection((address, port), timeout=3):
                self.got[name] = True
        except OSError:
            self.got[name] = False


def ask(asked: dict[str, Any]) -> dict[str, Any]:
    """All questions in their order."""
    phone = Phone(asked)
    selfie = Path(asked["selfie"]).read_bytes()
    own = f"{phone.address}:{phone.port}"
    phone.get("the selfie page", "", **PAGE)
    found = phone.send("a selfie", selfie)
    phone.got["photos"] = len(found.json()["photos"])
    phone.got["zip"] = phone.session.get(f"{phone.base}found/photos.zip", timeout=60).content[:2].decode()
    phone.got["secure cookie"] = all(cookie.secure for cookie in phone.session.cookies)
    for path in ("people/ada", "people/ada/photos", "work", "graphql", "server_info"):
        phone.get(f"the host's {path}", path, Cookie=asked["host_cookie"])
    phone.got["the host's POST"] = phone.session.post(
        f"{phone.base}people/ada/said", json={"sha256": "00", "shown": True}, timeout=60
    ).status_code
    phone.connects("loopback of the host", "127.0.0.1", phone.port)
    phone.connects("the port of Dagster's UI", phone.address, 3000)
    phone.get("a link from another site", f"l/{asked['link']}", **CROSS_SITE)
    phone.remember(
        "a PIN from another site",
        phone.session.post(
            f"{phone.base}l/{asked['pin_link']}",
            data={"pin": "0"},
            headers=CROSS_SITE | {"Origin": "https://a.example"},
        ),
    )
    phone.send("a selfie from another site", selfie, Origin="https://a.example")
    phone.send("100 MB", bytes(100 * 2**20))
    phone.send("900 megapixels", Path(asked["huge"]).read_bytes())
    phone.raw("..", "/found/../../../etc/passwd", own)
    phone.raw("%2e%2e", "/static/%2e%2e/%2e%2e/guard.py", own)
    phone.raw("another host", "/", "photos.attacker.example")
    phone.raw("localhost", "/", f"localhost:{phone.port}")
    phone.get("an expired link", f"l/{asked['expired']}")
    guesses = [f"{number:06}" for number in range(1_001) if f"{number:06}" != asked["pin"]][:1_000]
    answers = [
        phone.session.post(f"{phone.base}l/{asked['pin_link']}", data={"pin": pin}, headers=JSON, timeout=60)
        for pin in guesses
    ]
    phone.got["guesses"] = sorted({answer.status_code for answer in answers})
    phone.got["each guess has a word"] = all(answer.json()["error"] for answer in answers)
    phone.got["the right PIN then"] = phone.session.post(
        f"{phone.base}l/{asked['pin_link']}", data={"pin": asked["pin"]}, headers=JSON, timeout=60
    ).status_code
    return phone.got


if __name__ == "__main__":
    print(json.dumps(ask(json.loads(Path(sys.argv[1]).read_text()))))
