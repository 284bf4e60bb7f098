"""What the conditions request, tick by tick to rest, on the real graph: a test a line of the table in the docs."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterEventType
from PIL import ImageOps

from facefind_pipeline.cli import stages
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.ingest.references import read_reference
from facefind_pipeline.orchestration.partitions import day_set, day_sets
from facefind_pipeline.orchestration.processes import PID_TAG, process_tags
from facefind_pipeline.orchestration.resources import Incoming, Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.orchestration.sensors import RETRY_TAG, dead_runs, registry_sync
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits, Silence
from facefind_pipeline_tests.orchestration.stale import stale_partitions
from facefind_pipeline_tests.vision.clip_model import make_clip_model

SECOND_SET = "haar-sf1.20-mn5-ms60@dlib"
CLIP_SET = SMALL_SET.replace("dlib", "imgbeddings")
FACES = ("detected_faces", "face_embeddings")
AUTOMATED = (*FACES, "reference_embeddings", "hnsw_index", "search_results", "evaluation", "sweep_report")
Requested = set[tuple[str, str | None]]


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

    def to_rest(self) -> Requested:
        """Ticks and runs until nothing is requested any more; what was requested, each as often as that."""
        everything: list[tuple[str, str | None]] = []
        for _ in range(10):
            requested = self.tick()
            if not requested:
                assert len(everything) == len(set(everything)), "requested twice"
                return set(everything)
            for partition, assets in requested.items():
                everything += [(asset, partition) for asset in assets]
                self.make(sorted(assets), partition)
        raise AssertionError(f"no rest after ten ticks: {everything}")

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
        ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
        job = self.graph.definitions.resolve_implicit_global_asset_job_def()
        run = self.graph.instance.create_run_for_job(
            job.get_subset(asset_selection={dg.AssetKey(asset) for asset in assets}),
            tags=process_tags()
            | {PID_TAG: ended.stdout.decode().strip(), "dagster/partition": partition}
            | (tags or {}),
            asset_selection=frozenset(dg.AssetKey(asset) for asset in assets),
        )
        self.graph.instance.report_dagster_event(
            dg.DagsterEvent(DagsterEventType.PIPELINE_START.value, job.name), run.run_id
        )

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


@pytest.fixture
def photos(tmp_path: Path, portraits: Portraits) -> Path:
    """Two event days of small photos with a face each."""
    root = tmp_path / "photos"
    for name, picture in (("a", portraits.hopper), ("b", portraits.collins)):
        (root / name).mkdir(parents=True)
        picture.resize((320, 360)).save(root / name / f"{name}.jpg", quality=92)
    return root


@pytest.fixture
def world(database: Database, photos: Path, reference: Path) -> Iterator[World]:
    """Both days under one set, with one person: all made and at rest."""
    with dg.DagsterInstance.ephemeral() as instance:
        workspace = Workspace(read_settings(), Silence())
        world = World(Graph(instance, workspace, build_defs({"workspace": workspace})))
        world.tick()
        world.register(photos)
        world.activate(SMALL_SET)
        new = [read_reference("Ada", reference)]
        world.graph.materialize(["reference_photos"], incoming=Incoming(references=new))
        for day in ("a", "b"):
            world.ingest(day)
        assert world.to_rest() == faces("a") | faces("b") | search() | {("reference_embeddings", SMALL_SET)}
        yield world


def faces(day: str, key: str = SMALL_SET) -> Requested:
    return {(asset, day_set(day, key)) for asset in FACES}


def search(key: str = SMALL_SET) -> Requested:
    return {("hnsw_index", key), *results(key)}


def references(key: str = SMALL_SET) -> Requested:
    return {("reference_embeddings", key), *results(key)}


def results(key: str) -> Requested:
    """Results, and what is said of them."""
    return {("search_results", key), ("evaluation", key), ("sweep_report", None)}


def test_a_new_set_is_filled_for_every_day_then_searched(world: World) -> None:
    world.activate(SECOND_SET)
    assert world.to_rest() == faces("a", SECOND_SET) | faces("b", SECOND_SET) | search(SECOND_SET) | references(
        SECOND_SET
    )


def test_a_set_at_rest_is_filled_when_it_is_activated(world: World, photos: Path) -> None:
    world.activate(SECOND_SET)
    world.graph.run_job("activate_parameter_sets", {"set_active": {"keys": [SECOND_SET], "active": False}})
    assert world.to_rest() == set()
    world.graph.run_job("activate_parameter_sets", {"set_active": {"keys": [SECOND_SET], "active": True}})
    assert world.to_rest() == faces("a", SECOND_SET) | faces("b", SECOND_SET) | search(SECOND_SET) | references(
        SECOND_SET
    )


def test_a_new_or_removed_reference_is_searched_in_every_set_and_detects_nothing(
    world: World, portraits: Portraits, settings: Settings
) -> None:
    world.activate(SECOND_SET)
    world.to_rest()
    folder = settings.references / "Bob"
    folder.mkdir(parents=True)
    portraits.collins.save(folder / "1.png")
    world.make(["reference_photos"])
    assert world.to_rest() == references() | references(SECOND_SET)
    ImageOps.mirror(portraits.collins).save(folder / "2.png")
    world.make(["reference_photos"])
    assert world.to_rest() == references() | references(SECOND_SET)
    (folder / "2.png").unlink()
    world.make(["reference_photos"])
    assert world.to_rest() == references() | references(SECOND_SET)


def test_a_new_day_is_filled_under_every_set_then_all_are_searched(
    world: World, photos: Path, portraits: Portraits
) -> None:
    world.activate(SECOND_SET)
    world.to_rest()
    (photos / "c").mkdir()
    portraits.hopper_again().save(photos / "c" / "c.jpg", quality=92)
    world.register(photos)
    assert world.to_rest() == set()  # registered, its photos not read yet
    world.ingest("c")
    assert world.to_rest() == faces("c") | faces("c", SECOND_SET) | search() | search(SECOND_SET)


def test_an_unchanged_day_leads_to_nothing(world: World) -> None:
    world.ingest("a")
    assert world.to_rest() == set()


@pytest.mark.parametrize("change", ["changed", "added", "deleted"])
def test_changed_photos_are_followed_through_to_the_results(
    world: World, photos: Path, portraits: Portraits, change: str
) -> None:
    if change == "changed":
        portraits.hopper_again().save(photos / "a" / "a.jpg", quality=92)
    elif change == "added":
        portraits.hopper_again().save(photos / "a" / "new.jpg", quality=92)
    else:
        portraits.hopper_again().save(photos / "a" / "other.jpg", quality=92)  # a folder without any deletes nothing
        world.ingest("a")
        world.to_rest()
        (photos / "a" / "a.jpg").unlink()
    world.ingest("a")
    assert world.to_rest() == faces("a") | search()


def test_where_boxes_and_photos_come_out_the_same_nothing_follows(world: World, photos: Path) -> None:
    (photos / "a" / "broken.jpg").write_text("no photo")
    world.ingest("a")
    assert world.to_rest() == faces("a")


def test_a_renamed_photo_keeps_its_faces_and_nothing_follows(world: World, photos: Path) -> None:
    (photos / "a" / "a.jpg").rename(photos / "a" / "renamed.jpg")
    world.ingest("a")
    assert world.to_rest() == faces("a")
    made = world.graph.instance.get_latest_materialization_event(dg.AssetKey("detected_faces"))
    assert made is not None
    assert made.asset_materialization is not None
    assert made.asset_materialization.metadata["photos_detected"].value == 0


def test_a_failed_blocking_check_keeps_its_day_back_alone(world: World, photos: Path, portraits: Portraits) -> None:
    (photos / "a" / "a.jpg").write_text("no photo any more")
    portraits.hopper_again().save(photos / "b" / "new.jpg", quality=92)
    world.ingest("a")
    world.ingest("b")
    assert world.to_rest() == faces("b") | search()


def test_a_failed_day_does_not_hold_up_the_results_of_others(world: World, photos: Path, portraits: Portraits) -> None:
    for name in ("c", "d"):
        (photos / name).mkdir()
        portraits.hopper_again().save(photos / name / f"{name}.jpg", quality=92)
    world.register(photos)
    world.ingest("c")
    world.ingest("d")
    requested = world.tick()
    assert requested == {day_set(day, SMALL_SET): set(FACES) for day in ("c", "d")}
    with world.graph.workspace.database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM photos WHERE event_day = 'c'")
        cursor.execute("DELETE FROM event_days WHERE event_day = 'c'")  # so that its run fails
    for partition, assets in requested.items():
        world.make(sorted(assets), partition)
    assert world.to_rest() == search()


def test_a_changed_model_shows_as_stale_and_reruns_only_when_asked(clip_model: Path, world: World) -> None:
    world.activate(CLIP_SET)
    world.to_rest()
    world.observe()
    assert world.to_rest() == set()
    assert world.stale() == set()

    make_clip_model(clip_model, seed=2)
    world.observe()
    assert world.to_rest() == set()
    assert {partition for asset, partition in world.stale() if asset == "detected_faces"} == {
        day_set(day, CLIP_SET) for day in ("a", "b")
    }

    for day in ("a", "b"):
        world.make(FACES, day_set(day, CLIP_SET))
    world.make(["reference_embeddings"], CLIP_SET)
    assert world.to_rest() == search(CLIP_SET)
    assert world.stale() == set()


def test_a_partition_run_again_by_another_process_leads_to_nothing(world: World) -> None:
    world.make(FACES, day_set("a", SMALL_SET))
    assert world.to_rest() == set()


def test_a_killed_run_is_made_again(world: World, photos: Path, portraits: Portraits) -> None:
    portraits.hopper_again().save(photos / "a" / "new.jpg", quality=92)
    world.ingest("a")
    assert world.tick() == {day_set("a", SMALL_SET): set(FACES)}
    world.start_and_kill(FACES, day_set("a", SMALL_SET))
    assert world.tick() == {}  # Dagster takes the run for one that is at work

    (request,) = world.sensor(dead_runs).run_requests or ()
    assert request.partition_key == day_set("a", SMALL_SET)
    assert {key.to_user_string() for key in request.asset_selection or ()} == set(FACES)
    world.make(FACES, day_set("a", SMALL_SET))
    assert world.to_rest() == search()


def test_a_run_that_is_killed_again_is_left_to_people(world: World) -> None:
    world.start_and_kill(FACES, day_set("a", SMALL_SET), {RETRY_TAG: "an earlier run"})
    assert world.sensor(dead_runs).run_requests == []
