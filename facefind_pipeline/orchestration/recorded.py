"""What Dagster recorded of the assets: the data version of each partition when it was last made."""

from collections.abc import Collection, Sequence

import dagster as dg
from dagster import DagsterEventType

from facefind_pipeline.orchestration.dagster_internals import DATA_VERSION_TAG
from facefind_pipeline.orchestration.partitions import day_set
from facefind_pipeline.plan.due import Recorded, Scope
from facefind_pipeline.plan.recipes import RECIPES, Kind


def recorded_versions(instance: dg.DagsterInstance, assets: Collection[str], scope: Scope) -> Recorded:
    """The data versions of these assets within the scope, for `plan.due`; partitions never made are missing."""
    return {asset: _versions(instance, dg.AssetKey(asset), RECIPES[asset].kind, scope) for asset in assets}


def _versions(instance: dg.DagsterInstance, key: dg.AssetKey, kind: Kind, scope: Scope) -> dict[str, str]:
    if kind is Kind.WHOLE:
        event = instance.get_latest_materialization_event(key)
        tags = event.asset_materialization.tags if event and event.asset_materialization else None
        return {"": tags[DATA_VERSION_TAG]} if tags and DATA_VERSION_TAG in tags else {}
    found = instance.event_log_storage.get_latest_tags_by_partition(
        key, DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG], _partitions(kind, scope)
    )
    return {partition: tags[DATA_VERSION_TAG] for partition, tags in found.items()}


def _partitions(kind: Kind, scope: Scope) -> Sequence[str] | None:
    """Keys of the scope's partitions; None is all."""
    if kind is Kind.DAY_SET:
        if scope.days is None or scope.sets is None:
            return None
        return [day_set(day, key) for day in scope.days for key in scope.sets]
    keys = scope.days if kind is Kind.DAY else scope.sets
    return None if keys is None else list(keys)
