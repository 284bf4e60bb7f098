"""Limits of a container, and what follows for the number of processes apart."""

import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from facefind_pipeline.vision import apart, cgroup


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The group of this process, in another one, both without limits."""
    own = tmp_path / "root" / "outer" / "inner"
    own.mkdir(parents=True)
    (tmp_path / "self").write_text("4:memory:/old\n0::/outer/inner\n")
    monkeypatch.setattr(cgroup, "ROOT", tmp_path / "root")
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "self")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=64_000_000_000))
    for folder in (own, own.parent):
        (folder / "cpu.max").write_text("max 100000\n")
        (folder / "memory.max").write_text("max\n")
    return own


def test_without_limits_there_is_a_process_a_core(group: Path) -> None:
    assert (cgroup.cpus(), cgroup.memory()) == (None, None)
    assert (apart.cores(), apart._size()) == (16, 16)
    (group / "cpu.max").unlink()
    assert apart.cores() == 16


@pytest.mark.parametrize(("limit", "cores"), [("400000 100000", 4), ("150000 100000", 2), ("50000 100000", 1)])
@pytest.mark.parametrize("where", [".", ".."])
def test_cores_are_those_of_the_container(group: Path, limit: str, cores: int, where: str) -> None:
    (group / where / "cpu.max").write_text(limit)
    assert (apart.cores(), apart._size()) == (cores, cores)


@pytest.mark.parametrize(("limit", "size"), [(2_000_000_000, 4), (100_000_000, 1)])
def test_processes_are_as_many_as_memory_is_for(
    group: Path, limit: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (group / "memory.max").write_text(str(limit))
    assert (apart.cores(), apart._size()) == (16, size)
    (group / "memory.max").write_text("max")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=limit))
    assert apart._size() == size


def test_memory_of_version_1_counts(group: Path) -> None:
    first = cgroup.ROOT / "memory" / "old"
    first.mkdir(parents=True)
    (first / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert cgroup.memory() is None
    (first / "memory.limit_in_bytes").write_text("900000000\n")
    assert (cgroup.memory(), apart._size()) == (900_000_000, 2)
    (group / "memory.max").write_text("500000000\n")
    assert cgroup.memory() == 500_000_000
