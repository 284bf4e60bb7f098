"""Which homes are used, which are refused, and that both kinds are closed to other users."""

import os
import shutil
import stat
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facefind_pipeline.errors import FacefindError
from facefind_pipeline.home import MARK, check, make
from facefind_pipeline.settings import read_settings

AS_ROOT = os.geteuid() == 0


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state folder, of one test's own."""
    folder = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that was made here."""
    made = tmp_path / "work" / ".facefind"
    made.parent.mkdir()
    make(made)
    return made


@pytest.fixture
def old_home(tmp_path: Path) -> Path:
    """A home as it was before homes were marked: open, with a cluster that initdb just made."""
    home = tmp_path / "old" / ".facefind"
    for folder in ("dagster", "sheets/people", "models", "postgres/data/global"):
        (home / folder).mkdir(parents=True)
    for file in ("dagster/dagster.yaml", "sheets/people/ada.jpg", "models/yunet.onnx", "postgres/data/PG_VERSION"):
        (home / file).write_text("18")
        (home / file).chmod(0o644)
    (home / "postgres/data/global/pg_control").write_bytes(struct.pack("=Q", int(time.time()) << 32))
    home.chmod(0o755)
    return home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_that_was_made_here_is_used(home: Path, state: Path) -> None:
    check(home, named=False)
    assert mode(home) == 0o700
    (record,) = (state / "facefind" / "homes").iterdir()
    assert record.name == (home / MARK).read_text()
    assert (mode(record), mode(record.parent), mode(home / MARK)) == (0o600, 0o700, 0o600)


def test_one_that_is_not_there_yet_is_nobodys(tmp_path: Path) -> None:
    check(tmp_path / "none", named=False)
    assert not (tmp_path / "none").exists()


def test_a_home_may_be_moved_or_restored_in_place(home: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    home.rename(moved)
    check(moved, named=False)
    shutil.copytree(moved, home)
    check(home, named=False)


def test_a_copy_is_refused_until_it_is_named(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    with pytest.raises(FacefindError, match=rf"{copy} was not made here: .*set FACEFIND_HOME={copy}"):
        check(copy, named=False)
    check(copy, named=True)
    check(copy, named=False)
    check(home, named=False)


def test_somebody_elses_home_with_a_mark_is_refused(home: Path, state: Path) -> None:
    shutil.rmtree(state)
    with pytest.raises(FacefindError, match="was not made here"):
        check(home, named=False)


def test_an_old_home_is_closed_and_recorded_at_its_first_use(old_home: Path, state: Path) -> None:
    check(old_home, named=False)
    passed_by_the_server = AS_ROOT  # which runs as `nobody` then
    assert mode(old_home) == (0o711 if passed_by_the_server else 0o700)
    for folder in ("dagster", "sheets", "sheets/people"):
        assert mode(old_home / folder) == 0o700
    for file in ("dagster/dagster.yaml", "sheets/people/ada.jpg"):
        assert mode(old_home / file) == 0o600
    assert mode(old_home / "models/yunet.onnx") == 0o644
    assert len(list((state / "facefind" / "homes").iterdir())) == 1
    os.utime(old_home / "postgres/data/PG_VERSION", (1, 1))  # it is known now, whatever becomes of its files
    check(old_home, named=False)


def _unpacked(home: Path, work: Path) -> Path:
    os.utime(home / "postgres/data/PG_VERSION", (1_700_000_000, 1_700_000_000))
    shutil.make_archive(str(work / "home"), "tar", home.parent, ".facefind")
    subprocess.run(["tar", "xf", work / "home.tar", "--one-top-level=unpacked"], cwd=work, check=True)
    return work / "unpacked" / ".facefind"


def _cloned(home: Path, work: Path) -> Path:
    """As git and `cp -r` do: every file is new, but the cluster says when it was made."""
    (home / "postgres/data/global/pg_control").write_bytes(struct.pack("=Q", 1_700_000_000 << 32))
    return Path(shutil.copytree(home, work / "cloned", copy_function=shutil.copyfile))


def _without_control(home: Path, work: Path) -> Path:
    (home / "postgres/data/global/pg_control").unlink()
    return home


@pytest.mark.parametrize("bring", [_unpacked, _cloned, _without_control])
def test_a_foreign_home_without_a_mark_is_refused(
    old_home: Path, tmp_path: Path, bring: Callable[[Path, Path], Path]
) -> None:
    brought = bring(old_home, tmp_path)
    with pytest.raises(FacefindError, match="was not made here"):
        check(brought, named=False)
    assert not (brought / MARK).exists()
    check(brought, named=True)


@pytest.mark.parametrize("part", ["references", "dagster/dagster.yaml", "postgres/data/pg_wal"])
def test_a_link_out_of_the_home_is_refused(old_home: Path, tmp_path: Path, part: str) -> None:
    shutil.rmtree(old_home / "dagster")
    (old_home / "dagster").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (old_home / part).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FacefindError, match=rf"{old_home / part} is a link out of the home"):
        check(old_home, named=False)
    check(old_home, named=True)
    with pytest.raises(FacefindError, match="is a link out"):
        check(old_home, named=False)


def test_a_link_to_a_home_is_refused_unless_it_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(home)
    with pytest.raises(FacefindError, match="is a link, which may lead anywhere"):
        check(tmp_path / "link", named=False)
    check(tmp_path / "link", named=True)


def test_what_anyone_may_write_is_refused(home: Path, tmp_path: Path) -> None:
    home.chmod(0o777)
    with pytest.raises(FacefindError, match="anyone may write into"):
        check(home, named=False)
    check(home, named=True)
    assert mode(home) == 0o700
    home.chmod(0o1777)  # as /tmp is
    with pytest.raises(FacefindError, match="several users share"):
        check(home, named=True)


@pytest.mark.skipif(not AS_ROOT, reason="only root can give a folder away")
@pytest.mark.parametrize("named", [True, False])
def test_another_users_home_is_always_refused(home: Path, named: bool) -> None:
    os.chown(home, 1, 1)
    with pytest.raises(FacefindError, match=r"belongs to daemon, and you are root: set FACEFIND_HOME"):
        check(home, named=named)
    os.chown(home, 0, 0)
    (home / "dagster").mkdir()
    os.chown(home / "dagster", 1, 1)
    if not named:
        with pytest.raises(FacefindError, match=r"dagster belongs to daemon"):
            check(home, named=False)


def test_where_no_home_can_be_recorded_it_has_to_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(FacefindError, match=rf"/proc/nowhere.* can't be written.*FACEFIND_HOME={tmp_path}/new"):
        check(tmp_path / "new", named=False)
    make(tmp_path / "new")
    check(tmp_path / "new", named=True)
    with pytest.raises(FacefindError, match="was not made here"):
        check(tmp_path / "new", named=False)


def test_pictures_that_a_link_leads_to_keep_their_modes(old_home: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "ada.jpg").touch()
    pictures.chmod(0o755)  # whatever the umask
    (pictures / "ada.jpg").chmod(0o644)
    (old_home / "references").symlink_to(pictures)
    check(old_home, named=True)
    assert (mode(pictures), mode(pictures / "ada.jpg")) == (0o755, 0o644)


def test_settings_come_with_a_checked_home(old_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACEFIND_HOME", raising=False)
    brought = _unpacked(old_home, tmp_path)
    monkeypatch.chdir(brought.parent)
    with pytest.raises(FacefindError, match="was not made here"):
        read_settings()
    monkeypatch.setenv("FACEFIND_HOME", ".facefind")
    assert read_settings().home == brought
