"""What the conditions request, and the plan beside them: a test per row of the table in the docs."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest
from PIL import ImageOps

from facefind_pipeline.ingest.references import read_reference
from facefind_pipeline.orchestration.backfills import missing_partitions
from facefind_pipeline.orchestration.partitions import day_set
from facefind_pipeline.orchestration.processes import RETRY_TAG
from facefind_pipeline.orchestration.resources import Incoming
from facefind_pipeline.orchestration.sensors import dead_runs
from facefind_pipeline.search.group_changes import name_group
from facefind_pipeline.search.group_listing import list_groups
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import feedback, parameter_sets, people, truth
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline.store.truth import TruthList
from facefind_pipeline.vision import clothes
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits
from facefind_pipeline_tests.orchestration.world import (
    AUTOMATED,
    CLIP_SET,
    FACES,
    SECOND_SET,
    World,
    faces,
    first_search,
    references,
    results,
    search,
)
from facefind_pipeline_tests.vision.clip_model import make_clip_model

pytestmark = pytest.mark.proof  # a home is filled and settled for each


def test_a_new_set_is_filled_for_every_day_then_searched(world: World) -> None:
    world.activate(SECOND_SET)
    assert world.settle() == faces("a", SECOND_SET) | faces("b", SECOND_SET) | search(SECOND_SET) | references(
        SECOND_SET
    )


def test_a_set_at_rest_is_filled_when_it_is_activated(world: World, photos: Path) -> None:
    world.activate(SECOND_SET)
    world.graph.run_job("activate_parameter_sets", {"set_active": {"keys": [SECOND_SET], "active": False}})
    assert world.settle() == set()
    world.graph.run_job("activate_parameter_sets", {"set_active": {"keys": [SECOND_SET], "active": True}})
    assert world.settle() == faces("a", SECOND_SET) | faces("b", SECOND_SET) | search(SECOND_SET) | references(
        SECOND_SET
    )


def test_a_new_or_removed_reference_is_searched_in_every_set_and_detects_nothing(
    world: World, portraits: Portraits, settings: Settings
) -> None:
    world.activate(SECOND_SET)
    world.settle()
    folder = settings.references / "Bob"
    folder.mkdir(parents=True)
    portraits.collins.save(folder / "1.png")
    world.make(["reference_photos"])
    assert world.settle() == references() | references(SECOND_SET)
    ImageOps.mirror(portraits.collins).save(folder / "2.png")
    world.make(["reference_photos"])
    assert world.settle() == references() | references(SECOND_SET)
    (folder / "2.png").unlink()
    world.make(["reference_photos"])
    assert world.settle() == references() | references(SECOND_SET)


def test_a_new_day_is_filled_under_every_set_then_all_are_searched(
    world: World, photos: Path, portraits: Portraits
) -> None:
    world.activate(SECOND_SET)
    world.settle()
    (photos / "c").mkdir()
    portraits.hopper_again().save(photos / "c" / "c.jpg", quality=92)
    world.register(photos)
    assert world.settle() == set()  # registered, its photos not read yet
    world.ingest("c")
    assert world.settle() == faces("c") | faces("c", SECOND_SET) | search() | search(SECOND_SET)


def test_an_unchanged_day_leads_to_nothing(world: World) -> None:
    world.ingest("a")
    assert world.settle() == set()


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
        world.settle()
        (photos / "a" / "a.jpg").unlink()
    world.ingest("a")
    assert world.settle() == faces("a") | search()


def test_where_boxes_and_photos_come_out_the_same_nothing_follows(world: World, photos: Path) -> None:
    (photos / "a" / "broken.jpg").write_text("no photo")
    world.ingest("a")
    assert world.settle() == faces("a")


def test_a_renamed_photo_keeps_its_faces_and_nothing_follows(world: World, photos: Path) -> None:
    (photos / "a" / "a.jpg").rename(photos / "a" / "renamed.jpg")
    world.ingest("a")
    assert world.settle() == faces("a")
    made = world.graph.instance.get_latest_materialization_event(dg.AssetKey("detected_faces"))
    assert made is not None
    assert made.asset_materialization is not None
    assert made.asset_materialization.metadata["photos_detected"].value == "0"


def test_a_failed_blocking_check_keeps_its_day_back_alone(world: World, photos: Path, portraits: Portraits) -> None:
    (photos / "a" / "a.jpg").write_text("no photo any more")
    portraits.hopper_again().save(photos / "b" / "new.jpg", quality=92)
    world.ingest("a")
    world.ingest("b")
    assert world.settle(beyond=faces("a")) == faces("b") | search()


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
    assert world.settle() == search()


def test_a_changed_model_shows_as_stale_and_reruns_only_when_asked(clip_model: Path, world: World) -> None:
    world.activate(CLIP_SET)
    world.settle()
    world.observe()
    assert world.settle() == set()
    assert world.stale() == set()

    make_clip_model(clip_model, seed=2)
    world.observe()
    assert world.settle() == set()
    assert {partition for asset, partition in world.stale() if asset == "detected_faces"} == {
        day_set(day, CLIP_SET) for day in ("a", "b")
    }
    stale = faces("a", CLIP_SET) | faces("b", CLIP_SET) | {("reference_embeddings", CLIP_SET)}
    assert world.planned(asked=True) == stale

    for day in ("a", "b"):
        world.make(FACES, day_set(day, CLIP_SET))
    world.make(["reference_embeddings"], CLIP_SET)
    assert world.settle() == search(CLIP_SET)
    assert world.stale() == set()


def test_days_whose_clothes_were_not_described_show_as_stale_and_are_filled_when_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.observe()
    assert world.settle() == set()
    monkeypatch.setattr(clothes, "FINGERPRINT", "other rules")
    world.observe()
    assert world.settle() == set()
    assert {partition for asset, partition in world.stale() if asset == "detected_faces"} == {
        day_set(day, SMALL_SET) for day in ("a", "b")
    }
    assert world.planned(asked=True) == faces("a") | faces("b")

    for day in ("a", "b"):
        world.make(FACES, day_set(day, SMALL_SET))
    assert world.stale() == set()
    assert world.settle(beyond={("search_results", SMALL_SET)}) == set()
    world.make(["search_results"], SMALL_SET)
    assert world.settle() == results(SMALL_SET) - {("search_results", SMALL_SET)}


def test_a_partition_run_again_by_another_process_leads_to_nothing(world: World) -> None:
    world.make(FACES, day_set("a", SMALL_SET))
    assert world.settle() == set()


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
    assert world.settle() == search()


def test_photos_that_come_between_the_events_of_a_run_are_detected_and_embedded_in_one(
    world: World, photos: Path, portraits: Portraits
) -> None:
    partition = day_set("a", SMALL_SET)
    world.start_and_kill(FACES, partition)
    assert world.tick() == {}
    world.report_made("detected_faces", partition)
    portraits.hopper_again().save(photos / "a" / "new.jpg", quality=92)
    world.ingest("a")
    assert world.tick() == {}
    world.report_made("face_embeddings", partition)
    assert world.tick() == {partition: set(FACES)}


@pytest.mark.parametrize("looks", [(), ("photos",), ("photos", "faces")])
def test_photos_that_come_while_a_run_is_at_their_day_are_not_taken_for_made_by_it(
    world: World, photos: Path, portraits: Portraits, looks: Sequence[str]
) -> None:
    partition = day_set("a", SMALL_SET)
    world.start_and_kill(FACES, partition)  # of the photos before
    portraits.hopper_again().save(photos / "a" / "new.jpg", quality=92)
    world.ingest("a")
    if "photos" in looks:
        assert world.tick() == {}
    world.report_made("detected_faces", partition)
    if "faces" in looks:
        assert world.tick() == {}
    world.report_made("face_embeddings", partition)
    assert world.tick() == {partition: set(FACES)}


def test_vectors_that_come_while_a_search_is_at_work_are_searched_after_it(
    world: World, photos: Path, portraits: Portraits
) -> None:
    portraits.hopper_again().save(photos / "a" / "new.jpg", quality=92)
    world.ingest("a")
    assert world.tick() == {day_set("a", SMALL_SET): set(FACES)}
    world.start_and_kill(["search_results"], SMALL_SET)  # of the vectors before
    world.make(FACES, day_set("a", SMALL_SET))
    world.tick()
    world.make(["hnsw_index"], SMALL_SET)
    world.report_made("search_results", SMALL_SET)
    assert "search_results" in world.tick()[SMALL_SET]


def test_a_run_that_is_killed_again_is_left_to_people(world: World) -> None:
    world.start_and_kill(FACES, day_set("a", SMALL_SET), {RETRY_TAG: "an earlier run"})
    assert world.sensor(dead_runs).run_requests == []


def test_what_is_due_of_a_set_that_is_not_active_is_known_and_waits(world: World) -> None:
    world.activate(SECOND_SET)
    world.graph.run_job("activate_parameter_sets", {"set_active": {"keys": [SECOND_SET], "active": False}})
    assert world.settle() == set()
    due_later = faces("a", SECOND_SET) | faces("b", SECOND_SET) | first_search(SECOND_SET)
    assert world.planned(active=False) == due_later


def test_what_existed_before_the_first_look_is_asked_for_by_the_plan_alone(world: World) -> None:
    world.activate(SECOND_SET)
    due_now = faces("a", SECOND_SET) | faces("b", SECOND_SET) | first_search(SECOND_SET)
    assert World(world.graph).settle(beyond=due_now) == set()
    missing = missing_partitions(world.graph.instance, world.graph.workspace)
    asked = {(asset, str(partition)) for asset, partitions in missing.items() for partition in partitions}
    assert asked == due_now | {("hnsw_index", SECOND_SET), ("face_groups", SECOND_SET)}


def test_root_assets_are_requested_by_sensors_and_commands_alone(
    world: World, photos: Path, portraits: Portraits, reference: Path
) -> None:
    (photos / "c").mkdir()
    portraits.hopper_again().save(photos / "c" / "c.jpg", quality=92)
    world.register(photos)
    with world.graph.workspace.database.connect() as connection:
        people.add_reference(connection, read_reference("Bob", reference), "command")
        truth.write_list(connection, TruthList("list.csv", []), "command")
    roots = {("raw_photos", "c"), ("reference_photos", None), ("truth_lists", None)}
    assert world.planned(["raw_photos", "reference_photos", "truth_lists"]) == roots


def test_a_day_whose_photos_are_not_there_waits_for_them(world: World, photos: Path) -> None:
    (photos / "b").rename(photos.parent / "away")
    world.ingest("b")
    world.activate(SECOND_SET)
    assert world.settle() == faces("a", SECOND_SET) | search(SECOND_SET) | references(SECOND_SET)
    (photos.parent / "away").rename(photos / "b")
    world.ingest("b")
    assert faces("b", SECOND_SET) | {("search_results", SECOND_SET)} <= world.settle()


def test_what_was_said_of_photos_is_known_to_the_plan_alone(world: World, photos: Path) -> None:
    with world.graph.workspace.database.connect() as connection:
        sha256 = hashlib.sha256((photos / "b" / "b.jpg").read_bytes()).digest()
        feedback.say(connection, "ada", sha256, None)
    assert world.settle(beyond={("search_results", SMALL_SET)}) == set()
    world.make(["search_results"], SMALL_SET)
    assert world.settle() == results(SMALL_SET) - {("search_results", SMALL_SET)}


def test_what_was_said_of_groups_is_known_to_the_plan_alone(world: World, photos: Path) -> None:
    with world.graph.workspace.database.connect() as connection:
        (group, *_) = list_groups(connection, SMALL_SET, least=1)
        name_group(connection, SMALL_SET, group.id, "ada", "somebody")
    assert world.settle(beyond={("face_groups", SMALL_SET)}) == set()
    world.make(["face_groups"], SMALL_SET)
    assert world.settle() == set()


def test_another_index_method_is_known_to_the_plan_alone(world: World) -> None:
    with world.graph.workspace.database.connect() as connection:
        parameter_sets.set_index(connection, SMALL_SET, IndexKind("hnsw"))
    assert world.settle(beyond={("hnsw_index", SMALL_SET)}) == set()
    world.make(["hnsw_index"], SMALL_SET)
    assert world.settle() == {("search_results", SMALL_SET), ("face_groups", SMALL_SET)}


def test_another_truth_list_leads_to_other_figures(world: World, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("person,filename\nAda,a.jpg\n")
    world.graph.materialize(["truth_lists"], incoming=Incoming(truth_lists=[tmp_path / "list.csv"]))
    assert world.settle() == {("evaluation", SMALL_SET), ("sweep_report", None)}


def test_what_the_plan_asks_for_leaves_the_conditions_nothing(world: World, photos: Path, portraits: Portraits) -> None:
    world.activate(SECOND_SET)
    portraits.hopper_again().save(photos / "a" / "new.jpg", quality=92)
    world.ingest("a")
    for _ in range(4):
        for asset, partition in sorted(world.planned(), key=lambda step: AUTOMATED.index(step[0])):
            world.make([asset], partition)
    assert world.planned() == set()
    assert world.settle() == set()
