"""What Dagster loads: assets, checks, jobs, schedules and sensors, bound to a workspace.

Loading touches neither the database nor a model.
"""

from collections.abc import Mapping

import dagster as dg

from facefind_pipeline.assets import faces, fingerprints, index, photos, quality, references, results
from facefind_pipeline.environment import close_new_files
from facefind_pipeline.orchestration.automation import automation
from facefind_pipeline.orchestration.checks import CHECKS
from facefind_pipeline.orchestration.clocks import shift_camera_clock
from facefind_pipeline.orchestration.days import forget_event_days, move_event_days
from facefind_pipeline.orchestration.feedback import record_feedback
from facefind_pipeline.orchestration.jobs import JOBS
from facefind_pipeline.orchestration.people import PEOPLE_JOBS
from facefind_pipeline.orchestration.resources import workspace
from facefind_pipeline.orchestration.schedules import nightly_reingestion
from facefind_pipeline.orchestration.sensors import SENSORS


def build_defs(resources: Mapping[str, object] | None = None) -> dg.Definitions:
    """The definitions; `resources` replace the default ones, as commands and tests do."""
    return dg.Definitions(
        assets=dg.load_assets_from_modules([photos, fingerprints, faces, index, references, results, quality]),
        asset_checks=CHECKS,
        jobs=[*JOBS, *PEOPLE_JOBS, record_feedback, shift_camera_clock, move_event_days, forget_event_days],
        schedules=[nightly_reingestion],
        sensors=[automation, *SENSORS],
        resources={"workspace": workspace, **(resources or {})},
        executor=dg.in_process_executor,  # a step of the multiprocess one costs 4 s here, and the work is threaded
    )


close_new_files()  # of runs and sensors; `dagster dev` may have been started from any shell
defs = build_defs()
