"""What a container or a limited service may have of its machine: cgroup version 2 of Linux; elsewhere all of it."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def cpus() -> float | None:
    """Cores' worth of time; None without a limit."""
    limits = []
    for quota, period in (line.split() for line in _values("cpu.max")):
        if quota != "max":
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def memory() -> int | None:
    """Bytes; None without a limit."""
    return min((int(line) for line in _values("memory.max") if line != "max"), default=None)


def _values(name: str) -> Iterator[str]:
    """Of this process's group and of all that it is in: the strictest counts."""
    own = ""
    with suppress(OSError):
        own = next((line[3:] for line in OWN.read_text().splitlines() if line.startswith("0::")), "")
    group = ROOT / own.lstrip("/")
    for folder in (group, *group.parents):
        with suppress(OSError):  # the root has no limits, and a group without that controller no file
            yield (folder / name).read_text().strip()
        if folder == ROOT:
            return
