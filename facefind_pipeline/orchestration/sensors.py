"""What the daemon looks for by itself: new days and people, partitions to register, runs of dead processes.

Each is a thin shell: a function of the domain says what is due, the sensor requests it.
"""

import inspect
import json
import time
from collections.abc import Callable
from typing import Any

import dagster as dg

from facefind_pipeline.orchestration.checks import INDEX_ADVICE, outdated_indexes
from facefind_pipeline.orchestration.dagster_internals import BACKFILL_ID_TAG, PARTITION_NAME_TAG, PRIORITY_TAG
from facefind_pipeline.orchestration.jobs import ASSET_JOBS, JOB_ASSETS, add_event_days, ingest_photos, read_references
from facefind_pipeline.orchestration.kept_instance import use_kept_instance
from facefind_pipeline.orchestration.partitions import (
    event_days,
    fingerprint_observation,
    parameter_sets,
    unregistered_partitions,
)
from facefind_pipeline.orchestration.priorities import AUTOMATION
from facefind_pipeline.orchestration.processes import RETRY_TAG, end_dead_runs
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.store.root_places import known_text

REGISTER_AGAIN_S = 600
# The cursor of `new_event_days`: how each day's folder looked, and what was reported. No event day is called so.
_STATES, _PROBLEMS = "states of days", "problems reported"


class _Sensor(dg.SensorDefinition):
    """Looks through the code server's own instance."""

    def evaluate_tick(self, context: dg.SensorEvaluationContext) -> Any:
        """A tick of the daemon."""
        use_kept_instance(context)
        return super().evaluate_tick(context)

    def with_attributes(self, **changed: Any) -> dg.SensorDefinition:
        """The copy that Dagster makes where it binds resources to a sensor's jobs, which else is of its own class."""
        copied = super().with_attributes(**changed)
        copied.__class__ = type(self)
        return copied


def _sensor(*, every_s: int, **targets: Any) -> Callable[[Callable[..., dg.SensorResult]], dg.SensorDefinition]:
    """A sensor that is on by default and that the UI describes by its docstring, as it does assets and checks."""

    def define(look: Callable[..., dg.SensorResult]) -> dg.SensorDefinition:
        return _Sensor(
            name=look.__name__,
            evaluation_fn=look,
            description=inspect.getdoc(look),
            minimum_interval_seconds=every_s,
            default_status=dg.DefaultSensorStatus.RUNNING,
            **targets,
        )

    return define


@_sensor(jobs=[add_event_days, ingest_photos], every_s=15)
def new_event_days(context: dg.SensorEvaluationContext, workspace: dg.ResourceParam[Workspace]) -> dg.SensorResult:
    """Looks at the folders that were given: registers new event days, reads days whose photos changed.

    Files that changed within ten seconds are left for the next look: they may still be copied.
    What can't be used is reported once.
    """
    from facefind_pipeline.ingest.photos import SETTLE_S
    from facefind_pipeline.ingest.watch import new_days, watch_days
    from facefind_pipeline.store import forgotten_days, photos

    requests, problems = [], []
    before = json.loads(context.cursor or "{}")
    with workspace.database.connect() as connection:
        known, roots = photos.days(connection), photos.roots(connection)
        forgotten = forgotten_days.folders(connection)
        watched = watch_days(connection, before.get(_STATES, {}))
    for root in roots:
        new, left_out = new_days(root, known, ignore=workspace.settings.ignore, forgotten=forgotten)
        problems += left_out
        if new:
            keys = " ".join(day.key for day in new)
            config = _config("register_event_days", folder=known_text(root), by_name=False)
            # The folder stays new until the run is done, so a key; with the time, so that one that failed comes again.
            key = f"{known_text(root)} {keys} {int(time.time()) // REGISTER_AGAIN_S}"
            requests.append(dg.RunRequest(key, job_name=add_event_days.name, run_config=config, tags=AUTOMATION))
    registered = set(context.instance.get_dynamic_partitions("event_day"))
    config = _config("raw_photos", settle_seconds=SETTLE_S)
    requests += [
        # Without a run key: Dagster would skip a day that came back to an earlier state. The cursor keeps from repeats.
        dg.RunRequest(job_name=ingest_photos.name, partition_key=day, run_config=config, tags=AUTOMATION)
        for day in watched.due
        if day in registered  # else `registry_sync` adds it, and the next look requests it
    ]
    for problem in problems:
        if problem not in before.get(_PROBLEMS, ()):
            context.log.warning(problem)
    states = {day: state for day, state in watched.states.items() if day in registered}
    return dg.SensorResult(requests, cursor=json.dumps({_STATES: states, _PROBLEMS: problems}))


@_sensor(job=read_references, every_s=15)
def new_people(context: dg.SensorEvaluationContext, workspace: dg.ResourceParam[Workspace]) -> dg.SensorResult:
    """Looks at the references folder: reads it when a picture came, went or changed."""
    from facefind_pipeline.ingest.watch import references_state

    state = references_state(workspace.settings.references)
    if state is None or state == context.cursor:
        return dg.SensorResult(skip_reason="no settled change in the references folder", cursor=context.cursor)
    return dg.SensorResult([dg.RunRequest(tags=AUTOMATION)], cursor=state)  # without a run key, as above


@_sensor(every_s=15)
def registry_sync(context: dg.SensorEvaluationContext, workspace: dg.ResourceParam[Workspace]) -> dg.SensorResult:
    """Adds the partitions that the tables have and Dagster lacks; observes fingerprints that changed."""
    from facefind_pipeline.ingest.faces import present_versions

    missing = unregistered_partitions(context.instance, workspace.database)
    definitions = {"event_day": event_days, "parameter_set": parameter_sets}
    before = json.loads(context.cursor or "{}")
    now = present_versions(workspace.database, workspace.settings)
    observations = [
        fingerprint_observation(key, version)
        for key, version in now.items()
        if before.get(key) != version and key not in missing["parameter_set"]
    ]
    observed = {key: version for key, version in now.items() if key not in missing["parameter_set"]}
    return dg.SensorResult(
        dynamic_partitions_requests=[
            definitions[name].build_add_request(keys) for name, keys in missing.items() if keys
        ],
        asset_events=observations,
        cursor=json.dumps(observed),
    )


@_sensor(jobs=ASSET_JOBS, every_s=30)
def dead_runs(context: dg.SensorEvaluationContext, workspace: dg.ResourceParam[Workspace]) -> dg.SensorResult:
    """Marks unfinished runs whose process died as failed, and requests what they were making once more."""
    if workspace.settings.broker_url:
        from facefind_pipeline.orchestration.hosts import look_after_runs

        look_after_runs(context.instance, workspace.database)
        return dg.SensorResult()
    requests = [retry(run) for run in end_dead_runs(context.instance, workspace.database)]
    return dg.SensorResult([request for request in requests if request is not None])


@_sensor(every_s=60)
def index_watch(context: dg.SensorEvaluationContext, workspace: dg.ResourceParam[Workspace]) -> dg.SensorResult:
    """Evaluates `index_is_current` when an index fell behind or caught up.

    The UI's own staleness goes blind past 100 partitions.
    """
    outdated = outdated_indexes(workspace)
    if context.cursor is not None and outdated == json.loads(context.cursor):
        return dg.SensorResult(skip_reason="no index fell behind or caught up", cursor=context.cursor)
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("hnsw_index"),
        check_name="index_is_current",
        passed=not outdated,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"what_to_do": INDEX_ADVICE if outdated else "nothing to do", "outdated": outdated},
    )
    return dg.SensorResult(asset_events=[evaluation], cursor=json.dumps(outdated))


SENSORS = [new_event_days, new_people, registry_sync, dead_runs, index_watch]


def retry(run: dg.DagsterRun) -> dg.RunRequest | None:
    """The request to make again what a dead run was making; None where there is nothing or it was a retry itself.

    A photo that kills the process whenever it is read would otherwise be tried for ever.
    """
    assets = {key.to_user_string() for key in run.asset_selection or ()}
    job = next((name for name, made in JOB_ASSETS.items() if assets and assets <= set(made)), None)
    if job is None or RETRY_TAG in run.tags:
        return None
    return dg.RunRequest(
        f"retry {run.run_id}",
        job_name=job,
        asset_selection=sorted(run.asset_selection or ()),
        partition_key=run.tags.get(PARTITION_NAME_TAG),
        run_config=run.run_config,
        tags={
            RETRY_TAG: run.run_id,
            **{key: run.tags[key] for key in (BACKFILL_ID_TAG, PRIORITY_TAG) if key in run.tags},
        },
    )


def _config(op: str, **values: object) -> dict[str, Any]:
    return {"ops": {op: {"config": values}}}
