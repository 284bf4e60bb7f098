"""The graph, and a daemon's part played by hand: what the conditions request is made, until they request nothing.

The plan is asked at each tick too: at the end it has asked for just what they requested, and is empty.
"""

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from facefind_pipeline.cli import stages
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.faces import present_fingerprints
from facefind_pipeline.orchestration.dagster_internals import make_new_run_id
from facefind_pipeline.orchestration.partitions import day_set, day_sets
from facefind_pipeline.orchestration.processes import process_tags
from facefind_pipeline.orchestration.recorded import recorded_versions
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.orchestration.sensors import registry_sync
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.plan.due import Scope, due
from facefind_pipeline.store import parameter_sets
from facefind_pipeline_tests.conftest import SMALL_SET
from facefind_pipeline_tests.orchestration.stale import stale_partitions

SECOND_SET = "haar-sf1.20-mn5-ms60@dlib"
CLIP_SET = SMALL_SET.replace("dlib", "imgbeddings")
FACES = ("detected_faces", "face_embeddings")
AUTOMATED = (
    *FACES,
    "reference_embeddings",
    "hnsw_index",
    "search_results",
    "face_groups",
    "evaluation",
    "sweep_report",
)
Requested = Set[tuple[str, str | None]]


class World:
    """The graph on an ephemeral instance, and what a daemon would do: evaluate, run what is requested, again."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._cursor: Any = None  # of Dagster, opaque

    def tick(self) -> dict[str | None, set[str]]:
        """Evaluates once; partition -> assets requested."""
        result = dg.evaluate_automation_conditions(
            defs=self.graph.definitions, instance=self.graph.instance, cursor=self._cursor
        )
        self._cursor = result.cursor
        requested: dict[str | None, set[str]] = {}
        for asset in AUTOMATED:
            for partition in result.get_requested_partitions(dg.AssetKey(asset)):
                requested.setdefault(partition, set()).add(asset)
        assert result.total_requested == sum(len(assets) for assets in requested.values())
        return requested

    def planned(self, assets: Sequence[str] = AUTOMATED, *, active: bool = True, asked: bool = False) -> Requested:
        """What the plan asks for.

        Args:
            assets: among these.
            active: of active sets alone.
            asked: as for somebody who asked for these sets, so that what is stale is too.
        """
        settings = self.graph.workspace.settings
        with self.graph.workspace.database.connect() as connection:
            sets = [one.key for one in parameter_sets.registered(connection) if one.active or not active]
            fingerprints = {key: present_fingerprints(settings, ParameterSet.parse(key)) for key in sets if asked}
            scope = Scope(sets=sets)
            recorded = recorded_versions(self.graph.instance, assets, scope)
            steps = due(connection, assets, scope, recorded=recorded, fingerprints=fingerprints)
        return {(step.asset, step.partition or None) for step in steps}

    def settle(self, *, beyond: Requested = frozenset()) -> Requested:
        """Ticks and runs until nothing is requested any more; what was requested, each as often as that.

        Args:
            beyond: what the plan asks for, to the end, and the conditions by design never request.
        """
        everything: list[tuple[str, str | None]] = []
        planned: set[tuple[str, str | None]] = set()
        for _ in range(10):
            planned |= self.planned()
            requested = self.tick()
            if not requested:
                assert len(everything) == len(set(everything)), "requested twice"
                assert planned == set(everything) | beyond
                assert self.planned() == beyond
                return set(everything)
            for partition, assets in requested.items():
                everything += [(asset, partition) for asset in assets]
                self.make(sorted(assets), partition)
        raise AssertionError(f"not settled after ten ticks: {everything}")

    def make(self, assets: Sequence[str], partition: str | None = None) -> None:
        """Runs as the daemon does: a failure is the run's."""
        with suppress(FacefindError):
            self.graph.materialize(assets, partition)

    def sensor(self, sensor: dg.SensorDefinition, cursor: str | None = None) -> dg.SensorResult:
        """What a tick of the sensor says."""
        context = dg.build_sensor_context(
            self.graph.instance, cursor=cursor, resources={"workspace": self.graph.workspace}
        )
        result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        return result

    def observe(self) -> None:
        """A tick of the sensor that observes fingerprints."""
        for event in self.sensor(registry_sync).asset_events:
            self.graph.instance.report_runless_asset_event(event)

    def stale(self) -> Requested:
        """Partitions of the faces that the UI shows as stale."""
        keys = list(day_sets.get_partition_keys(dynamic_partitions_store=self.graph.instance))
        return stale_partitions(self.graph.instance, self.graph.definitions, dict.fromkeys(FACES, keys))

    def start_and_kill(self, assets: Sequence[str], partition: str, tags: Mapping[str, str] | None = None) -> None:
        """A run that a process began which is there no more."""
        run_id = make_new_run_id()  # whose lock nobody holds
        job = self.graph.definitions.resolve_implicit_global_asset_job_def()
        run = self.graph.instance.create_run_for_job(
            job.get_subset(asset_selection={dg.AssetKey(asset) for asset in assets}),
            run_id=run_id,
            tags={**process_tags(run_id), "dagster/partition": partition, **(tags or {})},
            asset_selection=frozenset(dg.AssetKey(asset) for asset in assets),
        )
        self.graph.instance.report_dagster_event(
            dg.DagsterEvent(DagsterEventType.PIPELINE_START.value, job.name), run.run_id
        )

    def report_made(self, asset: str, partition: str) -> None:
        """One of the assets of a run that goes on."""
        made = dg.AssetMaterialization(dg.AssetKey(asset), partition=partition)
        self.graph.instance.report_runless_asset_event(made)

    def ingest(self, day: str) -> None:
        """What the sensor requests when a day's folder changed."""
        self.make(["raw_photos"], day)

    def register(self, folder: Path) -> None:
        """What the sensor requests for new folders."""
        stages.register_folder(self.graph, folder, None)
        self.graph.sync_partitions()

    def activate(self, key: str) -> None:
        """A set registered and activated, without a backfill."""
        stages.register_set(self.graph, key)
        self.graph.sync_partitions()


def faces(day: str, key: str = SMALL_SET) -> Requested:
    return {(asset, day_set(day, key)) for asset in FACES}


def search(key: str = SMALL_SET) -> Requested:
    return {("hnsw_index", key), ("face_groups", key), *results(key)}


def references(key: str = SMALL_SET) -> Requested:
    return {("reference_embeddings", key), *results(key)}


def first_search(key: str) -> Requested:
    """Of a set that has neither vectors nor references yet."""
    return {("reference_embeddings", key), ("search_results", key)}


def results(key: str) -> Requested:
    """Results, and what is said of them."""
    return {("search_results", key), ("evaluation", key), ("sweep_report", None)}
