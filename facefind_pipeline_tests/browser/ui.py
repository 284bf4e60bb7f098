"""The pages of Dagster's UI that a person goes through, and what to do on them."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, TimeoutError, expect  # noqa: A004 - its own, not Python's

TRIES = 3


def open_launchpad(page: Page, address: str, job: str) -> None:
    """The launchpad of a job, once it has its text."""
    page.goto(f"{address}/locations/facefind_pipeline.definitions/jobs/{job}/playground")
    expect(page.get_by_text("No errors")).to_be_visible()


def launch(page: Page, address: str, job: str, partition: str | None = None) -> Locator:
    """Launches a job by its launchpad's text as it is; returns what the run's page says of the status."""
    open_launchpad(page, address, job)
    if partition:
        _choose_partition(page, partition)
    page.get_by_role("button", name="Launch Run").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}"))
    return run_status(page)


def _choose_partition(page: Page, partition: str) -> None:
    """Types it again where the list of partitions came later than the text: the UI then shows none that matches."""
    offered = page.get_by_role("menuitem", name=partition, exact=True).first
    for _ in range(TRIES):
        page.get_by_placeholder("Partition").fill("")
        page.get_by_placeholder("Partition").fill(partition)
        with suppress(TimeoutError):
            offered.click(timeout=20_000)
            return
    offered.click()


def run_status(page: Page) -> Locator:
    """What the page of a run says of its status."""
    return page.get_by_text(re.compile("^(Success|Failure|Canceled)$")).first


def materialize(page: Page, address: str, asset: str, partition: str) -> None:
    """As for a partition that failed: click it, `Materialize...`, `Launch 1 run`; then opens the run's page."""
    open_partitions(page, address, asset, partition)
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_role("button", name="Launch 1 run").click()
    page.get_by_role("link", name="View", exact=True).click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}"))


def launch_sweep(page: Page, address: str, parameter_sets: Sequence[str]) -> str:
    """Types the sets into the launchpad of `add_parameter_sets` and launches it; returns the backfill's id."""
    page.goto(f"{address}/locations/facefind_pipeline.definitions/jobs/add_parameter_sets/playground")
    page.locator(".CodeMirror").click()
    page.keyboard.press("ControlOrMeta+A")
    config = {"ops": {"register_parameter_sets": {"config": {"keys": list(parameter_sets)}}}}
    page.keyboard.insert_text(json.dumps(config))  # JSON is YAML that the editor does not indent by itself
    page.get_by_role("button", name="Launch Run").click()
    told = page.get_by_text(re.compile(r"^backfill \w+ requested$")).inner_text()
    return told.split()[1]


def open_backfill(page: Page, address: str, backfill: str) -> Locator:
    """The backfill's page, with the progress of each asset; returns what it says of the status."""
    page.goto(f"{address}/runs/b/{backfill}")
    return page.get_by_text("Status", exact=True).locator("..")


def open_partitions(page: Page, address: str, asset: str, partition: str | None = None) -> None:
    """The partitions of an asset, or one of them with its latest materialization."""
    chosen = {"partition": partition} if partition else {}
    page.goto(f"{address}/assets/{asset}?{urlencode({'view': 'partitions', **chosen})}")


def open_contact_sheet(page: Page) -> Locator:
    """The picture in the metadata of the materialization that is open."""
    return page.get_by_role("img", name="contact sheet")


def open_check(page: Page, address: str, asset: str, check: str) -> None:
    """The latest evaluation of an asset's check."""
    page.goto(f"{address}/assets/{asset}?{urlencode({'view': 'checks', 'checkDetail': check})}")


def open_graph(page: Page, address: str) -> None:
    """All assets, their groups opened."""
    page.goto(f"{address}/asset-groups")
    page.get_by_text("Hide navigation").click()
    page.get_by_text("sets", exact=True).first.wait_for()
    page.keyboard.press("Alt+e")
    page.reload()  # fits the opened groups into the window
    page.get_by_text("set_fingerprint").wait_for()
    expect(page.get_by_text("Loading...")).to_have_count(0)
