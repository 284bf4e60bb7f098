"""`facefind sweep` where no daemon is at work: it works its backfill off by itself."""

import json
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus, RunsFilter

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.backfills import request_backfill
from facefind_pipeline.orchestration.daemon import work_off
from facefind_pipeline.orchestration.dagster_internals import BACKFILL_ID_TAG, BulkActionStatus
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind
from facefind_pipeline_tests.work import Work

OTHER_SETS = "hog-up0-px{320,280}@dlib"


@pytest.mark.proof
def test_sets_are_filled_and_searched_by_one_backfill_with_nobody_else_at_work(
    facefind: Facefind, event: Path, reference: Path, settings: Settings, database: Database
) -> None:
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}").exit_code == 0
    work = Work(settings, database)
    alone = work.done()
    instance = open_instance(settings, database)

    swept = facefind("sweep", OTHER_SETS)

    assert swept.exit_code == 0, swept.stderr
    assert {line.split()[0] for line in swept.stdout.splitlines()} >= {"hog-up0-px280@dlib", "hog-up0-px320@dlib"}
    (backfill,) = instance.get_backfills()
    launched = instance.get_runs(RunsFilter(tags={BACKFILL_ID_TAG: backfill.backfill_id}))
    made = sum(len(run.asset_selection or ()) for run in launched)
    # Of each set faces and vectors of two days, index, references, results and groups.
    assert made == 2 * (2 * 2 + 4)
    assert f"{made} asset partitions to fill" in swept.stderr
    assert f" {made}/{made} " in swept.stderr
    assert {run.status for run in instance.get_runs()} == {DagsterRunStatus.SUCCESS}
    # Of each day the first run detects for the other set, whose run waits.
    assert work.done()["photos_detected"] == alone["photos_detected"]
    assert _detected_ahead(instance) == alone["photos_detected"]
    found = facefind("find", "Ada", "--params", "hog-up0-px320@dlib", "--json")
    assert json.loads(found.stdout)[0]["photo"] in {"Day 1/hopper.jpg", "Day 2/copy of hopper.jpg"}

    again = facefind("sweep", OTHER_SETS)
    assert again.exit_code == 0
    assert "nothing is missing" in again.stderr
    assert len(instance.get_backfills()) == 1
    assert facefind("sweep", "hog-up0-px240@dlib").exit_code == 0
    assert len(instance.get_backfills()) == 2


def _detected_ahead(instance: dg.DagsterInstance) -> int:
    """Photos that runs detected for other sets."""
    ahead = 0
    for run in instance.get_runs():
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            assert entry.asset_materialization is not None
            if (said := entry.asset_materialization.metadata.get("detected_ahead")) is not None:
                assert isinstance(said.value, dict)
                ahead += sum(said.value.values())
    return ahead


@pytest.mark.proof
def test_a_backfill_that_nobody_can_work_off_ends_with_the_log_that_says_why(
    facefind: Facefind, event: Path, settings: Settings, database: Database
) -> None:
    assert facefind("ingest", event).exit_code == 0
    instance = open_instance(settings, database)
    backfill = request_backfill(instance, {"detected_faces": ["day-1|hog-up0-px320@dlib"]}, "never")
    assert backfill is not None
    (settings.dagster_home / "dagster.yaml").write_text("storage: no storage\n", encoding="utf-8")
    with pytest.raises(FacefindError, match=r"can't be worked off: .*backfills.log says why"):
        work_off(instance, settings, backfill, lambda _: None)
    assert "storage" in (settings.dagster_home / "backfills.log").read_text(encoding="utf-8")
    ended = instance.get_backfill(backfill)
    assert ended is not None
    assert ended.status is BulkActionStatus.CANCELED
