"""What the system tells of real folders: closed files, not those that are still written, wherever they come from."""

import ctypes
import errno
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from watchdog.observers import inotify_c

from facefind_pipeline.ingest import arrivals as arrivals_module
from facefind_pipeline.ingest import mounts
from facefind_pipeline.ingest.arrivals import Arrivals
from facefind_pipeline.ingest.mounts import type_of_disk, why_silent

PATIENCE_S = 10


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "day").mkdir(parents=True)
    return folder


@pytest.fixture
def arrivals(root: Path) -> Iterator[Arrivals]:
    with closing(Arrivals()) as arrivals:
        assert arrivals.listen([root]) == {}
        yield arrivals


def _told(arrivals: Arrivals, *wanted: Path) -> dict[Path, set[str]]:
    """Names of closed files by folder, once all of these folders were told of; each was closed just now."""
    told: dict[Path, set[str]] = defaultdict(set)
    until = time.monotonic() + PATIENCE_S
    while not told.keys() >= set(wanted) and time.monotonic() < until:
        for folder, closed in arrivals.wait(0.5).items():
            told[folder] |= closed.keys()
            assert all(0 <= time.time() - at < PATIENCE_S for at in closed.values())
    assert told.keys() >= set(wanted)
    return told


def test_a_file_is_told_when_it_is_closed_and_not_before(arrivals: Arrivals, root: Path) -> None:
    with (root / "day" / "one.jpg").open("wb") as file:
        file.write(b"half of it")
        file.flush()
        assert arrivals.wait(0.5) == {}
        file.write(b"the other half")
    assert _told(arrivals, root / "day") == {root / "day": {"one.jpg"}}
    assert arrivals.wait(0) == {}


def test_a_copy_under_a_hidden_name_is_told_when_it_is_renamed(arrivals: Arrivals, root: Path) -> None:
    (root / "day" / ".one.jpg.Xy4z").write_bytes(b"as rsync writes")
    assert arrivals.wait(0.5) == {}
    (root / "day" / ".one.jpg.Xy4z").rename(root / "day" / "one.jpg")
    assert _told(arrivals, root / "day") == {root / "day": {"one.jpg"}}


def test_what_is_moved_in_is_whole_and_what_goes_is_told(arrivals: Arrivals, root: Path, tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(b"1")
    (tmp_path / "one.jpg").rename(root / "day" / "one.jpg")
    assert _told(arrivals, root / "day") == {root / "day": {"one.jpg"}}
    (root / "day" / "one.jpg").unlink()
    assert _told(arrivals, root / "day") == {root / "day": set()}


def test_what_can_be_no_photo_is_not_told(arrivals: Arrivals, root: Path) -> None:
    for name in ("clip.mp4", ".hidden.jpg", "notes.txt"):
        (root / "day" / name).write_bytes(b"1")
    (root / "day" / "one.xmp").write_bytes(b"1")
    assert _told(arrivals, root / "day") == {root / "day": {"one.xmp"}}


def test_a_new_folder_is_listened_to(arrivals: Arrivals, root: Path) -> None:
    (root / "new").mkdir()
    assert root / "new" in _told(arrivals, root / "new")
    (root / "new" / "one.jpg").write_bytes(b"1")
    assert _told(arrivals, root / "new")[root / "new"] == {"one.jpg"}


def test_a_folder_that_was_put_there_whole_is_listened_to(arrivals: Arrivals, root: Path, tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    (tmp_path / "card").rename(root / "card")
    assert root / "card" in _told(arrivals, root / "card")
    arrivals.listen([root])
    (root / "card" / "one.jpg").write_bytes(b"1")
    assert _told(arrivals, root / "card")[root / "card"] == {"one.jpg"}


def test_a_root_that_comes_back_is_listened_to_again(arrivals: Arrivals, root: Path) -> None:
    root.rename(root.with_name("elsewhere"))
    (root.with_name("elsewhere") / "day").rmdir()
    root.with_name("elsewhere").rmdir()
    time.sleep(0.2)
    assert arrivals.listen([root]) == {}
    (root / "day").mkdir(parents=True)
    until = time.monotonic() + PATIENCE_S
    told: set[str] = set()
    while "one.jpg" not in told and time.monotonic() < until:
        arrivals.listen([root])
        (root / "day" / "one.jpg").write_bytes(b"1")
        told |= arrivals.wait(0.5).get(root / "day", {}).keys()
    assert "one.jpg" in told


def test_a_folder_that_is_not_asked_for_any_more_is_not_told_of(arrivals: Arrivals, root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    arrivals.listen([tmp_path / "other"])
    (root / "day" / "one.jpg").write_bytes(b"1")
    (tmp_path / "other" / "two.jpg").write_bytes(b"1")
    assert _told(arrivals, tmp_path / "other") == {tmp_path / "other": {"two.jpg"}}


def test_folders_on_a_network_disk_are_silent_and_so_are_those_beyond_the_systems_limit(
    arrivals: Arrivals, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nas, many = tmp_path / "nas", tmp_path / "many"
    for folder in (nas, many):
        folder.mkdir()

    def refuse(*_: object) -> int:
        ctypes.set_errno(errno.ENOSPC)
        return -1

    monkeypatch.setattr(arrivals_module, "why_silent", lambda folder: "on nfs4" if folder == nas else None)
    monkeypatch.setattr("watchdog.observers.inotify_c.inotify_add_watch", refuse)
    silent = arrivals.listen([root, nas, many])
    assert silent[nas] == "on nfs4"
    assert "inotify watch limit reached" in silent[many]
    assert root not in silent


def _open() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - which counts itself each time


def test_a_root_that_is_not_there_keeps_nothing_open(arrivals: Arrivals, root: Path, tmp_path: Path) -> None:
    before = _open()
    for _ in range(3):
        assert arrivals.listen([root, tmp_path / "unmounted"]) == {}
    assert _open() == before


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.ENOENT])
def test_a_root_that_fails_halfway_keeps_nothing_open_and_is_tried_again_later(
    arrivals: Arrivals, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    many = tmp_path / "many"
    (many / "day").mkdir(parents=True)
    real = inotify_c.inotify_add_watch

    def refuse_days(descriptor: int, path: bytes, mask: int) -> int:
        if not path.endswith(b"day"):
            return int(real(descriptor, path, mask))
        ctypes.set_errno(code)
        return -1

    monkeypatch.setattr(inotify_c, "inotify_add_watch", refuse_days)
    before = _open()
    for _ in range(3):
        assert (many in arrivals.listen([root, many])) == (code == errno.ENOSPC)
    assert _open() == before
    monkeypatch.setattr(inotify_c, "inotify_add_watch", real)
    assert (many in arrivals.listen([root, many])) == (code == errno.ENOSPC)
    later = time.monotonic() + arrivals_module.AGAIN_S
    monkeypatch.setattr(arrivals_module.time, "monotonic", lambda: later)
    assert arrivals.listen([root, many]) == {}
    monkeypatch.undo()
    (many / "day" / "one.jpg").write_bytes(b"1")
    assert _told(arrivals, many / "day") == {many / "day": {"one.jpg"}}


def test_a_root_that_was_moved_away_and_made_again_is_listened_to(arrivals: Arrivals, root: Path) -> None:
    root.rename(root.with_name("elsewhere"))
    (root / "day").mkdir(parents=True)
    assert arrivals.listen([root]) == {}
    (root / "day" / "one.jpg").write_bytes(b"1")
    assert "one.jpg" in _told(arrivals, root / "day")[root / "day"]


@pytest.mark.parametrize(
    ("kind", "silent"),
    [("nfs4", True), ("cifs", True), ("fuse.sshfs", True), ("9p", True), ("ext4", False), ("fuseblk", False)],
)
def test_disks_of_the_network_tell_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, silent: bool
) -> None:
    class Mount:
        def __init__(self, mountpoint: str, fstype: str) -> None:
            self.mountpoint, self.fstype = mountpoint, fstype

    mounted = [Mount("/", "xfs"), Mount(os.path.realpath(tmp_path), kind), Mount(f"{tmp_path}2", "tmpfs")]
    monkeypatch.setattr(mounts.psutil, "disk_partitions", lambda **_: mounted)
    monkeypatch.setattr(mounts.sys, "platform", "linux")
    assert type_of_disk(tmp_path / "photos") == kind
    assert (why_silent(tmp_path / "photos") is not None) == silent
    assert why_silent(Path("/elsewhere")) is None
