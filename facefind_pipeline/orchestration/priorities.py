"""Whose turn comes first in Dagster's queue: what a person launches, then sweeps, then what is asked for by itself.

Of equal runs the older goes first. What a person launches has no such tag, which to Dagster is 0.
"""

from facefind_pipeline.orchestration.dagster_internals import PRIORITY_TAG

SWEEP = {PRIORITY_TAG: "-1"}  # backfills of ours: many runs that were asked for at once
AUTOMATION = {PRIORITY_TAG: "-2"}  # of conditions, sensors and schedules
