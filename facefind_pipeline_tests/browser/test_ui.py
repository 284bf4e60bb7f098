"""What a person sees who tries new settings in the UI: the launchpad, the backfill, the partitions, the faces."""

import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import expect

from facefind_pipeline_tests.browser import ui
from facefind_pipeline_tests.browser.chromium import NAMES, find_chromium, open_page
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind
from facefind_pipeline_tests.dev_server import Dev

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(find_chromium() is None, reason=f"no Chromium is installed: none of {', '.join(NAMES)}"),
]

DAYS = ("day-1", "day-2")
SWEPT = (SMALL_SET, "hog-up0-px480@dlib", "haar-sf1.20-mn5-ms60@dlib")
SWEEP_MS = 900_000  # at most, for a dozen runs


def test_a_sweep_from_the_launchpad_leads_to_partitions_with_contact_sheets(
    facefind: Facefind, event: Path, reference: Path, dev: Callable[[], Dev]
) -> None:
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}").exit_code == 0
    served = dev()
    address = served.address
    with open_page() as page:
        page.goto(served.printed)
        page.wait_for_url(f"{address}/asset-groups")  # the token is gone from the address
        backfill = ui.launch_sweep(page, address, SWEPT)
        status = ui.open_backfill(page, address, backfill)
        expect(status).to_contain_text(re.compile("Succeeded|Failed|Canceled"), timeout=SWEEP_MS)
        expect(status).to_contain_text("Succeeded")

        ui.open_partitions(page, address, "detected_faces")
        for state in (f"Materialized ({len(DAYS) * len(SWEPT)})", "Failed (0)", "Missing (0)"):
            expect(page.get_by_text(state)).to_be_visible()
        for parameter_set in SWEPT:
            ui.open_partitions(page, address, "detected_faces", f"{DAYS[0]}|{parameter_set}")
            expect(page.get_by_text("Materialized", exact=True)).to_be_visible()
            sheet = ui.open_contact_sheet(page)
            expect(sheet).to_be_visible()
            assert sheet.evaluate("picture => picture.naturalWidth") > 50

            ui.open_partitions(page, address, "search_results", parameter_set)
            expect(page.get_by_role("cell", name="Ada", exact=True)).to_be_visible()


ATTEMPTS = """async (address) => {
  const query = encodeURIComponent("mutation { reloadWorkspace { __typename } }");
  const image = new Promise(done => {
    const img = new Image();
    img.onload = () => done("loaded"); img.onerror = () => done("refused");
    img.src = `${address}/favicon.png?not-in-the-cache`;
  });
  const opens = new Promise(done => {
    const socket = new WebSocket(`${address.replace("http", "ws")}/graphql`, "graphql-ws");
    socket.onopen = () => done("opened"); socket.onerror = () => done("refused");
  });
  const text = {method: "POST", mode: "no-cors", credentials: "include", headers: {"Content-Type": "text/plain"}};
  await fetch(`${address}/graphql?query=${query}`, {mode: "no-cors", credentials: "include"});
  await fetch(`${address}/graphql`, {...text, body: JSON.stringify({query: "{ version }"})});
  return [await image, await opens];
}"""


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p>hello")


@pytest.fixture
def neighbour() -> Iterator[str]:
    """Another port of the same host, which is the same site: its pages' requests bring our cookie."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hello) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_page_of_another_port_sees_and_does_nothing_in_the_browser_that_is_let_in(
    dev: Callable[[], Dev], neighbour: str
) -> None:
    served = dev()
    answers: dict[tuple[str, str], int] = {}
    with open_page() as page:
        page.goto(served.printed)
        expect(page.get_by_text("Lineage").first).to_be_visible()
        page.on("response", lambda answer: answers.update({(answer.request.method, answer.url): answer.status}))
        page.goto(neighbour)
        assert any(cookie["name"] == f"facefind_{served.port}" for cookie in page.context.cookies(neighbour))
        assert page.evaluate(ATTEMPTS, served.address) == ["refused", "refused"]
        sent = {method: status for (method, url), status in answers.items() if "/graphql" in url}
        assert sent == {"GET": 403, "POST": 403}
        page.goto(f"{served.address}/assets")  # and the browser is still let in
        expect(page.get_by_text("Lineage").first).to_be_visible()
