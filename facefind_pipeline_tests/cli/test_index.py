"""`facefind index`: the table of what indexes find and cost, and the choice of one."""

import json
from typing import Any

import pytest

from facefind_pipeline.store import indexes, parameter_sets
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.index_kinds import IndexKind
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind

pytestmark = pytest.mark.usefixtures("filled")


def _rows(facefind: Facefind, *arguments: str) -> list[dict[str, Any]]:
    result = facefind("index", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_all_methods_are_compared_and_what_serves_is_marked(facefind: Facefind) -> None:
    rows = _rows(facefind)
    assert [(row["method"], row["halfvec"]) for row in rows] == [
        ("none", False),
        *(("ivfflat", half) for half in (False, True)),
        *(("hnsw", half) for half in (False, True)),
    ]
    assert [row["serves_now"] for row in rows] == [True, False, False, False, False]
    assert all(0 < row["p50_ms"] <= row["p95_ms"] for row in rows)
    printed = facefind("index", SMALL_SET).stdout.splitlines()
    assert printed[0].startswith(SMALL_SET)
    assert {"recall@10", "p50", "p95", "MB", "build", "index"} <= set(printed[1].split())
    assert len([line for line in printed if line.startswith(("none", "ivfflat", "hnsw"))]) == 5


def test_every_combination_of_several_values_is_tried(facefind: Facefind) -> None:
    rows = _rows(facefind, "--method", "hnsw", "--m", "4,8", "--ef-construction", "16,40", "--no-halfvec")
    assert [(row["m"], row["ef_construction"]) for row in rows] == [(4, 16), (4, 40), (8, 16), (8, 40)]
    rows = _rows(facefind, "--method", "ivfflat,none", "--lists", "1,2", "--halfvec")
    assert [(row["method"], row["lists"]) for row in rows] == [("ivfflat", 1), ("ivfflat", 2), ("none", None)]


def test_the_one_that_is_kept_is_built_by_a_run_and_serves(facefind: Facefind, database: Database) -> None:
    options = ["--method", "hnsw", "--halfvec", "--m", "8", "--keep"]
    (kept,) = _rows(facefind, *options)
    assert (kept["method"], kept["halfvec"], kept["m"], kept["serves_now"]) == ("hnsw", True, 8, True)
    with database.connect() as connection:
        chosen = parameter_sets.find(connection, SMALL_SET)
        assert chosen.index == IndexKind("hnsw", halfvec=True, m=8)
        assert chosen.floats == "halfvec"
        (name,) = indexes.indexes(connection, chosen, valid_only=True)
    assert facefind("find", "Ada").exit_code == 0
    assert "hnsw halfvec m=8" in facefind("params", "list").stdout
    assert "serves now" in facefind("index", *options).stdout  # again: nothing is built
    with database.connect() as connection:
        assert indexes.indexes(connection, chosen) == [name]
    (tried,) = _rows(facefind, "--method", "hnsw", "--halfvec", "--m", "8")
    assert tried["serves_now"]
    assert facefind("params", "add", SMALL_SET, "--index", "auto").exit_code == 0
    with database.connect() as connection:
        assert indexes.indexes(connection, chosen) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--method", "hnsw", "--keep"], "--keep takes one index, these options name 2: hnsw, hnsw halfvec"),
        (["--method", "ivfflat", "--m", "8"], "--m is a parameter of hnsw"),
        (["--method", "hnsw", "--lists", "8"], "--lists is a parameter of ivfflat"),
        (["--m", "60"], "ef_construction=100 is less than twice m=60: name one of at least 120"),
        (["--method", "tree"], "'tree' is not one of"),
        (["--method", "hnsw", "--m", "8,x"], "'x' is not a valid integer"),
    ],
)
def test_options_that_make_no_sense_are_named(facefind: Facefind, options: list[str], says: str) -> None:
    result = facefind("index", *options)
    assert result.exit_code == 2
    assert says in result.stderr


def test_ivfflat_serves_though_its_default_lists_follow_rows_that_changed(
    facefind: Facefind, database: Database
) -> None:
    options = ["--method", "ivfflat", "--no-halfvec"]
    assert facefind("index", *options, "--keep").exit_code == 0
    with database.connect() as connection, connection.cursor() as cursor:  # as if it had been built of more
        cursor.execute("UPDATE index_builds SET rows = 50000")
    (tried,) = _rows(facefind, *options)
    assert tried["serves_now"]
    assert [row["serves_now"] for row in _rows(facefind, *options, "--lists", "10,50")] == [False, True]


def test_a_set_that_is_not_there_is_named(facefind: Facefind) -> None:
    assert "is not registered" in facefind("index", "talk").stderr


def test_a_command_that_writes_drops_the_copy_of_a_killed_trial(facefind: Facefind, database: Database) -> None:
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE UNLOGGED TABLE index_trial (LIKE embeddings)")
    assert facefind("params", "add", SMALL_SET).exit_code == 0
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('index_trial')")
        assert cursor.fetchone() == (None,)
