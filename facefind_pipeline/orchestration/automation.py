"""When the graph acts by itself: the conditions of its assets, and the sensor that evaluates them.

Plain `AutomationCondition.eager()` runs everything again when a day is ingested unchanged, goes past a check that
failed in another run, never makes an index again once one day has failed, and takes what came during a run for made by
it. These ask what changed instead, and the plan whether it is in what was made. Assets that have no condition (photos,
reference photos) are requested by sensors and commands alone.
"""

import time
from typing import Any

import dagster as dg

from facefind_pipeline.orchestration.dagster_internals import BulkActionsFilter, BulkActionStatus
from facefind_pipeline.orchestration.kept_instance import use_kept_instance
from facefind_pipeline.orchestration.priorities import AUTOMATION
from facefind_pipeline.orchestration.resources import Workspace

AC = dg.AutomationCondition
Condition = dg.AutomationCondition[Any]  # its own methods are typed for assets and for checks in turn

LOOK_AGAIN_S = 300  # however little happened
# A new library version or model file shows as stale and is acted on when someone asks, not by surprise.
NOT_FINGERPRINTS = dg.AssetSelection.assets("set_fingerprint")


class OfActiveSet(Condition):
    """Partitions of active parameter sets. What becomes due for others waits until they are activated."""

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "of_active_set"

    def evaluate(self, context: dg.AutomationContext[Any]) -> dg.AutomationResult[Any]:
        """Asks the tables, but only when something is due."""
        candidates = context.candidate_subset
        if candidates.is_empty:
            return dg.AutomationResult(context, candidates)
        from facefind_pipeline.store import parameter_sets

        with Workspace().database.connect() as connection:
            active = {one.key for one in parameter_sets.registered(connection) if one.active}
        keys = candidates.expensively_compute_partition_keys()
        due = {key for key in keys if key.rpartition("|")[2] in active}
        assert context.partitions_def is not None
        subset = context.asset_graph_view.get_subset_from_partition_keys(context.key, context.partitions_def, due)
        return dg.AutomationResult(context, subset)


class DueByPlan(Condition):
    """Partitions that the plan asks for: what they would be made from now is not what they were made from."""

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "due_by_plan"

    def evaluate(self, context: dg.AutomationContext[Any]) -> dg.AutomationResult[Any]:
        """Asks the tables, but only of partitions in question."""
        candidates = context.candidate_subset
        if candidates.is_empty:
            return dg.AutomationResult(context, candidates)
        from facefind_pipeline.plan.due import EVERYTHING, Scope, due

        scope = EVERYTHING
        if context.partitions_def is not None:
            keys = [key.rpartition("|") for key in candidates.expensively_compute_partition_keys()]
            scope = Scope(sets={key for *_, key in keys}, days={day for day, *_ in keys})
        with Workspace().database.connect() as connection:
            steps = due(connection, [context.key.to_user_string()], scope)
        if context.partitions_def is None:
            return dg.AutomationResult(context, candidates if steps else context.get_empty_subset())
        subset = context.asset_graph_view.get_subset_from_partition_keys(
            context.key, context.partitions_def, {step.partition for step in steps}
        )
        return dg.AutomationResult(context, candidates.compute_intersection(subset))


def detection_condition() -> Condition:
    """Of `detected_faces`: as `faces_condition`, once a run that makes both has ended.

    Between its two events it holds back the second alone, and the first would be requested without it: a photo that
    came meanwhile would be decoded to be detected, and again to be embedded.
    """
    ended = ~AC.asset_matches("face_embeddings", AC.in_progress())
    return (faces_condition() & ended).with_label("new, or the day's photos changed, and nothing at work on it")


def faces_condition() -> Condition:
    """Of `face_embeddings`: a partition that is new, or whose day's photos changed.

    A check that failed keeps its own day back alone.
    """
    changed = AC.any_deps_match(_changed() | AC.will_be_requested()).ignore(NOT_FINGERPRINTS)
    missing = AC.any_deps_missing().ignore(NOT_FINGERPRINTS)
    # Both assets are made in one run, in which the checks of the first can't have passed before.
    sound = AC.all_deps_match(AC.will_be_requested() | AC.all_checks_match(AC.check_passed(), blocking_only=True))
    free = ~AC.any_deps_in_progress() & ~AC.in_progress()
    return (_unhandled(changed | AC.newly_missing()) & ~missing & free & sound & OfActiveSet()).with_label(
        "new, or the day's photos changed"
    )


def report_condition() -> Condition:
    """Of `sweep_report`: what it is made from changed and has settled."""
    return (_unhandled(AC.any_deps_match(_changed())) & _settled()).with_label("something changed and has settled")


def aggregate_condition() -> Condition:
    """Of index, results and evaluation: what they are made from changed and has settled.

    Days that are missing or failed do not hold them up: they are made of what is there.
    """
    return (report_condition() & OfActiveSet()).with_label("something changed and has settled, of an active set")


def reference_condition() -> Condition:
    """Of `reference_embeddings`: as an aggregate, or a new set; without the latter that never got its references."""
    changed = AC.any_deps_match(_changed()).ignore(NOT_FINGERPRINTS)
    return (_unhandled(changed | AC.newly_missing()) & _settled() & OfActiveSet()).with_label(
        "new, or the references changed"
    )


def _unhandled(change: Condition) -> Condition:
    """Partitions that are due, and became so by this or are new since they were requested or made of what is there now.

    Dagster's `since_last_handled` takes a partition for handled once it is requested or made, also where the change
    came while the run was at work, or between the same two looks as its end: the run did not see it.
    """
    made = AC.newly_updated() & ~DueByPlan()
    handled = (AC.newly_requested() | made | AC.initial_evaluation()).with_label("handled")
    became_due = change & ~AC.initial_evaluation() & DueByPlan()
    return ~handled.since(became_due).with_label("handled since it became due") & DueByPlan()


def _changed() -> Condition:
    return AC.data_version_changed() & ~AC.executed_with_root_target()


def _settled() -> Condition:
    # Without `will_be_requested` a new set's results would run before its index.
    return ~AC.any_deps_in_progress() & ~AC.any_deps_match(AC.will_be_requested()) & ~AC.in_progress()


class AfterEvents(dg.AutomationConditionSensorDefinition):
    """Evaluates the conditions only when something happened since they last requested nothing.

    With 200 days and 40 sets a look at all partitions takes a second of a core, and there is one every ten seconds.
    """

    _seen: tuple[object, ...] | None = None
    _until = 0.0
    _idle = dg.SensorDefinition(
        name="idle", evaluation_fn=lambda _: dg.SkipReason("nothing happened since the conditions requested nothing")
    )

    def evaluate_tick(self, context: dg.SensorEvaluationContext) -> Any:
        """A tick of the daemon."""
        use_kept_instance(context)
        happened = _happened(context.instance)
        if happened == self._seen and time.monotonic() < self._until:
            return self._idle.evaluate_tick(context)
        made = super().evaluate_tick(context)
        self._seen = None if made.run_requests else happened
        self._until = time.monotonic() + LOOK_AGAIN_S
        return made


def _happened(instance: dg.DagsterInstance) -> tuple[object, ...]:
    """The number of the last event of any run or sensor; and of what is none, partitions and the ends of backfills."""
    partitions = [sorted(instance.get_dynamic_partitions(name)) for name in ("event_day", "parameter_set")]
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]))
    at_work = sorted(backfill.backfill_id for backfill in backfills)
    return (instance.event_log_storage.get_maximum_record_id(), partitions, at_work)


automation = AfterEvents(
    "automation",
    target=dg.AssetSelection.all(),
    description="Requests what the assets' conditions find due.",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=10,
    run_tags=AUTOMATION,
    use_user_code_server=True,  # `OfActiveSet` reads our tables
)
