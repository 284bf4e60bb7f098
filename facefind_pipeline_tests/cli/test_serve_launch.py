"""What came together from the pages: one answer that fails takes no other with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from facefind_pipeline.cli import group_stages, serve_launch
from facefind_pipeline.cli.serve_launch import Launcher
from facefind_pipeline.errors import FacefindError
from facefind_pipeline.store import truth
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.people import Person
from facefind_pipeline.web.actions import OfGroups, Said
from facefind_pipeline_tests.conftest import SMALL_SET

ADA, BOB = Person("ada", "Ada"), Person("bob", "Bob")


class Graph:
    """Executes nothing; fails for one person."""

    def __init__(self, database: Database) -> None:
        self.workspace = SimpleNamespace(database=database)
        self.recorded: list[str] = []
        self.made: list[Sequence[str]] = []

    def run_job(self, _: str, config: Mapping[str, Any]) -> None:
        person = config["write_feedback"]["person"]
        if person == ADA.key:
            raise FacefindError("Ada is gone")
        self.recorded.append(person)

    def sync_partitions(self) -> None:
        pass

    def materialize(self, assets: Sequence[str], *_: object, **__: object) -> None:
        self.made.append(assets)


def test_one_that_fails_takes_no_other_with_it(
    filled: Path, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    graph, named = Graph(database), list[str]()

    def name_group(_: Graph, __: str, group: str, *___: object) -> None:
        if not named:
            named.append("failed")
            raise ValueError("a defect")
        named.append(group)

    monkeypatch.setattr(serve_launch, "open_graph", lambda _, **__: graph)
    monkeypatch.setattr(group_stages, "name_group", name_group)
    with database.connect() as connection:
        photo = next(one.sha256 for one in truth.known_photos(connection) if one.sha256)
    said = [Said(person, photo.hex(), shown=False) for person in (ADA, BOB)]
    with pytest.raises(FacefindError, match=r"^Ada is gone; ValueError: a defect$"):
        Launcher(SMALL_SET).launch([*said, OfGroups("g1", name=ADA), OfGroups("g2", name=BOB)])
    assert (graph.recorded, named, graph.made) == (["bob"], ["failed", "g2"], [["search_results"]])
    assert "a defect" in caplog.text
