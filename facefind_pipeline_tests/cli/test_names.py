"""Sets by names of one's own: `params add KEY --name BASE`, then BASE wherever a key is taken."""

import json
from pathlib import Path

import pytest

from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind
from facefind_pipeline_tests.store.rows import table


def test_a_set_is_known_by_its_name_in_every_command(
    facefind: Facefind, tmp_path: Path, portraits, reference: Path, database: Database
) -> None:
    album = tmp_path / "album"
    album.mkdir()
    portraits.hopper.save(album / "hopper.jpg")
    assert facefind("params", "add", SMALL_SET, "--name", "quick").exit_code == 0
    assert facefind("run", album, "--params", "quick", "--reference", f"Grace={reference}").exit_code == 0
    (row,) = json.loads(facefind("params", "list", "--json").stdout)
    assert (row["parameter set"], row["alias"], row["faces"]) == (SMALL_SET, "quick", 1)
    assert json.loads(facefind("params", "show", "quick", "--json").stdout)["table"] == "embeddings_quick"
    with database.connect() as connection:
        assert table(connection, "SELECT count(*) FROM embeddings_quick") == [(1,)]
    for command in (
        ("find", "Grace", "--params", "quick"),
        ("explain", "Grace", "hopper.jpg", "--params", "quick"),
        ("person", "list", "--params", "quick"),
        ("params", "default", "quick"),
        ("params", "deactivate", "quick"),
        ("params", "activate", "quick"),
        ("params", "compare", "quick", SMALL_SET),
        ("sweep", "quick"),
        ("sql", "find", "--params", "quick"),
    ):
        result = facefind(*command)
        assert result.exit_code == 0, (command, result.stderr)
    # A name is kept by the runs that follow, and can be changed.
    assert facefind("params", "add", "quick", "--name", "quicker").exit_code == 0
    assert json.loads(facefind("params", "show", SMALL_SET, "--json").stdout)["table"] == "embeddings_quicker"
    assert facefind("find", "Grace", "--params", "quick").exit_code == 1


@pytest.mark.parametrize("name", ["recommended", "default", "Upper", "9lives", "a-b", "x" * 52])
def test_names_that_mean_something_else_are_refused(facefind: Facefind, name: str) -> None:
    result = facefind("params", "add", SMALL_SET, "--name", name)
    assert result.exit_code == 1
    assert f"--name {name!r}" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert facefind("params", "list", "--json").stdout.count("embeddings_") == 0


def test_two_sets_never_share_a_name(facefind: Facefind) -> None:
    assert facefind("params", "add", SMALL_SET, "--name", "quick").exit_code == 0
    result = facefind("params", "add", "hog-up1-px640@dlib", "--name", "quick")
    assert result.exit_code == 1
    assert f"the name of {SMALL_SET}" in result.stderr


def test_an_unknown_name_is_one_line_that_shows_what_is_known(facefind: Facefind) -> None:
    result = facefind("find", "Ada", "--params", "nosuch")
    assert result.exit_code == 1
    assert "'nosuch'" in result.stderr
    assert "recommended" in result.stderr
