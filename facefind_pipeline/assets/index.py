"""`hnsw_index`: the approximate index of a parameter set."""

import dagster as dg

from facefind_pipeline.assets.faces import EMBEDDED
from facefind_pipeline.orchestration.asset_tags import holds
from facefind_pipeline.orchestration.automation import aggregate_condition
from facefind_pipeline.orchestration.partitions import parameter_sets
from facefind_pipeline.orchestration.previews import columns_metadata, sheet_metadata
from facefind_pipeline.orchestration.resources import OWNERS, Workspace


@dg.asset(
    deps=[EMBEDDED],
    partitions_def=parameter_sets,
    group_name="search",
    kinds={"postgres", "pgvector"},
    tags=holds("vectors"),
    owners=OWNERS,
    automation_condition=aggregate_condition(),
)
def hnsw_index(context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult[None]:
    """The set's index with its measured recall, or none where exact search is faster.

    A live index is kept while few rows changed since it was built; a new one is built beside it and takes its place.
    """
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.ingest.sheets import neighbour_tiles
    from facefind_pipeline.search.index import refresh
    from facefind_pipeline.store.overview import days_missing

    key = context.partition_key
    build = refresh(workspace.database, key, workspace.progress_for(context.log))
    missing = days_missing(workspace.database, key)
    tiles = neighbour_tiles(workspace.database, key)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(build.version),
        metadata={
            "method": str(build.kind),
            "dagster/row_count": build.rows,
            "recall_at_10": build.recall if build.recall is not None else 1.0,
            "index_bytes": build.bytes,
            "built_now": build.built,
            "build_seconds": round(build.seconds, 3),
            "event_days_missing": dg.MetadataValue.json(missing),
            **columns_metadata(workspace.database, "index_builds"),
            **sheet_metadata(
                workspace.settings,
                tiles,
                sheet_path(workspace.settings, key, "neighbours"),
                title=f"Neighbours, {key}",
                columns=8,
            ),
        },
    )
