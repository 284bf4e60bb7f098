"""`raw_photos`: the files of an event day."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from facefind_pipeline.orchestration.asset_tags import holds
from facefind_pipeline.orchestration.partitions import event_days
from facefind_pipeline.orchestration.previews import columns_metadata, sheet_metadata
from facefind_pipeline.orchestration.resources import OWNERS, Workspace
from facefind_pipeline.path_text import printable

if TYPE_CHECKING:
    from facefind_pipeline.ingest.photos import Ingested


class RawPhotosConfig(dg.Config):
    """How thoroughly to look at the folder."""

    rehash: bool = Field(default=False, description="Read every file again, and retry those that failed.")
    settle_seconds: float = Field(default=0, description="Leave files alone that changed within so many seconds.")


@dg.asset(
    partitions_def=event_days,
    group_name="photos",
    kinds={"python", "postgres"},
    tags=holds("photos"),
    owners=OWNERS,
    # The nightly look at all days keeps it fresh; a policy judges the asset, not a partition.
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=36), warn_window=timedelta(hours=26)),
)
def raw_photos(
    context: dg.AssetExecutionContext, config: RawPhotosConfig, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """One row per photo file of the day: path, SHA-256, size, orientation, time taken, place, camera.

    A file that can't be read is a row with the reason, a damaged photo that can be used one with a note. Only what is
    new or changed, or has other sidecars, is read; `rehash` reads all. If the folder is missing or has no photos any
    more, the day is marked unavailable and nothing is deleted.
    """
    from facefind_pipeline.ingest.photos import ingest_day
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.ingest.sheets import photo_tiles
    from facefind_pipeline.store.photos import find_day
    from facefind_pipeline.store.tombstones import Tombstones

    key = context.partition_key
    with workspace.database.lock("raw_photos", key), workspace.database.connect() as connection:
        day = find_day(connection, key)
        ingested = ingest_day(
            *(connection, day, workspace.progress_for(context.log), Tombstones(workspace.settings.home)),
            rehash=config.rehash,
            settle_seconds=config.settle_seconds,
            looked=workspace.incoming.looks.get(key),
        )
    if ingested.unavailable:
        path = printable(str(day.path))
        context.log.warning(f"{path} {ingested.unavailable}: what is known of event day {key} is kept")
    for problem in ingested.left_out:
        context.log.warning(problem)
    sheet = sheet_path(workspace.settings, key, "photos")
    tiles = photo_tiles(workspace.database, key) if workspace.settings.draws_sheets else []  # reads sixty photos
    return dg.MaterializeResult(
        data_version=dg.DataVersion(ingested.version),
        metadata={
            **_found(ingested),
            **columns_metadata(workspace.database, "photos"),
            **sheet_metadata(workspace.settings, tiles, sheet, title=key),
        },
    )


def _found(ingested: "Ingested") -> Mapping[str, int | dg.MetadataValue]:
    """What the day's folder holds, and what came and went since it was read last."""
    return {
        "dagster/row_count": ingested.photos,
        "files_read": ingested.read,
        "files_gone": ingested.gone,
        "unreadable": len(ingested.problems),
        "problems": dg.MetadataValue.json(ingested.problems),
        "damaged_but_used": len(ingested.notes),
        "notes": dg.MetadataValue.json(ingested.notes),
        "left_out": dg.MetadataValue.json(list(ingested.left_out)),
        "other_files": dg.MetadataValue.json(dict(ingested.others)),
        "folder_available": ingested.unavailable is None,
    }
