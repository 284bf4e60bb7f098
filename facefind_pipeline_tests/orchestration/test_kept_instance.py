"""All sensors of the code server look through one instance, whose connections are kept."""

import dagster as dg
import pytest

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.orchestration import kept_instance
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database


def test_no_sensor_opens_an_instance_of_its_own(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_instance, "_kept", [])
    repository = build_defs().get_repository_def()
    looked = set()
    with open_instance(settings, database) as instance:
        for sensor in repository.sensor_defs:
            context = dg.SensorEvaluationContext(
                instance.get_ref(),
                repository_name=repository.name,
                repository_def=repository,
                sensor_name=sensor.name,
                resources=repository.get_top_level_resources(),
            )
            with context:
                sensor.evaluate_tick(context)
                looked.add(id(context.instance))
    assert looked == {id(kept_instance._kept[0])}
    assert kept_instance._kept[0] is not instance
    kept_instance._kept[0].dispose()
