"""Commands under a limit of memory that the kernel holds them to: a control group that is made for them."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_ENTER = 'echo $$ > "$0" && exec "$@"'


@dataclass(frozen=True, slots=True)
class Limited:
    """A control group with a limit; whatever starts in it stays in it, a database server too."""

    folder: Path

    def run(self, command: Sequence[str | Path], timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Runs a command in it."""
        return subprocess.run(
            ["/bin/sh", "-c", _ENTER, self.folder / "cgroup.procs", *command],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )

    def kills(self) -> int:
        """How many processes of it the kernel has ended for want of memory."""
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                words = (self.folder / name).read_text().split()
                return int(words[words.index("oom_kill") + 1])
        raise AssertionError(f"{self.folder} does not count kills")

    def end_all(self) -> None:
        """Ends what is left in it, as the end of a container does."""
        while processes := (self.folder / "cgroup.procs").read_text().split():
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGKILL)
            time.sleep(0.02)


@contextmanager
def limited(limit: int) -> Iterator[Limited]:
    """A group of so many bytes, below the one that this process is in; skips the test where none can be made."""
    name, folder = _limit_file()
    try:
        folder.mkdir()
        (folder / name).write_text(str(limit))
    except OSError as error:
        with suppress(OSError):
            folder.rmdir()
        pytest.skip(f"no limit of memory can be set for a command here: {error}")
    group = Limited(folder)
    try:
        with suppress(OSError):  # not to be had everywhere; else what does not fit goes to the disk
            (folder / "memory.swap.max").write_text("0")
        yield group
    finally:
        group.end_all()
        folder.rmdir()


def _limit_file() -> tuple[str, Path]:
    """The name of the file that limits a group's memory, and the group to make."""
    lines = (line.split(":", 2) for line in (_OWN.read_text().splitlines() if _OWN.exists() else ()))
    groups = {controllers: path.lstrip("/") for _, controllers, path in lines}
    name = f"facefind-test-{os.getpid()}"
    if "memory" in groups:  # version 1
        return "memory.limit_in_bytes", _GROUPS / "memory" / groups["memory"] / name
    own = _GROUPS / groups.get("", "")
    # A group with processes of its own hands no controller down: the nearest above that does takes the new one.
    for above in (own, *own.parents):
        with suppress(OSError):
            if "memory" in (above / "cgroup.subtree_control").read_text().split():
                return "memory.max", above / name
    return "memory.max", own / name
