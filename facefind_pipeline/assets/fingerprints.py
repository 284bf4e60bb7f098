"""`set_fingerprint`: what each parameter set's faces would be made by now; observed, never made."""

import dagster as dg

from facefind_pipeline.orchestration.asset_tags import holds
from facefind_pipeline.orchestration.partitions import parameter_sets
from facefind_pipeline.orchestration.resources import Workspace


@dg.observable_source_asset(
    partitions_def=parameter_sets,
    group_name="sets",
    metadata={  # `with_source_code_references` leaves out what is observed
        "dagster/code_references": dg.CodeReferencesMetadataValue(
            code_references=[dg.LocalFileCodeReference(file_path=__file__)]
        )
    },
    tags={**holds("fingerprints"), "dagster/kind/python": ""},
    description="Settings, library versions and SHA-256 of each model file, and the rules by which clothes are "
    "described, hashed. Where it changed, the set's faces show as stale: materialize them to make again, with what is "
    "installed now, what is made by another one.",
)
def set_fingerprint(workspace: dg.ResourceParam[Workspace]) -> dg.DataVersionsByPartition:
    """Of every registered set; a sensor looks too."""
    from facefind_pipeline.ingest.faces import present_versions

    return dg.DataVersionsByPartition(present_versions(workspace.database, workspace.settings))
