"""The two dimensions: event days and parameter sets. The tables are the truth; Dagster's keys follow them."""

from collections.abc import Iterable

import dagster as dg

event_days = dg.DynamicPartitionsDefinition(name="event_day")
parameter_sets = dg.DynamicPartitionsDefinition(name="parameter_set")
day_sets = dg.MultiPartitionsDefinition({"event_day": event_days, "parameter_set": parameter_sets})


def day_set(event_day: str, parameter_set: str) -> dg.MultiPartitionKey:
    """The key of one day under one set."""
    return dg.MultiPartitionKey({"event_day": event_day, "parameter_set": parameter_set})


def sync_partitions(instance: dg.DagsterInstance, days: Iterable[str], sets: Iterable[str]) -> None:
    """Adds what Dagster lacks; never deletes, since runs in flight would fail."""
    for name, keys in (("event_day", days), ("parameter_set", sets)):
        known = set(instance.get_dynamic_partitions(name))
        missing = [key for key in keys if key not in known]
        if missing:
            instance.add_dynamic_partitions(name, missing)
