"""Two event days under one set, with a daemon's part played by hand."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
import pytest

from facefind_pipeline.definitions import build_defs
from facefind_pipeline.ingest.references import read_reference
from facefind_pipeline.orchestration.resources import Incoming, Workspace
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.settings import Settings, read_settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Portraits, Silence
from facefind_pipeline_tests.orchestration.world import World, faces, search


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
    """Both days under one set, with one person: all made and settled."""
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
        assert world.settle() == faces("a") | faces("b") | search() | {("reference_embeddings", SMALL_SET)}
        yield world


@pytest.fixture
def short(filled: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The filled home, moved to where a socket's path is short."""
    with TemporaryDirectory(prefix="ff") as folder:
        shutil.copytree(settings.home, folder, symlinks=True, dirs_exist_ok=True)
        monkeypatch.setenv("FACEFIND_HOME", folder)
        yield read_settings()
