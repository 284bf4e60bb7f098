"""Clothes through the command: made with the faces, kept, and filled on request in homes from before there were any."""

import json
from pathlib import Path

import pytest

from facefind_pipeline.search.results import refresh_results
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.made import made_version
from facefind_pipeline.vision.clothes import FINGERPRINT, LENGTH
from facefind_pipeline_tests.conftest import SMALL_SET, Facefind
from facefind_pipeline_tests.store.rows import table
from facefind_pipeline_tests.work import Work

MADE = "SELECT asset, partition, data_version FROM made WHERE asset IN ('detected_faces', 'face_embeddings')"


@pytest.fixture
def work(settings: Settings, database: Database) -> Work:
    return Work(settings, database)


def _run(facefind: Facefind, event: Path, *more: object) -> str:
    result = facefind("run", event, "--params", SMALL_SET, *more)
    assert result.exit_code == 0, result.stderr
    return result.stderr


def _status(facefind: Facefind) -> tuple[str, str]:
    (one,) = json.loads(facefind("status", "--json").stdout)["sets"]
    return one["due"], one["stale"]


def test_every_face_has_a_row_with_a_descriptor_where_a_body_is_visible(
    facefind: Facefind, event: Path, reference: Path, database: Database
) -> None:
    _run(facefind, event, "--reference", f"Ada={reference}")
    with database.connect() as connection:
        assert table(connection, "SELECT DISTINCT face_key FROM detected_faces ORDER BY 1") == table(
            connection, "SELECT face_key FROM clothes ORDER BY 1"
        )
        assert table(connection, "SELECT DISTINCT fingerprint FROM clothes") == [(FINGERPRINT,)]
        assert table(connection, "SELECT DISTINCT length(descriptor) FROM clothes") == [(LENGTH,)]
        assert table(connection, "SELECT DISTINCT clothes_fingerprint FROM set_days") == [(FINGERPRINT,)]


def test_a_home_from_before_is_stale_and_filled_on_request_alone(
    facefind: Facefind, event: Path, reference: Path, work: Work, database: Database
) -> None:
    _run(facefind, event, "--reference", f"Ada={reference}")
    described = work.done()["clothes_described"]
    with database.connect() as connection:
        before = table(connection, MADE)
        first = table(connection, "SELECT face_key, descriptor FROM clothes ORDER BY 1")
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM clothes")
            cursor.execute("UPDATE set_days SET clothes_fingerprint = NULL")
    refresh_results(database, SMALL_SET)
    with database.connect() as connection:
        results = made_version(connection, "search_results", SMALL_SET)
    assert _status(facefind) == ("", "2 event days")
    facefind("ingest", event)
    assert work.done()["clothes_described"] == 0
    # Of seven files one is a copy, one is broken and one shows nobody.
    assert "4 to do, 2 duplicates or already processed, 1 unreadable" in _run(facefind, event)
    done = work.done()
    assert (done["photos_detected"], done["faces_embedded"], done["clothes_described"]) == (0, 0, described)
    assert _status(facefind) == ("", "")
    with database.connect() as connection:
        assert table(connection, MADE) == before
        assert table(connection, "SELECT face_key, descriptor FROM clothes ORDER BY 1") == first
        assert made_version(connection, "search_results", SMALL_SET) != results
    _run(facefind, event)
    assert work.done()["runs"] == 0
