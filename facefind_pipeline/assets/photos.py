"""`raw_photos`: the files of an event day."""

import dagster as dg

from facefind_pipeline.orchestration.partitions import event_days
from facefind_pipeline.orchestration.previews import sheet_metadata
from facefind_pipeline.orchestration.resources import Workspace


class RawPhotosConfig(dg.Config):
    """How thoroughly to look at the folder."""

    rehash: bool = False


@dg.asset(partitions_def=event_days, group_name="photos", kinds={"python", "postgres"})
def raw_photos(
    context: dg.AssetExecutionContext, config: RawPhotosConfig, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """One row per photo file of the day: path, SHA-256, size, orientation, time taken, place, camera.

    A file that can't be read is a row with the reason. Only new and changed files are read; `rehash` reads all. If the
    folder is missing, the day is marked unavailable and nothing is deleted.
    """
    from facefind_pipeline.ingest.photos import ingest_day
    from facefind_pipeline.ingest.sheets import photo_tiles, sheet_path
    from facefind_pipeline.store.photos import find_day

    key = context.partition_key
    progress = workspace.progress_for(context.log)
    with workspace.database.lock("raw_photos", key), workspace.database.connect() as connection:
        ingested = ingest_day(connection, find_day(connection, key), progress, rehash=config.rehash)
    tiles = photo_tiles(workspace.database, key)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(ingested.version),
        metadata={
            "dagster/row_count": ingested.photos,
            "files_read": ingested.read,
            "files_gone": ingested.gone,
            "unreadable": len(ingested.problems),
            "problems": dg.MetadataValue.json(ingested.problems),
            "folder_available": ingested.available,
            **sheet_metadata(tiles, sheet_path(workspace.settings, key, "photos"), title=key),
        },
    )
