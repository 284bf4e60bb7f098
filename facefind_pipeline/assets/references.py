"""`reference_photos` and `reference_embeddings`: people to look for, and their vectors under each set."""

import dagster as dg

from facefind_pipeline.assets.fingerprints import set_fingerprint
from facefind_pipeline.orchestration.asset_tags import holds
from facefind_pipeline.orchestration.automation import reference_condition
from facefind_pipeline.orchestration.partitions import parameter_sets
from facefind_pipeline.orchestration.previews import columns_metadata, sheet_metadata, table_metadata
from facefind_pipeline.orchestration.resources import OWNERS, Workspace


@dg.asset(group_name="people", kinds={"python", "postgres"}, tags=holds("names", "photos"), owners=OWNERS)
def reference_photos(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """People and their reference photos, from the references folder and from the command.

    A photo that leaves the folder leaves the table; those that the command added stay.
    """
    from facefind_pipeline.ingest.references import store_references
    from facefind_pipeline.ingest.sheets import reference_photo_tiles

    version, counts = store_references(
        workspace.database, workspace.settings, workspace.incoming.references, context.log.warning
    )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": int(counts["references"].sum()),
            "people": len(counts),
            "references": table_metadata(counts),
            **columns_metadata(workspace.database, "reference_photos"),
            **sheet_metadata(
                workspace.settings,
                reference_photo_tiles(workspace.database),
                workspace.settings.sheets / "references.jpg",
                title="References",
            ),
        },
    )


@dg.asset(
    deps=[reference_photos, set_fingerprint],
    partitions_def=parameter_sets,
    group_name="people",
    kinds={"onnx", "postgres"},
    tags=holds("faces", "names", "vectors"),
    owners=OWNERS,
    automation_condition=reference_condition(),
)
def reference_embeddings(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """One vector per reference photo, of the one face in it; without exactly one it is left out, with the reason.

    And one of each box that somebody drew around a person whom no detector found. References that look unlike the
    person's others, or like another person's, are reported.
    """
    from facefind_pipeline.ingest.reference_vectors import embed_people, reference_report
    from facefind_pipeline.ingest.register import register_missing_set
    from facefind_pipeline.ingest.sheet_files import sheet_path
    from facefind_pipeline.ingest.sheets import reference_tiles
    from facefind_pipeline.search.likeness import doubts_of

    key = context.partition_key
    register_missing_set(workspace.database, workspace.settings, key)
    made = embed_people(workspace.database, workspace.settings, key, workspace.incoming.located)
    for problem in made.not_now:
        context.log.warning(problem)
    for doubt in doubts_of(workspace.database, key, {reference.person for reference in made.references}):
        context.log.warning(doubt.text)
    report = reference_report(workspace.database, key)
    tiles = reference_tiles(workspace.database, key)
    usable = int((report["problem"] == "").sum())
    return dg.MaterializeResult(
        data_version=dg.DataVersion(made.version),
        metadata={
            "dagster/row_count": usable,
            "embedded_now": len(made.references),
            "boxes_embedded_now": made.boxes,
            "left_out": len(report) - usable,
            "references": table_metadata(report),
            **columns_metadata(workspace.database, "reference_embeddings"),
            **sheet_metadata(
                workspace.settings, tiles, sheet_path(workspace.settings, key, "references"), title=f"References, {key}"
            ),
        },
    )
