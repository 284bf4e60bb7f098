"""`detected_faces` and `face_embeddings`: one pass over a day's photos under a parameter set."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from facefind_pipeline.assets.fingerprints import set_fingerprint
from facefind_pipeline.assets.photos import raw_photos
from facefind_pipeline.orchestration.asset_tags import holds
from facefind_pipeline.orchestration.automation import detection_condition, faces_condition
from facefind_pipeline.orchestration.partitions import day_sets
from facefind_pipeline.orchestration.previews import columns_metadata, sheet_metadata
from facefind_pipeline.orchestration.resources import CORES, OWNERS, Workspace
from facefind_pipeline.orchestration.waiting import waiting_sets

if TYPE_CHECKING:
    from facefind_pipeline.ingest.found_faces import Filled

DETECTED, EMBEDDED = dg.AssetKey("detected_faces"), dg.AssetKey("face_embeddings")


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            DETECTED,
            deps=[raw_photos, set_fingerprint],
            partitions_def=day_sets,
            automation_condition=detection_condition(),
            owners=OWNERS,
            group_name="faces",
            kinds={"opencv", "postgres"},
            tags=holds("faces"),
            description="The faces of each photo under the set's detector, with score, landmarks and thumbnail.",
        ),
        dg.AssetSpec(
            EMBEDDED,
            deps=[DETECTED],
            partitions_def=day_sets,
            automation_condition=faces_condition(),
            owners=OWNERS,
            group_name="faces",
            kinds={"onnx", "postgres"},
            tags=holds("vectors"),
            description="One vector per face, in the set's partition of `embeddings`.",
        ),
    ],
    can_subset=True,
    pool=CORES,
)
def faces(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> Iterator[dg.MaterializeResult[None]]:
    """Reads, decodes, detects, crops and embeds each photo once, only where the tables do not know it yet.

    The clothes below each face are described from the same pixels. So are its faces under other sets whose runs of the
    same event day wait in the queue: these find the photo known.
    """
    from facefind_pipeline.ingest.faces import fill
    from facefind_pipeline.ingest.register import register_missing_set
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.ingest.sheets import day_tiles

    assert isinstance(context.partition_key, dg.MultiPartitionKey)
    keys = context.partition_key.keys_by_dimension
    day, parameter_set = keys["event_day"], keys["parameter_set"]
    database, settings = workspace.database, workspace.settings
    register_missing_set(database, settings, parameter_set)
    progress, embed = workspace.progress_for(context.log), EMBEDDED in context.selected_asset_keys
    ahead = waiting_sets(context.instance, day, {DETECTED, EMBEDDED})
    filled = fill(database, settings, day, parameter_set, progress, embed=embed, ahead=ahead)
    file = sheet_path(settings, parameter_set, "days", day)
    sheet = sheet_metadata(settings, day_tiles(database, day, parameter_set), file, title=f"{day}, {parameter_set}")
    if DETECTED in context.selected_asset_keys:
        columns = columns_metadata(database, "detected_faces")
        yield dg.MaterializeResult(
            asset_key=DETECTED,
            data_version=dg.DataVersion(filled.faces_version),
            metadata={**_detection(filled, parameter_set), **columns, **sheet},
        )
    if embed:
        columns = columns_metadata(database, "embeddings")
        yield dg.MaterializeResult(
            asset_key=EMBEDDED,
            data_version=dg.DataVersion(filled.embeddings_version),
            metadata={**_embedding(filled, parameter_set), **columns, **sheet},
        )


def _detection(filled: "Filled", parameter_set: str) -> Mapping[str, int | float | dg.MetadataValue]:
    """What the run detected, and how long that took."""
    per_photo = filled.faces / filled.photos if filled.photos else 0.0
    return {
        **_plotted(parameter_set, faces=filled.faces, faces_per_photo=round(per_photo, 3)),
        **_listed(
            photos=filled.photos,
            photos_decoded=filled.decoded,
            photos_detected=filled.detected,
            photos_known=filled.photos - filled.detected,
            clothes_described=filled.described,
            loading_seconds=round(filled.loading_seconds, 3),
            seconds=round(filled.seconds, 3),
            cpu_seconds=round(filled.cpu_seconds, 3),
        ),
        "detected_ahead": dg.MetadataValue.json(dict(filled.ahead)),
        "undecodable": dg.MetadataValue.json(filled.problems),
        "vanished": dg.MetadataValue.json(filled.vanished),
    }


def _embedding(filled: "Filled", parameter_set: str) -> Mapping[str, int | float | dg.MetadataValue]:
    """What the run embedded."""
    return {
        **_plotted(parameter_set, vectors=filled.faces),
        **_listed(faces_embedded=filled.embedded, taken_from_other_sets=filled.adopted, removed=filled.removed),
    }


def _plotted(parameter_set: str, **figures: float) -> Mapping[str, int | float]:
    """Numbers of a day under a set: the UI makes one plot of each name, over days and sets in turn without the set."""
    return {f"{name} [{parameter_set}]": value for name, value in figures.items()}


def _listed(**figures: float) -> Mapping[str, dg.MetadataValue]:
    """Numbers as text, of which the UI makes no plot."""
    return {name: dg.MetadataValue.text(str(value)) for name, value in figures.items()}
