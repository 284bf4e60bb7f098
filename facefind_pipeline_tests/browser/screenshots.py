"""Makes the docs' pictures of the UI: `python -m facefind_pipeline_tests.browser.screenshots FOLDER`."""

import os
from pathlib import Path

import click
from playwright.sync_api import Page, expect

from facefind_pipeline.cli.run import find_people
from facefind_pipeline.demo_event import compose
from facefind_pipeline.settings import read_settings
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline_tests.browser import ui
from facefind_pipeline_tests.browser.chromium import open_page
from facefind_pipeline_tests.dev_server import serve

IMAGES = Path(__file__).parents[2] / "docs" / "images"
FIRST_SET = "hog-up0-px1000@dlib"
SWEPT = ("hog-up0-px640@dlib", "hog-up0-px480@dlib", "haar-sf1.20-mn5-ms60@dlib")
DAY_WITH_A_BAD_FILE = "2024-06-16-vigo"
SWEEP_MS = 900_000  # at most


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, resolve_path=True))
def screenshots(folder: Path) -> None:
    """Composes the demo's event in FOLDER, sweeps three sets in the UI and writes `docs/images`.

    FOLDER is new or empty, so that there is something to sweep. The pictures show its name: choose a harmless one.
    """
    event = compose(folder)
    os.environ["FACEFIND_HOME"] = str(folder / ".facefind")
    find_people(event.photos, [(event.person, event.reference)], FIRST_SET)
    with serve(folder / "dev.txt") as dev, open_page() as page:
        address = dev.address
        page.goto(dev.printed)
        backfill = ui.launch_sweep(page, address, SWEPT)
        status = ui.open_backfill(page, address, backfill)
        # A moment at which parts of it are done tells more than its end.
        expect(page.get_by_text("100% completed").first).to_be_visible(timeout=SWEEP_MS)
        _take(page, "sweep")
        expect(status).to_contain_text("Succeeded", timeout=SWEEP_MS)

        ui.open_partitions(page, address, "detected_faces", f"{DAY_WITH_A_BAD_FILE}|{FIRST_SET}")
        expect(ui.open_contact_sheet(page)).to_be_visible()
        _take(page, "partitions")
        ui.open_partitions(page, address, "search_results", FIRST_SET)
        expect(ui.open_contact_sheet(page)).to_be_visible()
        _take(page, "contact-sheet")
        ui.open_check(page, address, "raw_photos", "all_photos_readable")
        expect(page.get_by_text("what_to_do")).to_be_visible()
        _take(page, "checks")
        ui.open_launchpad(page, address, "record_feedback")
        expect(page.get_by_role("button", name="Launch Run")).to_be_enabled()
        _take(page, "launchpad")
        page.set_viewport_size({"width": 1960, "height": 1160})
        ui.open_graph(page, address)
        _take(page, "graph")
    EmbeddedServer(read_settings().home).stop()


def _take(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    screenshots()
