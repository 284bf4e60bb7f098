"""A day's folder into rows: only new and changed files are read, odd files are rows with a reason."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.ingest.folders import find_days
from facefind_pipeline.ingest.photos import Ingested, ingest_day, scan
from facefind_pipeline.store import photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline_tests.conftest import Silence


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def day(connection: Connection, event: Path) -> EventDay:
    root = event / "Day 1"
    (day,) = find_days(root)
    photos.register_days(connection, root, [day])
    return day


def _ingest(connection: Connection, day: EventDay, *, rehash: bool = False) -> Ingested:
    return ingest_day(connection, day, Silence(), rehash=rehash)


def test_rows_say_what_a_file_is_or_why_not(connection: Connection, day: EventDay) -> None:
    ingested = _ingest(connection, day)
    assert (ingested.photos, ingested.read, ingested.problems) == (4, 4, {"broken.jpg": "not an image"})
    rows = photos.photos(connection, day.key)
    assert (rows["hopper.jpg"].width, rows["hopper.jpg"].height, rows["hopper.jpg"].format) == (512, 600, "JPEG")
    assert rows["broken.jpg"].sha256 is not None
    assert rows["broken.jpg"].width is None


def test_only_new_and_changed_files_are_read(connection: Connection, day: EventDay) -> None:
    first = _ingest(connection, day)
    assert _ingest(connection, day) == Ingested(first.version, 4, 0, 0, first.problems)
    (day.path / "hopper.jpg").rename(day.path / "renamed.jpg")
    os.utime(day.path / "both.jpg", ns=(1, 1))
    again = _ingest(connection, day)
    assert (again.photos, again.read, again.gone) == (4, 2, 1)
    assert again.version != first.version
    assert _ingest(connection, day, rehash=True).read == 4


def test_a_same_sized_change_in_the_same_instant_is_seen_by_rehash(connection: Connection, day: EventDay) -> None:
    before = _ingest(connection, day)
    file = day.path / "nobody.jpg"
    status, content = file.stat(), bytearray(file.read_bytes())
    content[-20] ^= 1
    with file.open("r+b") as opened:
        opened.write(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert _ingest(connection, day).version == before.version
    assert _ingest(connection, day, rehash=True).version != before.version


def test_a_missing_folder_deletes_nothing(connection: Connection, day: EventDay) -> None:
    before = _ingest(connection, day)
    day.path.rename(day.path.with_name("away"))
    gone = _ingest(connection, day)
    assert (gone.available, gone.version, gone.photos) == (False, before.version, 4)
    assert not photos.find_day(connection, day.key).available
    assert scan(day, {}) is None
    day.path.with_name("away").rename(day.path)
    assert _ingest(connection, day).available
    assert photos.find_day(connection, day.key).available


def test_odd_names_and_links_are_rows(connection: Connection, day: EventDay) -> None:
    hopper = (day.path / "hopper.jpg").read_bytes()
    for name in (b"caf\xe9.jpg", b"line\nbreak.jpg", b"quote'\".jpg", "Łódź 祭り.jpg".encode()):
        (Path(os.fsdecode(os.fsencode(day.path) + b"/" + name))).write_bytes(hopper)
    (day.path / "link.jpg").symlink_to("hopper.jpg")
    (day.path / "dangling.jpg").symlink_to("nowhere.jpg")
    (day.path / "loop.jpg").symlink_to("loop.jpg")
    first = _ingest(connection, day)
    assert first.problems == {"broken.jpg": "not an image", r"caf\udce9.jpg": "file name is not UTF-8: rename it"}
    assert {"line\nbreak.jpg", "quote'\".jpg", "Łódź 祭り.jpg", "link.jpg"} < set(photos.photos(connection, day.key))
    again = _ingest(connection, day)
    assert (again.read, again.gone, again.version) == (0, 0, first.version)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_row_with_the_reason(connection: Connection, day: EventDay) -> None:
    (day.path / "hopper.jpg").chmod(0)
    assert _ingest(connection, day).problems["hopper.jpg"] == "permission denied"
