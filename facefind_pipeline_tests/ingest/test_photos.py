"""A day's folder into rows: only new and changed files are read, odd files are rows with a reason."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from facefind_pipeline.ingest.folders import find_days
from facefind_pipeline.ingest.listing import Listing, list_folder
from facefind_pipeline.ingest.photos import Ingested, ingest_day, read_photo, scan
from facefind_pipeline.ingest.sidecars import Sidecars
from facefind_pipeline.store import photos
from facefind_pipeline.store.database import Database
from facefind_pipeline.store.photos import EventDay
from facefind_pipeline.store.tombstones import Tombstones
from facefind_pipeline.vision import formats
from facefind_pipeline_tests.conftest import Silence


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def day(connection: Connection, event: Path) -> EventDay:
    root = event / "Day 1"
    (day,) = find_days(root).days
    photos.register_days(connection, root, [day])
    return day


def _ingest(connection: Connection, day: EventDay, *, rehash: bool = False) -> Ingested:
    return ingest_day(connection, day, Silence(), Tombstones(day.path), rehash=rehash)


def test_rows_say_what_a_file_is_or_why_not(connection: Connection, day: EventDay) -> None:
    ingested = _ingest(connection, day)
    assert (ingested.photos, ingested.read, ingested.problems) == (4, 4, {"broken.jpg": "not an image"})
    rows = photos.photos(connection, day.key)
    assert (rows["hopper.jpg"].width, rows["hopper.jpg"].height, rows["hopper.jpg"].format) == (512, 600, "JPEG")
    assert rows["broken.jpg"].sha256 is not None
    assert rows["broken.jpg"].width is None


def test_only_new_and_changed_files_are_read(connection: Connection, day: EventDay) -> None:
    first = _ingest(connection, day)
    assert _ingest(connection, day) == Ingested(first.version, 4, 0, 0, first.problems, left_out=[])
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
    assert (gone.unavailable, gone.version, gone.photos) == ("is gone", before.version, 4)
    assert not photos.find_day(connection, day.key).available
    assert scan(day, {}).unavailable == "is gone"
    day.path.with_name("away").rename(day.path)
    assert _ingest(connection, day).unavailable is None
    assert photos.find_day(connection, day.key).available


def test_odd_names_and_links_are_rows(connection: Connection, day: EventDay) -> None:
    hopper = (day.path / "hopper.jpg").read_bytes()
    for name in (b"caf\xe9.jpg", b"line\nbreak.jpg", b"quote'\".jpg", "Łódź 祭り.jpg".encode()):
        (Path(os.fsdecode(os.fsencode(day.path) + b"/" + name))).write_bytes(hopper)
    (day.path / "link.jpg").symlink_to("hopper.jpg")
    (day.path / "dangling.jpg").symlink_to("nowhere.jpg")
    (day.path / "loop.jpg").symlink_to("loop.jpg")
    first = _ingest(connection, day)
    assert first.problems == {"broken.jpg": "not an image"}
    assert {r"caf\xe9.jpg", "line\nbreak.jpg", "quote'\".jpg", "Łódź 祭り.jpg", "link.jpg"} < set(
        photos.photos(connection, day.key)
    )
    again = _ingest(connection, day)
    assert (again.read, again.gone, again.version) == (0, 0, first.version)


def test_two_names_that_differ_in_their_normal_form_are_two_files(connection: Connection, day: EventDay) -> None:
    names = {"José.jpg", "Jose\u0301.jpg"}
    for name in names:
        (day.path / name).write_bytes((day.path / "hopper.jpg").read_bytes())
    assert names < {file.name for file in day.path.iterdir()}
    _ingest(connection, day)
    assert names < set(photos.photos(connection, day.key))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_row_with_the_reason(connection: Connection, day: EventDay) -> None:
    (day.path / "hopper.jpg").chmod(0)
    assert _ingest(connection, day).problems["hopper.jpg"] == "permission denied"


def test_a_folder_without_any_of_its_photos_deletes_nothing(connection: Connection, day: EventDay) -> None:
    before = _ingest(connection, day)
    away = day.path.with_name("away")
    day.path.rename(away)
    day.path.mkdir()
    (day.path / "not mounted.txt").write_text("")
    gone = _ingest(connection, day)
    assert (gone.unavailable, gone.version) == ("has no photos any more", before.version)
    for file in away.iterdir():  # links into a folder that is not mounted
        (day.path / file.name).symlink_to(f"/mnt/none/{file.name}")
    gone = _ingest(connection, day)
    assert (gone.unavailable, gone.version, len(gone.left_out)) == ("has no photos any more", before.version, 4)
    shutil.rmtree(day.path)
    day.path.symlink_to("/mnt/none")
    assert _ingest(connection, day).unavailable == "is gone"
    day.path.unlink()
    day.path.write_text("a file")
    assert _ingest(connection, day).unavailable == "can't be read: not a directory"
    assert not photos.find_day(connection, day.key).available
    day.path.unlink()
    away.rename(day.path)
    assert _ingest(connection, day).version == before.version
    assert photos.find_day(connection, day.key).available


def test_some_photos_that_are_gone_are_gone_and_a_link_that_leads_nowhere_is_kept(
    connection: Connection, day: EventDay
) -> None:
    _ingest(connection, day)
    (day.path / "hopper.jpg").unlink()
    (day.path / "both.jpg").unlink()
    (day.path / "both.jpg").symlink_to("/mnt/none/both.jpg")
    after = _ingest(connection, day)
    assert (after.gone, after.unavailable) == (1, None)
    assert after.left_out == [f"{day.path}/both.jpg: leads to nothing that is there"]
    assert set(photos.photos(connection, day.key)) == {"both.jpg", "broken.jpg", "nobody.jpg"}


def test_a_photo_without_a_suffix_that_can_not_be_read_now_is_kept(
    connection: Connection, day: EventDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    (day.path / "hopper.jpg").rename(day.path / "hopper")
    before = _ingest(connection, day)
    assert "hopper" in photos.photos(connection, day.key)

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(formats, "_kind_of_content", fail)
    after = _ingest(connection, day)
    assert (after.version, after.gone) == (before.version, 0)
    assert after.left_out == [f"{day.path}/hopper: can't be read: input/output error"]


def test_files_that_are_no_photos_are_counted_by_kind(connection: Connection, day: EventDay) -> None:
    (day.path / "menu.pdf").write_bytes(b"%PDF-1.7")
    ingested = _ingest(connection, day)
    assert (ingested.photos, ingested.left_out, ingested.others) == (4, [], {"PDF": 1})


@pytest.mark.parametrize("seconds", [13_569_465_600, -86_400 * 365 * 100])
def test_times_far_from_now(connection: Connection, day: EventDay, seconds: int) -> None:
    os.utime(day.path / "hopper.jpg", (seconds, seconds))
    assert _ingest(connection, day).read == 4
    assert _ingest(connection, day).read == 0


def test_a_file_that_vanishes_between_listing_and_reading_is_skipped(
    connection: Connection, day: EventDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    (day.path / "known.jpg").write_bytes((day.path / "hopper.jpg").read_bytes())
    _ingest(connection, day)

    def list_and_delete(folder: Path) -> Listing:
        listing = list_folder(folder)
        (folder / "known.jpg").unlink(missing_ok=True)
        (folder / "new.jpg").unlink(missing_ok=True)
        return listing

    monkeypatch.setattr("facefind_pipeline.ingest.photos.list_folder", list_and_delete)
    (day.path / "new.jpg").write_text("new")
    after = _ingest(connection, day)
    assert (after.photos, after.gone, set(after.problems)) == (4, 1, {"broken.jpg"})
    assert read_photo(day.path / "new.jpg", "new.jpg", Sidecars()) is None


@pytest.mark.usefixtures("in_this_process")
def test_whatever_a_reader_raises_is_a_row_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise TypeError("'>' not supported")

    monkeypatch.setattr("facefind_pipeline.vision.exif.read_facts", failing)
    (tmp_path / "odd.jpg").write_bytes(b"bytes")
    row = read_photo(tmp_path / "odd.jpg", "odd.jpg", Sidecars())
    assert row is not None
    assert row.problem == "reading its header failed: '>' not supported"
    assert row.sha256 is not None


def test_a_file_too_large_to_read_is_a_row_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "sparse.jpg"
    file.touch()
    os.truncate(file, 3 << 30)
    row = read_photo(file, "sparse.jpg", Sidecars())
    assert row is not None
    assert (row.problem, row.sha256, row.bytes) == (
        *("too large: a file of 3.2 GB; FACEFIND_PHOTO_MEMORY=7517 allows it", None),
        3 << 30,
    )
