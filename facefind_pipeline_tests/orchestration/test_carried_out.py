"""Commands that another process carries out: when it does not, and that it outlives them."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import facefind_pipeline
from facefind_pipeline import cli
from facefind_pipeline.ingest.arrivals import Arrivals
from facefind_pipeline.orchestration import live as live_module
from facefind_pipeline.orchestration.live import Live
from facefind_pipeline.orchestration.runs import Graph
from facefind_pipeline.orchestration.warm_worker import Desk, carry_out
from facefind_pipeline.settings import Settings
from facefind_pipeline.store.database import Database
from facefind_pipeline.warm_commands import Command, stamp


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Working directories that a command was carried out in."""
    folders: list[str] = []

    def call(_: object) -> int:
        folders.append(str(Path.cwd()))
        return 7

    monkeypatch.setattr(cli, "call", call)
    return folders


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection: the caller's end, and the end of who carries out."""
    asked, asking = socket.socketpair()
    with asked, asking:
        asked.settimeout(5)
        yield asked, asking


def _command(folder: Path, connection: socket.socket) -> Command:
    streams = [os.open(os.devnull, os.O_RDWR) for _ in range(3)]
    return Command(["params"], os.fspath(folder), "", os.getpid(), streams, connection)


def test_who_waits_is_told_that_it_is_taken_and_the_exit_code(
    called: list[str], ends: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    before = Path.cwd()
    carry_out(_command(tmp_path, ends[1]))
    assert ends[0].makefile("rb").read() == b"taken\n7\n"
    assert (called, Path.cwd()) == ([str(tmp_path)], before)


def test_a_working_directory_that_is_none_here_is_left_to_the_caller(
    called: list[str], ends: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    carry_out(_command(tmp_path / "gone", ends[1]))
    assert ends[0].makefile("rb").read() == b"busy\n"
    assert called == []


def test_a_command_that_was_given_up_is_not_carried_out(
    called: list[str], ends: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    ends[0].close()
    carry_out(_command(tmp_path, ends[1]))
    assert called == []


def test_what_goes_wrong_with_a_command_does_not_end_who_follows(
    ends: tuple[socket.socket, socket.socket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = 0

    def fail(_: Command) -> None:
        raise RuntimeError("of the command")

    def make() -> None:
        nonlocal made
        made += 1
        if made == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(live_module, "carry_out", fail)
    desk = Desk(None, _command(tmp_path, ends[1]))
    following = Live(cast("Graph", None), Arrivals())
    monkeypatch.setattr(following, "_hear", lambda _: None)
    monkeypatch.setattr(following, "make", make)
    with pytest.raises(KeyboardInterrupt):
        following.follow(desk)
    assert made == 2


def test_a_stamp_tells_settings_and_code_apart(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    database = cast("Database", SimpleNamespace(url="postgresql:///photos"))
    stamps = [stamp(settings, database), stamp(replace(settings, keep_unmatched=False), database)]
    for variable, value in (
        ("FACEFIND_PHOTO_MEMORY", "1300"),
        ("FACEFIND_CLOTHES", "off"),
        ("FACEFIND_ROOTS_MAP", "/mnt/a=/mnt/b"),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(variable, value)
            stamps.append(stamp(settings, database))
    for name in ("__version__", "__file__"):
        with monkeypatch.context() as patched:
            patched.setattr(facefind_pipeline, name, "/other")
            stamps.append(stamp(settings, database))
    assert len(set(stamps)) == 7
    assert stamp(settings, database) == stamps[0]
