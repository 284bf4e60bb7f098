"""The two dimensions: event days and parameter sets. The tables are the truth; Dagster's keys follow them."""

import dagster as dg

from facefind_pipeline.orchestration.dagster_internals import (
    DATA_VERSION_TAG,
    MULTIDIMENSIONAL_PARTITION_PREFIX,
    PARTITION_NAME_TAG,
)
from facefind_pipeline.store import parameter_sets as sets
from facefind_pipeline.store import photos
from facefind_pipeline.store.database import Database

event_days = dg.DynamicPartitionsDefinition(name="event_day")
parameter_sets = dg.DynamicPartitionsDefinition(name="parameter_set")
day_sets = dg.MultiPartitionsDefinition({"event_day": event_days, "parameter_set": parameter_sets})


def day_set(event_day: str, parameter_set: str) -> dg.MultiPartitionKey:
    """The key of one day under one set."""
    return dg.MultiPartitionKey({"event_day": event_day, "parameter_set": parameter_set})


def unregistered_partitions(instance: dg.DagsterInstance, database: Database) -> dict[str, list[str]]:
    """What the tables have and Dagster lacks, by the dimension's name."""
    with database.connect() as connection:
        keys = {
            "event_day": [day.key for day in photos.days(connection)],
            "parameter_set": [registered.key for registered in sets.registered(connection)],
        }
    known = {name: set(instance.get_dynamic_partitions(name)) for name in keys}
    return {name: [key for key in keys[name] if key not in known[name]] for name in keys}


def fingerprint_observation(key: str, version: str) -> dg.AssetObservation:
    """What a set's detector and embedder were seen to be.

    Only what was seen before a partition was made can later make it stale.
    """
    return dg.AssetObservation("set_fingerprint", partition=key, tags={DATA_VERSION_TAG: version})


def forget_event_day(instance: dg.DagsterInstance, key: str) -> None:
    """Removes a day's partition, and the runs that made something of it alone, with the previews in their events."""
    for run in _runs_of(instance, "event_day", key):
        instance.delete_run(run.run_id)
    instance.delete_dynamic_partition("event_day", key)


def forget_parameter_set(instance: dg.DagsterInstance, key: str) -> None:
    """Removes a set's partition, and the runs that made something under it alone."""
    for run in _runs_of(instance, "parameter_set", key):
        instance.delete_run(run.run_id)
    instance.delete_dynamic_partition("parameter_set", key)


def _runs_of(instance: dg.DagsterInstance, dimension: str, key: str) -> list[dg.DagsterRun]:
    """Of a day or set alone, or of a day under a set."""
    tags = (PARTITION_NAME_TAG, f"{MULTIDIMENSIONAL_PARTITION_PREFIX}{dimension}")
    runs = {run.run_id: run for tag in tags for run in instance.get_runs(dg.RunsFilter(tags={tag: key}))}
    return list(runs.values())


def sync_with_tables(instance: dg.DagsterInstance, database: Database) -> None:
    """Adds what Dagster lacks; never deletes, since runs in flight would fail."""
    for name, missing in unregistered_partitions(instance, database).items():
        if missing:
            instance.add_dynamic_partitions(name, missing)
