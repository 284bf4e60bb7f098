"""`set_fingerprint`: what each parameter set's detector and embedder really are now; observed, never made."""

import dagster as dg

from facefind_pipeline.orchestration.partitions import parameter_sets
from facefind_pipeline.orchestration.resources import Workspace


@dg.observable_source_asset(
    partitions_def=parameter_sets,
    group_name="sets",
    description="Settings, library versions and SHA-256 of each model file, hashed. Where it changed, the set's faces "
    "show as stale: materialize them to detect and embed again with what is installed now.",
)
def set_fingerprint(workspace: dg.ResourceParam[Workspace]) -> dg.DataVersionsByPartition:
    """Of every registered set; a sensor looks too."""
    from facefind_pipeline.ingest.faces import present_versions

    return dg.DataVersionsByPartition(present_versions(workspace.database, workspace.settings))
