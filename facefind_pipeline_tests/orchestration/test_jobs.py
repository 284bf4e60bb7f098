"""What a job's configuration, which whoever reaches the UI writes, may name: approved folders alone, and no file."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from facefind_pipeline.cli import stages
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.orchestration.instance import environment
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.parameters import ParameterSet
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store import parameter_sets, photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline_tests.conftest import Portraits, Silence

OF_GROUPS = ("parameter_set", "author", "agreed")


@pytest.fixture
def graph(settings: Settings, database: Database) -> Iterator[Graph]:
    """With nothing registered."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield _graph(instance, settings)


@pytest.fixture
def private(tmp_path: Path, portraits: Portraits) -> Path:
    """A folder of photos that nobody gave to a command."""
    folder = tmp_path / "private"
    folder.mkdir()
    portraits.collins.save(folder / "secret.png")
    return folder


def _graph(instance: dg.DagsterInstance, settings: Settings) -> Graph:
    workspace = Workspace(settings, Silence())
    return Graph(instance, workspace, build_defs({"workspace": workspace}))


def _launch(graph: Graph, folder: Path | str) -> None:
    """As from the launchpad: the run is handed a configuration alone."""
    graph.run_job("add_event_days", {"register_event_days": {"folder": str(folder)}})


def _roots(graph: Graph) -> list[Path]:
    with graph.workspace.database.connect() as connection:
        return photos.roots(connection)


def test_a_job_registers_no_folder_that_nobody_approved(graph: Graph, event: Path, private: Path) -> None:
    stages.register_folder(graph, event, None)
    (event / "Day 3").symlink_to(private)
    (event / "loop").symlink_to("loop")
    for folder in (private, event / "Day 3", event / ".." / "private", "private", event.parent, "/"):
        with pytest.raises(FacefindError, match=r"run `facefind ingest .*` once, or name a parent"):
            _launch(graph, folder)
    with pytest.raises(FacefindError, match="no folder"):
        _launch(graph, event / "loop")
    assert _roots(graph) == [event]


def test_a_job_registers_what_lies_below_a_folder_that_a_command_was_given(graph: Graph, event: Path) -> None:
    link = event.with_name("link")
    link.symlink_to(event)
    stages.register_folder(graph, link, None)
    _launch(graph, link)
    _launch(graph, link / "Day 1")
    assert _roots(graph) == [link, link / "Day 1"]


def test_a_job_registers_what_lies_below_an_approved_parent(
    graph: Graph, event: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = event.with_name("other")
    monkeypatch.setenv("FACEFIND_PHOTO_PARENTS", os.pathsep.join([str(other), str(event)]))
    settings = read_settings()
    assert environment(settings, graph.workspace.database)["FACEFIND_PHOTO_PARENTS"] == f"{other}:{event}"
    approving = _graph(graph.instance, replace(settings, home=graph.workspace.settings.home))
    _launch(approving, event)
    with pytest.raises(FacefindError, match="FACEFIND_PHOTO_PARENTS"):
        _launch(approving, private)
    assert _roots(graph) == [event]


def test_a_job_lets_no_day_move_to_a_folder_that_nobody_approved(graph: Graph, event: Path, private: Path) -> None:
    stages.register_folder(graph, event, None)
    config = {"follow_folder": {"old": str(event), "new": str(private)}}
    with pytest.raises(FacefindError, match="FACEFIND_PHOTO_PARENTS"):
        graph.run_job("move_event_days", config)
    assert _roots(graph) == [event]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ({"method": "hnsw", "m": 64}, "ef_construction=100 is less than twice m=64"),
        ({"method": "hnsw", "lists": 5}, "lists is a parameter of ivfflat"),
        ({"method": "none", "halfvec": True}, "halfvec is a parameter of hnsw and ivfflat"),
    ],
)
def test_a_job_chooses_no_index_that_cannot_be_built(graph: Graph, kind: dict[str, Any], says: str) -> None:
    parameters = ParameterSet.parse("hog-up0-px640@dlib")
    with graph.workspace.database.connect() as connection:
        parameter_sets.register(connection, parameters, 128, "l2")
    with pytest.raises(FacefindError, match=says):
        graph.run_job("choose_index", {"set_index": {"key": parameters.key, **kind}})
    with graph.workspace.database.connect() as connection:
        assert parameter_sets.find(connection, parameters.key).index == IndexKind("auto")


def test_no_other_configuration_takes_a_path_or_a_file(graph: Graph) -> None:
    fields = {
        f"{node.name}.{name}"
        for job in graph.definitions.resolve_all_job_defs()
        for node in job.graph.node_dict.values()
        if isinstance(node.definition, dg.OpDefinition)
        for name in getattr(node.definition.config_schema.config_type, "fields", {})
    }
    assert fields == {
        "follow_folder.new",  # approved like a folder that is registered
        "follow_folder.old",  # only compared with what is registered
        *(f"merge_in_people.{name}" for name in ("person", "other", "agreed")),
        "raw_photos.rehash",
        "raw_photos.settle_seconds",
        *(f"record_group_name.{name}" for name in ("group", "person", *OF_GROUPS)),
        *(f"record_same_person.{name}" for name in ("groups", *OF_GROUPS)),
        *(f"record_different_people.{name}" for name in ("group", "other", *OF_GROUPS)),
        *(f"record_left_out.{name}" for name in ("group", "photos", *OF_GROUPS)),  # by names of registered ones
        "register_event_days.by_name",
        "register_event_days.day_name",
        "register_event_days.folder",
        "register_parameter_sets.backfill",
        "register_parameter_sets.index",
        "register_parameter_sets.keys",
        "register_parameter_sets.name",
        *(f"write_feedback.{name}" for name in ("person", "photos", *OF_GROUPS)),  # likewise
        *(f"remove_from_people.{name}" for name in ("person", "agreed")),
        *(
            f"remove_reference.{name}" for name in ("person", "reference", "agreed")
        ),  # a name, or a path that is compared
        *(f"rename_in_people.{name}" for name in ("person", "name", "agreed")),
        "set_active.active",
        "set_active.keys",
        "set_clock_shift.camera",
        "set_clock_shift.day",
        "set_clock_shift.seconds",
        "set_default_set.key",
        "set_index.ef_construction",
        "set_index.halfvec",
        "set_index.key",
        "set_index.lists",
        "set_index.m",
        "set_index.method",
    }
