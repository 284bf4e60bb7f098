"""Which file beside a photo is its sidecar, and that a change of one is a change of the photo."""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.ingest.folders import find_days
from facefind_pipeline.ingest.listing import list_folder
from facefind_pipeline.ingest.photos import Ingested, ingest_day
from facefind_pipeline.ingest.sidecars import SidecarIndex
from facefind_pipeline.ingest.watch import watch_days
from facefind_pipeline.store import photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.photos import EventDay, PhotoRow
from facefind_pipeline.store.tombstones import Tombstones
from facefind_pipeline_tests.conftest import Silence
from facefind_pipeline_tests.vision.test_exif import photo

XMP = '<rdf:Description exif:DateTimeOriginal="2024-06-{day}T12:30:00"/>'
LONG = "a photo whose name is far longer than what fits"


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def day(connection: Connection, tmp_path: Path) -> EventDay:
    folder = tmp_path / "party"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(photo())
    (folder / "b.jpg").write_bytes(photo({0x010F: "Canon"}))
    (found,) = find_days(folder).days
    photos.register_days(connection, folder, [found])
    return found


def _ingest(connection: Connection, day: EventDay) -> Ingested:
    return ingest_day(connection, day, Silence(), Tombstones(day.path))


def _row(connection: Connection, day: EventDay) -> PhotoRow:
    return photos.photos(connection, day.key)["a.jpg"]


@pytest.mark.parametrize(
    ("name", "sidecar"),
    [
        ("a.jpg", "a.jpg.xmp"),
        ("a.jpg", "a.xmp"),
        ("A.JPG", "A.XMP"),
        ("a.cr2", "a.xmp"),
        ("a.jpg", "a.jpg.json"),
        ("a.jpg", "a.jpg.supplemental-metadata.json"),
        ("a.jpg", "a.jpg.suppl.json"),
        ("a(1).jpg", "a.jpg(1).json"),
        ("a(1).jpg", "a.jpg.supplemental-metadata(1).json"),
        ("a(1).jpg", "a(1).jpg.json"),
        ("a-edited.jpg", "a.jpg.json"),
        (f"{LONG}.jpg", f"{LONG}.jpg"[:46] + ".json"),
    ],
)
def test_the_sidecar_of_a_photo(name: str, sidecar: str, tmp_path: Path) -> None:
    for file in (name, sidecar, "other.jpg", "other.xmp", "other.jpg.json"):
        (tmp_path / file).write_bytes(b"")
    index = SidecarIndex(list_folder(tmp_path).sidecars)
    found = index.of(name)
    assert [entry.name for entry in (found.xmp, found.takeout) if entry] == [sidecar]
    assert index.of("nobodys.jpg").state() is None


def test_a_sidecar_that_comes_changes_and_goes_is_noticed(connection: Connection, day: EventDay) -> None:
    first = _ingest(connection, day)
    assert _row(connection, day).taken_at is None
    seen = watch_days(connection, {}, settle_seconds=0).states
    sidecar = day.path / "a.jpg.xmp"
    for text, expected in ((XMP.format(day=15), 15), (XMP.format(day=16), 16), (None, None)):
        if text is None:
            sidecar.unlink()
        else:
            sidecar.write_text(text)
            os.utime(sidecar, (expected, expected))
        watched = watch_days(connection, seen, settle_seconds=0)
        assert day.key in watched.due
        again = _ingest(connection, day)
        assert (again.read, again.version) == (1, first.version)
        row = _row(connection, day)
        assert row.taken_at == (datetime(2024, 6, expected, 12, 30) if expected else None)
        assert row.taken_source == ("XMP sidecar" if expected else None)
        assert _ingest(connection, day).read == 0
        seen = watch_days(connection, {}, settle_seconds=0).states


def test_an_export_of_takeout(connection: Connection, day: EventDay) -> None:
    said = {"photoTakenTime": {"timestamp": "1718454600"}, "geoData": {"latitude": 38.7, "longitude": -9.13}}
    (day.path / "a.jpg.supplemental-metadata.json").write_text(json.dumps(said))
    (day.path / "metadata.json").write_text(json.dumps({"title": "Party"}))
    ingested = _ingest(connection, day)
    row = _row(connection, day)
    assert ingested.problems == {}
    assert (row.taken_at, row.taken_source) == (datetime(2024, 6, 15, 12, 30), "Takeout")
    assert (row.country, row.position_source) == ("PT", "Takeout")
    assert (ingested.photos, ingested.others) == (2, {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_sidecar_without_permission_counts_as_missing(connection: Connection, day: EventDay) -> None:
    (day.path / "a.xmp").write_text(XMP.format(day=15))
    (day.path / "a.xmp").chmod(0)
    assert _ingest(connection, day).problems == {}
    assert _row(connection, day).taken_at is None
