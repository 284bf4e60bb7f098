"""References are planned before anything is written, and what is known is neither searched nor stored again."""

from pathlib import Path

import pytest

from facefind_pipeline.cli import reference_stage, stages
from facefind_pipeline.cli.reference_stage import add_references, plan_references
from facefind_pipeline.definitions import build_defs
from facefind_pipeline.orchestration.instance import open_instance
from facefind_pipeline.orchestration.resources import Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.settings import Settings
from facefind_pipeline.store import people
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits, Silence


@pytest.fixture
def graph(settings: Settings, database: Database) -> Graph:
    workspace = Workspace(settings, Silence())
    return Graph(open_instance(settings, database), workspace, build_defs({"workspace": workspace}))


def test_a_plan_names_what_is_new_and_writes_nothing(
    graph: Graph, reference: Path, portraits: Portraits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = stages.register_set(graph, SMALL_SET)
    again, both = tmp_path / "again.jpg", tmp_path / "both.jpg"
    portraits.hopper_again().save(again)
    portraits.together().save(both)
    graph.sync_partitions()
    asked = add_references(graph, [("Ada", reference)], parameters, largest=False)
    assert [person.name for person in asked.people] == ["Ada"]
    runs = graph.instance.get_runs_count()

    searched: list[str] = []
    locate = reference_stage.locate_face
    monkeypatch.setattr(
        reference_stage, "locate_face", lambda *given: searched.append(given[2].filename) or locate(*given)
    )
    given = [("Ada", reference), ("Eve", again), ("Bob", both)]
    plan = plan_references(graph, given, parameters, largest=False, known={})
    assert [person.name for person in plan.people] == ["Ada", "Eve", "Bob"]
    assert [new.person.name for new in plan.new] == ["Eve"]
    assert plan.changed == {"eve"}
    assert {person.name for person in plan.problems} == {"Bob"}
    assert searched == ["again.jpg", "both.jpg"]  # not what is stored
    with graph.workspace.database.connect() as connection:
        assert [person.name for person in people.people(connection)] == ["Ada"]
    assert graph.instance.get_runs_count() == runs

    asked = add_references(graph, [("Ada", reference)], parameters, largest=False)
    assert (asked.unusable, graph.instance.get_runs_count()) == ({}, runs)  # nothing is new: nothing runs
