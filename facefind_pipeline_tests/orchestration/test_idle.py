"""What the daemon leaves alone while nothing happens: conditions are looked at after events, partitions, backfills."""

import dagster as dg
import pytest

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.orchestration import automation as automation_module
from facefind_pipeline.orchestration.automation import automation

SKIPPED = "nothing happened since the conditions requested nothing"


def test_conditions_are_evaluated_only_after_something_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automation, "_seen", None)
    repository = build_defs().get_repository_def()
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = None

        def skipped() -> bool:
            nonlocal cursor
            context = dg.build_sensor_context(instance, cursor=cursor, repository_def=repository)
            made = automation.evaluate_tick(context)
            cursor = made.cursor
            return made.skip_message == SKIPPED

        assert [skipped() for _ in range(3)] == [False, True, True]
        before = cursor
        instance.add_dynamic_partitions("event_day", ["monday"])
        assert [skipped() for _ in range(2)] == [False, True]
        assert cursor != before
        instance.report_runless_asset_event(dg.AssetMaterialization("raw_photos", partition="monday"))
        assert [skipped() for _ in range(2)] == [False, True]
        monkeypatch.setattr(automation_module.time, "monotonic", lambda: float("inf"))
        assert not skipped()
