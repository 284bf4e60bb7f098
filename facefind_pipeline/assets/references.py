"""`reference_photos` and `reference_embeddings`: people to look for, and their vectors under each set."""

import dagster as dg
from pydantic import Field

from facefind_pipeline.orchestration.partitions import parameter_sets
from facefind_pipeline.orchestration.previews import sheet_metadata
from facefind_pipeline.orchestration.resources import Workspace


class NewReference(dg.Config):
    """A reference photo that the command adds."""

    name: str
    file: str
    largest: bool = False


class ReferencePhotosConfig(dg.Config):
    """Reference photos to add beside those of the references folder."""

    add: list[NewReference] = Field(default_factory=list)


@dg.asset(group_name="people", kinds={"python", "postgres"})
def reference_photos(
    config: ReferencePhotosConfig, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """People and their reference photos, from the references folder and from the command.

    A photo that leaves the folder leaves the table; those that the command added stay.
    """
    from facefind_pipeline.ingest.references import store_references

    version, counts = store_references(
        workspace.database, workspace.settings, [(new.name, new.file, new.largest) for new in config.add]
    )
    table = dg.MetadataValue.table([dg.TableRecord({"person": p.name, "references": n}) for p, n in counts])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={"dagster/row_count": sum(n for _, n in counts), "people": len(counts), "references": table},
    )


@dg.asset(deps=[reference_photos], partitions_def=parameter_sets, group_name="people", kinds={"onnx", "postgres"})
def reference_embeddings(
    context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]
) -> dg.MaterializeResult[None]:
    """A vector a reference photo, of the one face in it; one without exactly one face is left out with the reason."""
    from facefind_pipeline.ingest.references import embed_references, reference_report
    from facefind_pipeline.ingest.sheets import reference_tiles, sheet_path

    key = context.partition_key
    made = embed_references(workspace.database, workspace.settings, key)
    states, version = reference_report(workspace.database, key)
    tiles = reference_tiles(workspace.database, key)
    table = [
        dg.TableRecord(
            {"person": s.person.name, "file": s.filename, "found by": s.found_by or "", "problem": s.problem or ""}
        )
        for s in states
    ]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": sum(state.problem is None for state in states),
            "embedded_now": len(made),
            "left_out": sum(state.problem is not None for state in states),
            "references": dg.MetadataValue.table(table),
            **sheet_metadata(tiles, sheet_path(workspace.settings, key, "references"), title=f"References, {key}"),
        },
    )
