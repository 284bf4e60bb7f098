"""Guests' pages under guests: one alone, then eight at once for a minute, on the demo's event.

    python -m bench.serve [--home HOME] [--seconds 60] [--clients 8] [--hide-others]

HOME is one that `facefind demo` or `run` made; without it the demo runs first. Each client sends a selfie of a phone's
size, loads the gallery's page and what that loads first: its data, and the thumbnails of a screen. Servers and clients
share the cores. Ends with exit code 1 if any answer was an error, or a warm selfie took 2 s or more.
"""

import argparse
import io
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import requests
from PIL import Image

from bench.measure import percentile
from facefind_pipeline.cli.serve import make_site
from facefind_pipeline.cli.workspace import open_reading
from facefind_pipeline.web.limits import Limits
from facefind_pipeline.web.serving import guests_app, make_server

WANTED_S = 2.0
PHONE = (3000, 3500)  # pixels of a selfie
THUMBNAILS = 12  # that a phone's screen shows at once
UNLIMITED = Limits(selfies=10**9, selfies_at_once=10**9)  # all clients have one address
FACEFIND = Path(sys.executable).with_name("facefind")


def main() -> int:
    """Reads the arguments, serves, asks and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--hide-others", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facefind-bench") as scratch:
        home = chosen.home
        if home is None:
            subprocess.run([FACEFIND, "demo", scratch], check=True, stdout=sys.stderr)
            home = Path(scratch) / ".facefind"
        os.environ["FACEFIND_HOME"] = str(home.absolute())
        with _served(hide_others=chosen.hide_others) as address:
            alone = [_visit(address, _selfie()) for _ in range(10)][1:]  # the first makes what is then in memory
            together = _together(address, chosen.clients, chosen.seconds)
        if chosen.home is None:
            subprocess.run([FACEFIND, "down"], check=True, stdout=sys.stderr)
    times = [seconds for seconds, _ in together]
    errors = [error for _, error in [*alone, *together] if error]
    warm = statistics.median(seconds for seconds, _ in alone)
    print(f"one guest, warm: selfie to page {warm:.2f} s (wanted: under {WANTED_S:.0f} s)")
    print(
        f"{chosen.clients} guests for {chosen.seconds:.0f} s: {len(times)} selfies, median "
        f"{statistics.median(times):.2f} s, p95 {percentile(times, 95):.2f} s, {len(errors)} errors"
    )
    for error in sorted(set(errors))[:5]:
        print(error)
    return int(bool(errors) or warm >= WANTED_S)


@contextmanager
def _served(*, hide_others: bool) -> Iterator[str]:
    settings, database = open_reading()
    site, _ = make_site(settings, database, None, hide_others=hide_others)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = make_server(guests_app(replace(site, limits=UNLIMITED), ["127.0.0.1"], port), None)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


def _together(address: str, clients: int, seconds: float) -> list[tuple[float, str]]:
    """Visits of clients that are processes of their own, until the time is over."""
    until = time.time() + seconds
    with multiprocessing.get_context("spawn").Pool(clients) as pool:
        visits = pool.starmap(_visit_until, [(address, until)] * clients)
    return [visit for of_client in visits for visit in of_client]


def _visit_until(address: str, until: float) -> list[tuple[float, str]]:
    selfie, visits = _selfie(), []
    while time.time() < until:
        visits.append(_visit(address, selfie))
    return visits


def _visit(address: str, selfie: bytes) -> tuple[float, str]:
    """Seconds from the selfie to the page with its data; and what went wrong."""
    with requests.Session() as guest:
        guest.trust_env = False
        started = time.monotonic()
        sent = guest.post(f"{address}/selfie", files={"picture": ("selfie.jpg", selfie)}, timeout=120)
        answers = [sent, guest.get(f"{address}/found/data/photos-0.js", timeout=120)]
        seconds = time.monotonic() - started
        listed = guest.get(f"{address}/found/", headers={"Accept": "application/json"}, timeout=120)
        thumbnails = [photo["thumbnail"] for photo in listed.json().get("photos", [])][:THUMBNAILS]
        answers += [listed, *(guest.get(f"{address}/found/{name}", timeout=120) for name in thumbnails)]
    wrong = [f"{one.status_code} {one.url}: {one.text[:100]}" for one in answers if one.status_code != 200]
    return seconds, wrong[0] if wrong else "" if thumbnails else "nothing was found"


def _selfie() -> bytes:
    """The portrait of the demo's person, as large as a phone takes it."""
    import matplotlib

    portrait = Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").convert("RGB")
    data = io.BytesIO()
    portrait.crop((60, 40, 470, 520)).resize(PHONE).save(data, "JPEG", quality=85)
    return data.getvalue()


if __name__ == "__main__":
    sys.exit(main())
