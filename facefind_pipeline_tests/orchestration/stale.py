"""What Dagster's UI shows as stale; its resolver has no public name, and no other test imports one from `dagster._`."""

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest


def stale_partitions(
    instance: dg.DagsterInstance, definitions: dg.Definitions, partitions: dict[str, list[str]]
) -> set[tuple[str, str]]:
    """Those of the given partitions, by asset, whose inputs changed since they were made."""
    resolver = CachingStaleStatusResolver(instance, definitions.resolve_asset_graph(), LoadingContextForTest(instance))
    return {
        (asset, key)
        for asset, keys in partitions.items()
        for key in keys
        if resolver.get_status(dg.AssetKey(asset), key) == StaleStatus.STALE
    }
