"""Under `facefind dev`, with its daemon: a folder copied below a watched root leads to results, with no click."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dagster import DagsterRunStatus, RunsFilter

from facefind_pipeline.orchestration.daemon import daemon_lives
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind, Portraits
from facefind_pipeline_tests.store.rows import table

PATIENCE_S = 240


@pytest.mark.slow
def test_a_copied_folder_leads_to_results_by_itself(
    facefind: Facefind,
    event: Path,
    reference: Path,
    portraits: Portraits,
    dev: Callable[[], str],
    settings: Settings,
    database: Database,
    tmp_path: Path,
) -> None:
    assert facefind("run", event, "--params", SMALL_SET, "--reference", f"Ada={reference}").exit_code == 0
    new_day = tmp_path / "card" / "Day 3"
    new_day.mkdir(parents=True)
    portraits.hopper.crop((20, 20, 500, 580)).save(new_day / "late.jpg")
    dev()
    instance = open_instance(settings, database)
    began = time.monotonic()
    while not daemon_lives(instance):  # it is at work before the folder comes
        assert time.monotonic() - began < PATIENCE_S, (tmp_path / "dev.log").read_text()[-3000:]
        time.sleep(1)

    began = time.monotonic()
    shutil.copytree(new_day, event / "Day 3")
    while not any(match["photo"] == "Day 3/late.jpg" for match in _find(facefind)):
        assert time.monotonic() - began < PATIENCE_S, (tmp_path / "dev.log").read_text()[-3000:]
        time.sleep(1)
    while not _searched(database):
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(1)
    took = time.monotonic() - began

    records = instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.SUCCESS]))
    work = sum(
        (record.end_time or 0) - (record.start_time or 0) for record in records if _launched(record.dagster_run.tags)
    )
    print(f"\nfrom the copied folder to stored results: {took:.0f} s, of which runs {work:.1f} s")
    assert {record.dagster_run.status for record in instance.get_run_records()} == {DagsterRunStatus.SUCCESS}


def _find(facefind: Facefind) -> list[dict[str, object]]:
    matches: list[dict[str, object]] = json.loads(facefind("find", "Ada", "--json", "-n", 50).stdout)
    return matches


def _searched(database: Database) -> bool:
    with database.connect() as connection:
        return table(
            connection,
            """
            SELECT bool_and(s.vectors_version = p.vectors_version)
            FROM searches s JOIN parameter_sets p USING (parameter_set)
            """,
        ) == [(True,)]


def _launched(tags: dict[str, str]) -> bool:
    return "dagster/sensor_name" in tags or "dagster/backfill" in tags
