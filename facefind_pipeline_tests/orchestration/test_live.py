"""Photos that come while `facefind dev` is at work: what is read, decoded and made for each, and what is left alone."""

import io
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from facefind_pipeline.cli.dev import _report_silent_folders
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.ingest.arrivals import Arrivals
from facefind_pipeline.ingest.sheet_files import sheet_path
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.live import LOOK_S, Live
from facefind_pipeline.orchestration.partitions import day_set
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.plan.due import Scope, due
from facefind_pipeline.search.filters import Filters
from facefind_pipeline.search.stored import stored_answer
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import parameter_sets, people, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits, Silence

PATIENCE_S = 10


@pytest.fixture
def graph(settings: Settings, database: Database, filled: Path) -> Iterator[Graph]:
    """An event of two days under one set with one person, all made."""
    with open_instance(settings, database) as instance:
        workspace = Workspace(replace(settings, draws_sheets=False), Silence())
        yield Graph(instance, workspace, build_defs({"workspace": workspace}))


@pytest.fixture
def arrivals() -> Iterator[Arrivals]:
    with closing(Arrivals()) as arrivals:
        yield arrivals


@pytest.fixture
def live(graph: Graph, arrivals: Arrivals) -> Live:
    """One that listens, and waits an hour for files that nothing was told of."""
    live = Live(graph, arrivals, settle_seconds=3600)
    live.look(0)
    return live


def _runs(graph: Graph) -> list[tuple[set[str], str | None]]:
    """What was made since the event was filled, the newest last: assets or the job, and the partition."""
    return [
        (
            {key.to_user_string() for key in run.asset_selection or ()} or {run.job_name},
            run.tags.get("dagster/partition"),
        )
        for run in reversed(graph.instance.get_runs())
    ]


def _metadata(graph: Graph, asset: str) -> dict[str, object]:
    event = graph.instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def _found(database: Database) -> set[str]:
    """Ada's photos by the stored results, which are current."""
    with database.connect() as connection:
        chosen = parameter_sets.find(connection, SMALL_SET)
        assert not due(connection, ["search_results"], Scope(sets=[SMALL_SET]))
        answer = stored_answer(
            connection, chosen, people.find_person(connection, "ada"), None, None, Filters(), clothes=True
        )
        return {Path(match.photo).name for match in answer.matches} if answer else set()


def test_a_file_that_was_closed_is_found_by_reading_it_alone(
    live: Live, graph: Graph, database: Database, filled: Path, portraits: Portraits
) -> None:
    before = len(_runs(graph))
    portraits.hopper_again().save(filled / "Day 1" / "new.jpg", quality=90)
    live.look(PATIENCE_S)
    assert "new.jpg" in _found(database)
    assert _runs(graph)[before:] == [
        ({"raw_photos"}, "day-1"),
        ({"detected_faces", "face_embeddings"}, day_set("day-1", SMALL_SET)),
        ({"hnsw_index", "search_results"}, SMALL_SET),
    ]
    assert _metadata(graph, "raw_photos")["files_read"] == 1
    detected = _metadata(graph, "detected_faces")
    assert (detected["photos_decoded"], detected["photos_detected"]) == ("1", "1")


def test_contact_sheets_are_drawn_later_and_nothing_is_made_again_for_them(
    live: Live, graph: Graph, database: Database, filled: Path, portraits: Portraits
) -> None:
    sheet = sheet_path(graph.workspace.settings, "day-1", "photos")
    before = sheet.stat().st_mtime_ns
    portraits.hopper_again().save(filled / "Day 1" / "new.jpg", quality=90)
    live.look(PATIENCE_S)
    assert "contact_sheet" not in _metadata(graph, "raw_photos")
    assert sheet.stat().st_mtime_ns == before
    live.draw()
    assert sheet.stat().st_mtime_ns > before
    assert _metadata(graph, "raw_photos")["files_read"] == 0
    assert _metadata(graph, "face_embeddings")["faces_embedded"] == "0"
    for asset in ("raw_photos", "detected_faces", "hnsw_index", "search_results"):
        assert "preview" in _metadata(graph, asset)
    made = len(_runs(graph))
    live.draw()
    assert len(_runs(graph)) == made


def test_a_file_that_is_still_written_is_left_while_another_is_read(
    live: Live, graph: Graph, database: Database, filled: Path, portraits: Portraits
) -> None:
    buffer = io.BytesIO()
    portraits.hopper.resize((400, 470)).save(buffer, "JPEG")
    content = buffer.getvalue()
    with (filled / "Day 1" / "slow.jpg").open("wb") as slow:
        slow.write(content[:-100])
        slow.flush()
        shutil.copy2(filled / "Day 2" / "again.jpg", filled / "Day 1" / "other.jpg")
        live.look(PATIENCE_S)
        with database.connect() as connection:
            known = photos.photos(connection, "day-1")
        assert "Day 1/other.jpg" in known
        assert "Day 1/slow.jpg" not in known
        slow.write(content[-100:])
    live.look(PATIENCE_S)
    assert "slow.jpg" in _found(database)


def test_photos_of_a_new_folder_are_found(
    graph: Graph, arrivals: Arrivals, database: Database, filled: Path, portraits: Portraits
) -> None:
    live = Live(graph, arrivals, settle_seconds=1)  # what was closed before the folder was listened to is left so long
    live.look(0)
    card = filled.parent / "card"
    card.mkdir()
    portraits.hopper_again().save(card / "new.jpg", quality=90)
    shutil.copytree(card, filled / "Day 3")
    until = time.monotonic() + 60
    while "new.jpg" not in _found(database) and time.monotonic() < until:
        live.look(LOOK_S)
    assert "new.jpg" in _found(database)
    with database.connect() as connection:
        assert "day-3" in {day.key for day in photos.days(connection)}


def test_a_photo_that_goes_leaves_the_results(live: Live, database: Database, filled: Path) -> None:
    assert "again.jpg" in _found(database)
    (filled / "Day 2" / "again.jpg").unlink()
    live.look(PATIENCE_S)
    assert "again.jpg" not in _found(database)


def test_a_folder_of_which_nothing_is_told_is_looked_at(
    graph: Graph,
    arrivals: Arrivals,
    database: Database,
    filled: Path,
    portraits: Portraits,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("facefind_pipeline.ingest.arrivals.why_silent", lambda _: "on a network disk (nfs4)")
    live = Live(graph, arrivals, settle_seconds=0)
    live.look(0)
    assert f"{filled}: on a network disk (nfs4), so it is looked at every 2 seconds" in caplog.text
    before = len(_runs(graph))
    live.look(0)
    assert len(_runs(graph)) == before
    (filled / "Day 3").mkdir()
    portraits.hopper_again().save(filled / "Day 1" / "new.jpg", quality=90)
    portraits.hopper_again().rotate(1).save(filled / "Day 3" / "other.jpg", quality=90)
    live.look(0)
    assert {"new.jpg", "other.jpg"} <= _found(database)


def test_an_inactive_set_is_left_alone(
    live: Live, graph: Graph, database: Database, filled: Path, portraits: Portraits
) -> None:
    with database.connect() as connection:
        parameter_sets.set_active(connection, SMALL_SET, active=False)
    before = len(_runs(graph))
    portraits.hopper_again().save(filled / "Day 1" / "new.jpg", quality=90)
    live.look(PATIENCE_S)
    assert _runs(graph)[before:] == [({"raw_photos"}, "day-1")]


def test_folders_of_which_nothing_is_told_are_named_at_the_start(
    graph: Graph, filled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _report_silent_folders(graph)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("facefind_pipeline.ingest.mounts.why_silent", lambda _: "on a network disk (nfs4)")
    _report_silent_folders(graph)
    told = f"{filled}: on a network disk (nfs4), so new photos are read 10 seconds after their last change\n"
    assert capsys.readouterr().err == told
