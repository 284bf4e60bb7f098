"""The pages of Dagster's UI that a person goes through, and what to do on them."""

import json
import re
from collections.abc import Sequence
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect


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
    """The picture behind the link in the metadata of the materialization that is open."""
    page.get_by_text("[Show Markdown]").click()
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
