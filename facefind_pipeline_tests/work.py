"""Counts what runs did, by what the assets said of it."""

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database


class Work:
    """Counts what the runs since the last look did, by what the assets said of it."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._instance = open_instance(settings, database)
        self._seen: set[str] = set()

    def done(self) -> dict[str, int]:
        """Photos detected, faces embedded and described since the last call, and runs."""
        sums = {"photos_detected": 0, "faces_embedded": 0, "clothes_described": 0, "runs": 0}
        for record in self._instance.get_run_records(RunsFilter(statuses=[DagsterRunStatus.SUCCESS])):
            if record.dagster_run.run_id in self._seen:
                continue
            self._seen.add(record.dagster_run.run_id)
            sums["runs"] += 1
            events = self._instance.all_logs(
                record.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
            )
            for entry in events:
                assert entry.asset_materialization is not None
                for name, value in entry.asset_materialization.metadata.items():
                    if name in sums:
                        sums[name] += int(str(value.value))
        return sums
