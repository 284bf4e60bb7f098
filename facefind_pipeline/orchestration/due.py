"""What is due: partitions that the tables, or Dagster's record of them, do not have as they would be made now."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import dagster as dg
from dagster import DagsterEventType

from facefind_pipeline.ingest import faces as ingest_faces
from facefind_pipeline.ingest import photos as ingest_photos
from facefind_pipeline.orchestration.dagster_internals import DATA_VERSION_TAG
from facefind_pipeline.orchestration.partitions import day_set
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.search import find, index, results
from facefind_pipeline.store import faces, feedback, parameter_sets, people, photos
from facefind_pipeline.store.photos import EventDay


def recorded_versions(instance: dg.DagsterInstance, asset: str, partitions: Sequence[str]) -> dict[str, str]:
    """The data version of each partition when it was last made; partitions never made are missing."""
    tags = instance.event_log_storage.get_latest_tags_by_partition(
        dg.AssetKey(asset), DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG], list(partitions)
    )
    return {partition: values[DATA_VERSION_TAG] for partition, values in tags.items()}


def due_photos(instance: dg.DagsterInstance, workspace: Workspace, days: Iterable[EventDay]) -> list[EventDay]:
    """Days where folder, tables and what Dagster recorded of `raw_photos` differ."""
    days = list(days)
    recorded = recorded_versions(instance, "raw_photos", [day.key for day in days])
    due = []
    for day in days:
        with workspace.database.connect() as connection:
            rows = photos.photos(connection, day.key)
        scan = ingest_photos.scan(day, rows)
        came_or_went = (scan.unavailable is None) != day.available
        if came_or_went or scan.changed or scan.gone or recorded.get(day.key) != photos.photos_version(rows.values()):
            due.append(day)
    return due


def due_faces(
    instance: dg.DagsterInstance, workspace: Workspace, days: Iterable[EventDay], parameters: ParameterSet
) -> list[EventDay]:
    """Days that lack faces or vectors under the set, or that Dagster does not know to be finished as they are."""
    days = list(days)
    recorded = recorded_versions(instance, "face_embeddings", [day_set(day.key, parameters.key) for day in days])
    due = []
    with workspace.database.connect() as connection:
        now = ingest_faces.present_partition(workspace.settings, "", parameters)
        for day in days:
            partition = replace(now, event_day=day.key)
            version = photos.photos_version(photos.photos(connection, day.key).values())
            current = faces.current_version(connection, partition, version)
            known = current is not None and recorded.get(day_set(day.key, parameters.key)) == current
            if not known or faces.photos_to_do(connection, partition):
                due.append(day)
    return due


def references_due(instance: dg.DagsterInstance, workspace: Workspace, parameters: ParameterSet) -> bool:
    """Whether the set has not tried a reference photo or a drawn box yet, or Dagster still shows one that is gone."""
    with workspace.database.connect() as connection:
        now = ingest_faces.present_partition(workspace.settings, "", parameters)
        version = people.reference_embeddings_version(connection, parameters.key)
        to_do = people.references_to_do(connection, parameters.key, now.detector, now.embedder)
        boxes = feedback.boxes_to_embed(connection, now.embedder)
    return bool(to_do or boxes) or _recorded(instance, "reference_embeddings", parameters.key) not in (None, version)


def due_aggregates(instance: dg.DagsterInstance, workspace: Workspace, key: str) -> list[str]:
    """Which of `hnsw_index` and `search_results` of a set are not of its present vectors and references."""
    with workspace.database.connect() as connection:
        chosen = parameter_sets.find(connection, key)
        index_version = index.present_version(connection, chosen)
        results_version = results.results_version(connection, key)
        searched = all(find.results_are_current(connection, chosen).values())
    assets = []
    if index_version is None or _recorded(instance, "hnsw_index", key) != index_version:
        assets.append("hnsw_index")
    if assets or not searched or _recorded(instance, "search_results", key) != results_version:
        assets.append("search_results")
    return assets


def _recorded(instance: dg.DagsterInstance, asset: str, partition: str) -> str | None:
    return recorded_versions(instance, asset, [partition]).get(partition)
