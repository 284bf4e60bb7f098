"""What Dagster loads: all assets and jobs, bound to a workspace. Loading touches neither the database nor a model."""

from collections.abc import Mapping

import dagster as dg

from facefind_pipeline.assets import faces, index, photos, quality, references, results
from facefind_pipeline.orchestration.feedback import tell_of_photo
from facefind_pipeline.orchestration.jobs import JOBS
from facefind_pipeline.orchestration.resources import Workspace


def build_defs(resources: Mapping[str, object] | None = None) -> dg.Definitions:
    """The definitions; `resources` replace the default ones, as commands and tests do."""
    return dg.Definitions(
        assets=dg.load_assets_from_modules([photos, faces, index, references, results, quality]),
        jobs=[*JOBS, tell_of_photo],
        resources={"workspace": Workspace(), **(resources or {})},
        executor=dg.in_process_executor,  # a step of the multiprocess one costs 4 s here, and the work is threaded
    )


defs = build_defs()
