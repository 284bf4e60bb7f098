"""Backfills: everything that is missing, requested at once and shown in the UI as one."""

import logging
import time
from collections.abc import Collection, Mapping

import dagster as dg

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.faces import present_fingerprints
from facefind_pipeline.orchestration.dagster_internals import AssetGraphSubset, PartitionBackfill, make_new_backfill_id
from facefind_pipeline.orchestration.partitions import day_sets, event_days, parameter_sets
from facefind_pipeline.orchestration.priorities import SWEEP
from facefind_pipeline.orchestration.processes import WHY_TAG
from facefind_pipeline.orchestration.recorded import recorded_versions
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.plan.due import Scope, due, with_followers
from facefind_pipeline.store import parameter_sets as sets

_logger = logging.getLogger(__name__)

PARTITIONS = {
    "raw_photos": event_days,
    "detected_faces": day_sets,
    "face_embeddings": day_sets,
    "reference_embeddings": parameter_sets,
    "hnsw_index": parameter_sets,
    "search_results": parameter_sets,
    "face_groups": parameter_sets,
}

Missing = Mapping[str, Collection[str]]  # asset -> partition keys


def missing_partitions(
    instance: dg.DagsterInstance, workspace: Workspace, keys: Collection[str] | None = None
) -> Missing:
    """What is due of registered days and sets, and what follows from it.

    Args:
        instance: whose record counts beside the tables.
        workspace: whose tables.
        keys: parameter sets that somebody asked for: of these, what is stale is made again too. By default all active
            ones, and nothing that is stale.
    """
    with workspace.database.connect() as connection:
        active = [one.key for one in sets.registered(connection) if one.active and (keys is None or one.key in keys)]
    fingerprints = {}
    for key in active:
        try:
            fingerprints[key] = present_fingerprints(workspace.settings, ParameterSet.parse(key))
        except FacefindError as error:  # its model file is missing now; the other sets go on
            _logger.warning("%s is left out: %s", key, error)
    scope = Scope(sets=fingerprints)
    recorded = recorded_versions(instance, PARTITIONS, scope)
    asked = {} if keys is None else fingerprints
    with workspace.database.connect() as connection:
        steps = due(connection, PARTITIONS, scope, recorded=recorded, fingerprints=asked)
    missing: dict[str, list[str]] = {}
    for step in with_followers(steps, PARTITIONS, fingerprints):
        missing.setdefault(step.asset, []).append(step.partition)
    return missing


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
        tags={WHY_TAG: title, **SWEEP},  # the UI shows tags, on the backfill and its runs, but no titles
        dynamic_partitions_store=instance,
        asset_graph_subset=subset,
        title=title,
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill_id
