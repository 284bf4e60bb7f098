"""Backfills: everything that is missing, requested at once and shown in the UI as one."""

import logging
import time
from collections.abc import Collection, Mapping

import dagster as dg

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.dagster_internals import AssetGraphSubset, PartitionBackfill, make_new_backfill_id
from facefind_pipeline.orchestration.due import due_aggregates, due_faces, recorded_versions, references_due
from facefind_pipeline.orchestration.partitions import day_set, day_sets, event_days, parameter_sets
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.store import parameter_sets as sets
from facefind_pipeline.store import photos

_logger = logging.getLogger(__name__)

PARTITIONS = {
    "raw_photos": event_days,
    "detected_faces": day_sets,
    "face_embeddings": day_sets,
    "reference_embeddings": parameter_sets,
    "hnsw_index": parameter_sets,
    "search_results": parameter_sets,
}

Missing = Mapping[str, Collection[str]]  # asset -> partition keys


def missing_partitions(
    instance: dg.DagsterInstance, workspace: Workspace, keys: Collection[str] | None = None
) -> Missing:
    """What registered days and active sets lack, and what follows from it.

    Args:
        instance: whose record counts beside the tables.
        workspace: whose tables.
        keys: only these parameter sets; all active ones by default.
    """
    with workspace.database.connect() as connection:
        days = [day for day in photos.days(connection) if day.available]
        active = [one.key for one in sets.registered(connection) if one.active and (keys is None or one.key in keys)]
    never_read = {day.key for day in days} - recorded_versions(instance, "raw_photos", [day.key for day in days]).keys()
    missing: dict[str, list[str]] = {asset: [] for asset in PARTITIONS}
    missing["raw_photos"] = sorted(never_read)
    for key in active:
        parameters = ParameterSet.parse(key)
        try:
            due = {day.key for day in due_faces(instance, workspace, days, parameters)} | never_read
        except FacefindError as error:  # its model file is missing now; the other sets go on
            _logger.warning("%s is left out: %s", key, error)
            continue
        pairs = [day_set(day, key) for day in sorted(due)]
        missing["detected_faces"] += pairs
        missing["face_embeddings"] += pairs
        if references_due(instance, workspace, parameters) or not recorded_versions(
            instance, "reference_embeddings", [key]
        ):
            missing["reference_embeddings"].append(key)
        for asset in ("hnsw_index", "search_results") if due else due_aggregates(instance, workspace, key):
            missing[asset].append(key)
    return {asset: partitions for asset, partitions in missing.items() if partitions}


def request_backfill(instance: dg.DagsterInstance, missing: Missing, title: str) -> str | None:
    """Requests the partitions as one backfill, which the daemon works off; returns its id, or None without any."""
    if not missing:
        return None
    subset = AssetGraphSubset(  # type: ignore[call-arg]  # its decorator hides the defaults
        partitions_subsets_by_asset_key={
            dg.AssetKey(asset): PARTITIONS[asset].subset_with_partition_keys(list(keys))
            for asset, keys in missing.items()
        },
    )
    backfill_id: str = make_new_backfill_id()
    backfill = PartitionBackfill.from_asset_graph_subset(
        backfill_id=backfill_id,
        backfill_timestamp=time.time(),
        tags={"facefind/why": title},  # the UI shows tags, on the backfill and its runs, but no titles
        dynamic_partitions_store=instance,
        asset_graph_subset=subset,
        title=title,
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill_id
