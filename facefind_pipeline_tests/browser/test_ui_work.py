"""What a person does in the UI beside sweeps, as `docs/operations.md` says: days, failures, runs to stop, jobs."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from playwright.sync_api import Page, expect

from facefind_pipeline.definitions import defs
from facefind_pipeline.ingest.faces import present_fingerprints
from facefind_pipeline.orchestration.jobs import JOB_ASSETS
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.browser import ui
from facefind_pipeline_tests.browser.chromium import NAMES, find_chromium, open_page
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.dev_server import PATIENCE_S, Dev

pytestmark = [
    pytest.mark.proof,
    pytest.mark.skipif(find_chromium() is None, reason=f"no Chromium is installed: none of {', '.join(NAMES)}"),
]

PARTITIONS = {"ingest_photos": "day-1", "fill_day": f"day-1|{SMALL_SET}", "search_set": SMALL_SET}
MOVE = "move_event_days"  # its example is of a folder that was renamed
SLOW_SET, MANY = "hog-up1-px1000@dlib", 60


@pytest.fixture
def page(filled: Path, dev: Callable[[], Dev]) -> Iterator[tuple[Page, str]]:
    """The UI of a home that was searched for Ada, and its address."""
    assert filled.is_dir()
    served = dev()
    with open_page() as opened:
        opened.goto(served.printed)
        opened.wait_for_url(f"{served.address}/asset-groups")
        yield opened, served.address


def test_a_folder_that_is_copied_becomes_results(
    filled: Path, page: tuple[Page, str], portraits: Portraits, facefind: Facefind
) -> None:
    ui_page, address = page
    ui.open_partitions(ui_page, address, "search_results", SMALL_SET)
    row = ui_page.get_by_role("row", name="Ada").last  # of `matches`
    before = row.inner_text()
    (filled / "Day 3").mkdir()
    portraits.hopper_again().rotate(2).save(filled / "Day 3" / "live.jpg", quality=93)
    _until(
        lambda: ui.open_partitions(ui_page, address, "detected_faces", f"day-3|{SMALL_SET}"),
        lambda: ui_page.get_by_text("Materialized", exact=True).is_visible(),
    )
    _until(
        lambda: ui.open_partitions(ui_page, address, "search_results", SMALL_SET),
        lambda: row.is_visible() and row.inner_text() != before,
    )
    assert "live.jpg" in facefind("find", "Ada").stdout


def test_a_partition_that_failed_is_made_once_what_was_wrong_is_mended(
    filled: Path, clip_model: Path, facefind: Facefind, dev: Callable[[], Dev]
) -> None:
    assert filled.is_dir()
    parameter_set = "haar-sf1.20-mn5-ms60@imgbeddings"
    for command in (("add", parameter_set), ("deactivate", parameter_set)):
        assert facefind("params", *command).exit_code == 0
    away = clip_model.rename(clip_model.with_suffix(".away"))
    served = dev()
    partition = f"day-1|{parameter_set}"
    with open_page() as ui_page:
        ui_page.goto(served.printed)
        ui.materialize(ui_page, served.address, "face_embeddings", partition)
        expect(ui.run_status(ui_page)).to_have_text("Failure")
        run = ui_page.url
        ui_page.goto(f"{served.address}/runs")
        ui_page.get_by_text("Failed", exact=True).first.click()
        ui_page.locator(f"a[href='/runs/{run.rpartition('/')[2]}']").first.click()
        expect(ui_page.get_by_text(str(clip_model)).first).to_be_visible()  # the error says which file is missing
        ui.open_partitions(ui_page, served.address, "face_embeddings", partition)
        expect(ui_page.get_by_text("Failed (1)")).to_be_visible()

        away.rename(clip_model)
        ui.materialize(ui_page, served.address, "face_embeddings", partition)
        expect(ui.run_status(ui_page)).to_have_text("Success")
        ui.open_partitions(ui_page, served.address, "face_embeddings", partition)
        expect(ui_page.get_by_text("Failed (0)")).to_be_visible()


def test_a_run_that_is_terminated_is_canceled_and_keeps_its_finished_photos(
    filled: Path,
    facefind: Facefind,
    dev: Callable[[], Dev],
    settings: Settings,
    database: Database,
    portraits: Portraits,
) -> None:
    large = portraits.hopper.resize((1000, 1172), Image.Resampling.BICUBIC)
    (filled / "Day 3").mkdir()
    for number in range(MANY):
        large.crop((number, 0, 900 + number, 1172)).save(filled / "Day 3" / f"{number}.jpg", quality=92)
    for command in (("ingest", filled), ("params", "add", SLOW_SET), ("params", "deactivate", SLOW_SET)):
        assert facefind(*command).exit_code == 0
    served = dev()
    with open_page() as ui_page:
        ui_page.goto(served.printed)
        ui.materialize(ui_page, served.address, "detected_faces", f"day-3|{SLOW_SET}")
        expect(ui_page.get_by_text(re.compile(rf": [1-9]\d* of {MANY}$")).first).to_be_visible(
            timeout=PATIENCE_S * 1000
        )
        ui_page.get_by_role("button", name=re.compile("Terminate$")).click()  # its icon has a name too
        ui_page.get_by_role("button", name="Terminate 1 run").click()
        ui_page.get_by_role("button", name="Done").click()
        expect(ui.run_status(ui_page)).to_have_text("Canceled")
        ui.open_partitions(ui_page, served.address, "detected_faces", f"day-3|{SLOW_SET}")
        expect(ui_page.get_by_text("Materialized", exact=True)).to_have_count(0)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM detections JOIN photos USING (sha256)"
            " WHERE event_day = 'day-3' AND detector_fingerprint = %s",
            [present_fingerprints(settings, ParameterSet.parse(SLOW_SET)).detector],
        )
        (kept,) = cursor.fetchone() or (0,)
    assert 0 < kept < MANY


def test_each_jobs_launchpad_opens_with_an_example_that_works(
    filled: Path, facefind: Facefind, dev: Callable[[], Dev], portraits: Portraits
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "NIKON D750"
    portraits.hopper.rotate(1).save(filled / "Day 2" / "camera.jpg", exif=exif)
    for command in (("run", filled), ("person", "add", "Bob", filled / "Day 2" / "collins.png"), ("who",)):
        done = facefind(*command)
        assert done.exit_code == 0, done.stderr
    served = dev()
    names = [job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")]
    with open_page() as ui_page:
        ui_page.goto(served.printed)
        for name in (name for name in names if name != MOVE):
            status = ui.launch(ui_page, served.address, name, PARTITIONS.get(name))
            expect(status, name).to_have_text("Success")
        (filled / "Day 1").rename(filled / "Day 1-renamed")
        expect(ui.launch(ui_page, served.address, MOVE)).to_have_text("Success")
    assert set(PARTITIONS) <= set(JOB_ASSETS)
    assert facefind("person", "show", "Ada").exit_code == 0  # since nobody agreed to remove her


def _until(look: Callable[[], None], reached: Callable[[], bool]) -> None:
    """Looks at a page again and again until it shows what is waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        look()
        shown = time.monotonic() + 5
        while time.monotonic() < shown:
            if reached():
                return
            time.sleep(0.5)
        assert time.monotonic() < deadline
