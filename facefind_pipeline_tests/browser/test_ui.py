"""What a person sees who tries new settings in the UI: the launchpad, the backfill, the partitions, the faces."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from facefind_pipeline_tests.browser import ui
from facefind_pipeline_tests.browser.chromium import NAMES, find_chromium, open_page
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(find_chromium() is None, reason=f"no Chromium is installed: none of {', '.join(NAMES)}"),
]

DAYS = ("day-1", "day-2")
SWEPT = (SMALL_SET, "hog-up0-px480@dlib", "haar-sf1.20-mn5-ms60@dlib")
SWEEP_MS = 900_000  # at most, for a dozen runs


def test_a_sweep_from_the_launchpad_leads_to_partitions_with_contact_sheets(
    facefind: Facefind, event: Path, reference: Path, dev: Callable[[], str]
) -> None:
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}").exit_code == 0
    address = dev()
    with open_page() as page:
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
