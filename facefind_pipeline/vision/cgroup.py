"""What a container or a limited service may have of its machine: control groups of Linux; elsewhere all of it.

Time is that of version 2, memory of either version.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
_UNLIMITED = 2**62  # bytes; version 1 has a number where version 2 has a word


def cpus() -> float | None:
    """Cores' worth of time; None without a limit."""
    limits = []
    for quota, period in (line.split() for line in _values(ROOT, "", "cpu.max")):
        if quota != "max":
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def memory() -> int | None:
    """Bytes; None without a limit."""
    found = [*_values(ROOT, "", "memory.max"), *_values(ROOT / "memory", "memory", "memory.limit_in_bytes")]
    return min((int(line) for line in found if line != "max" and int(line) < _UNLIMITED), default=None)


def _values(root: Path, controller: str, name: str) -> Iterator[str]:
    """Of this process's group and of all that it is in: the strictest counts."""
    own = ""
    with suppress(OSError):
        groups = (line.split(":", 2) for line in OWN.read_text().splitlines())
        own = next((path for _, controllers, path in groups if controller in controllers.split(",")), "")
    group = root / own.lstrip("/")
    for folder in (group, *group.parents):
        with suppress(OSError):  # the root has no limits, and a group without that controller no file
            yield (folder / name).read_text().strip()
        if folder == root:
            return
