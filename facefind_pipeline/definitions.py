"""What Dagster loads: assets, checks, jobs, schedules and sensors, bound to a workspace.

Loading touches neither the database nor a model.
"""

from collections.abc import Mapping

import dagster as dg

from facefind_pipeline.assets import faces, fingerprints, groups, index, photos, quality, references, results
from facefind_pipeline.environment import close_new_files
from facefind_pipeline.orchestration.automation import automation
from facefind_pipeline.orchestration.checks import CHECKS
from facefind_pipeline.orchestration.clocks import shift_camera_clock
from facefind_pipeline.orchestration.days import DAY_JOBS
from facefind_pipeline.orchestration.feedback import record_feedback
from facefind_pipeline.orchestration.groups import GROUP_JOBS
from facefind_pipeline.orchestration.jobs import JOBS
from facefind_pipeline.orchestration.people import PEOPLE_JOBS
from facefind_pipeline.orchestration.record import delete_old_runs
from facefind_pipeline.orchestration.resources import workspace
from facefind_pipeline.orchestration.retention import forget_expired_days
from facefind_pipeline.orchestration.schedules import SCHEDULES
from facefind_pipeline.orchestration.sensors import SENSORS

ASSETS = [photos, fingerprints, faces, index, references, results, groups, quality]


def build_defs(resources: Mapping[str, object] | None = None) -> dg.Definitions:
    """The definitions; `resources` replace the default ones, as commands and tests do."""
    return dg.Definitions(
        assets=dg.with_source_code_references(dg.load_assets_from_modules(ASSETS)),
        asset_checks=CHECKS,
        jobs=[
            *JOBS,
            *PEOPLE_JOBS,
            *GROUP_JOBS,
            *DAY_JOBS,
            record_feedback,
            shift_camera_clock,
            delete_old_runs,
            forget_expired_days,
        ],
        schedules=SCHEDULES,
        sensors=[automation, *SENSORS],
        resources={"workspace": workspace, **(resources or {})},
        executor=dg.in_process_executor,  # a step of the multiprocess one costs 4 s here, and the work is threaded
    )


close_new_files()  # of runs and sensors; `dagster dev` may have been started from any shell
defs = build_defs()
