"""Faces that match nobody who agreed: vectors and crops go, places stay, the next run leaves them alone."""

import json
from pathlib import Path

import pytest

from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.work import Work

pytestmark = pytest.mark.slow

COUNTS = """
SELECT (SELECT count(*) FROM detected_faces), (SELECT count(*) FROM detected_faces WHERE thumbnail <> ''),
       (SELECT count(*) FROM embeddings), (SELECT count(*) FROM clothes WHERE descriptor IS NOT NULL)
"""


def _found(facefind: Facefind) -> list[str]:
    return sorted(match["photo"] for match in json.loads(facefind("find", "Ada", "--json").stdout))


def test_what_matches_nobody_who_agreed_goes_and_is_not_made_again(
    facefind: Facefind, filled: Path, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hers = _found(facefind)
    with database.connect() as connection:
        ((faces, crops, vectors, clothes),) = table(connection, COUNTS)
    assert (faces, crops, vectors) == (5, 5, 5)
    assert facefind("person", "consent", "Ada", "--yes", "--on", "2026-01-31").exit_code == 0
    done = facefind("forget", "--unmatched", "--yes", "--json")
    assert done.exit_code == 0, done.stderr
    receipt = json.loads(done.stdout)
    assert receipt["clean"]
    assert receipt["rows"]["embeddings"] == [2, 0]
    with database.connect() as connection:
        assert table(connection, COUNTS)[0][:3] == (5, 3, 3)  # the places stay
    assert _found(facefind) == hers
    # Nothing of it is to do, and nothing is a problem.
    work = Work(settings, database)
    work.done()
    again = facefind("run", filled, "--params", SMALL_SET)
    assert again.exit_code == 0, again.stderr
    assert "erased" not in again.stderr
    assert work.done()["faces_embedded"] == 0
    assert facefind("ingest", filled, "--rehash").exit_code == 0
    assert facefind("run", filled, "--params", SMALL_SET).exit_code == 0
    assert work.done()["faces_embedded"] == 0
    # For somebody new they are looked at again, and as the setting says those of nobody who agreed go at once.
    monkeypatch.setenv("FACEFIND_KEEP_UNMATCHED", "no")
    collins = f"Eileen={filled}/Day 2/collins.png"
    added = facefind("run", filled, "--params", SMALL_SET, "--reference", collins)
    assert added.exit_code == 0, added.stderr
    assert "faces that match nobody who agreed are erased" in added.stderr
    assert work.done()["faces_embedded"] == 3  # a photo is embedded whole
    with database.connect() as connection:
        assert table(connection, COUNTS)[0][:3] == (5, 3, 3)
    assert json.loads(facefind("find", "Eileen", "--json").stdout) == []
    assert facefind("person", "consent", "Eileen", "--yes").exit_code == 0
    assert facefind("run", filled, "--params", SMALL_SET).exit_code == 0
    assert len(json.loads(facefind("find", "Eileen", "--json").stdout)) == 2
    assert _found(facefind) == hers
    with database.connect() as connection:
        assert table(connection, COUNTS) == [(faces, crops, vectors, clothes)]


def test_a_value_that_says_neither_yes_nor_no_is_refused(
    facefind: Facefind, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEFIND_KEEP_UNMATCHED", "perhaps")
    assert "FACEFIND_KEEP_UNMATCHED: 'perhaps' is neither" in facefind("status").stderr
