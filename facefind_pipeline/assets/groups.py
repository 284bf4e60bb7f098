"""`face_groups`: everyone at the event under a parameter set, without any reference."""

import dagster as dg

from facefind_pipeline.assets.index import hnsw_index
from facefind_pipeline.orchestration.asset_tags import holds
from facefind_pipeline.orchestration.automation import aggregate_condition
from facefind_pipeline.orchestration.partitions import parameter_sets
from facefind_pipeline.orchestration.previews import columns_metadata, sheet_metadata, table_metadata
from facefind_pipeline.orchestration.resources import OWNERS, Workspace


@dg.asset(
    deps=[hnsw_index],
    partitions_def=parameter_sets,
    group_name="people",
    kinds={"python", "postgres"},
    tags=holds("faces", "names"),
    owners=OWNERS,
    automation_condition=aggregate_condition(),
)
def face_groups(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """Faces of one person together, named or not, by what the event's own distances mean.

    Two faces of one photo are never one person. What people said of groups holds: `facefind person name`, `same`,
    `different` and `leave-out`.
    """
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.publish.group_sheet import COLUMNS, group_tiles
    from facefind_pipeline.search.groups import groups_table, refresh_groups
    from facefind_pipeline.store.overview import days_missing

    key = context.partition_key
    grouped = refresh_groups(workspace.database, key)
    with workspace.database.connect() as connection:
        tiles = group_tiles(connection, key, grouped.shown)
    file = sheet_path(workspace.settings, key, "groups")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(grouped.version),
        metadata={
            "dagster/row_count": grouped.faces,
            "groups": grouped.groups,
            "groups_shown": len(grouped.shown),
            "groups_named": sum(group.named for group in grouped.shown),
            "largest_groups": table_metadata(groups_table(grouped.shown)),
            "event_days_missing": dg.MetadataValue.json(days_missing(workspace.database, key)),
            **columns_metadata(workspace.database, "group_faces"),
            **sheet_metadata(workspace.settings, tiles, file, title=f"Everyone, {key}", columns=COLUMNS),
        },
    )
