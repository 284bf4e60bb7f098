"""The instance through which the code server's sensors look: Dagster opens one for each look, which costs more than it.

Opened once, it keeps its connections. Where a context comes with an instance, as in tests, that one stays.
"""

import threading

import dagster as dg

from facefind_pipeline.orchestration.dagster_internals import give_instance
from facefind_pipeline.orchestration.instance import keep_connections

_opening = threading.Lock()
_kept: list[dg.DagsterInstance] = []


def use_kept_instance(context: dg.SensorEvaluationContext) -> None:
    """Gives a sensor's look the instance of this process, opened at the first."""
    reference = context.instance_ref
    if reference is None:
        return
    with _opening:
        if not _kept or _kept[0].get_ref() != reference:
            _kept[:] = [dg.DagsterInstance.from_ref(reference)]
            keep_connections(_kept[0])
    give_instance(context, _kept[0])
