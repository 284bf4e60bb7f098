"""The machine: Python, cores and memory, space on disks, shared memory, and the switches of libraries' telemetry."""

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from facefind_pipeline.doctor.findings import Finding, Installation, note, ok, problem
from facefind_pipeline.store.server import EmbeddedServer
from facefind_pipeline.telemetry import TELEMETRY_OFF

LOWEST_PYTHON, BEYOND_PYTHON = (3, 11), (3, 14)
LOW_MEMORY = 2 * 2**30  # a process that finds faces takes up to 1 GB beside the server's 0.5
FULL, NEARLY_FULL = 2**30, 5 * 2**30  # free bytes of a disk
FEW_FILES = 1_000  # free entries of a file system
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux has it


def python(_: Installation) -> Iterator[Finding]:
    """Whether this Python is one that the packages are tested with."""
    text = f"Python {platform.python_version()}, {sys.executable}"
    if LOWEST_PYTHON <= sys.version_info[:2] < BEYOND_PYTHON:
        yield ok(text)
    else:
        yield problem(text, "install facefind with Python 3.11 to 3.13")


def cores(_: Installation) -> Iterator[Finding]:
    """How many cores this process may use, and how much memory."""
    import psutil

    from facefind_pipeline.vision import cgroup

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free, allowed = psutil.virtual_memory().available, cgroup.memory()
    text = f"{'one core' if usable == 1 else f'{usable} cores'}, {_size(free)} of memory free"
    if allowed is not None and allowed < min(free, LOW_MEMORY):
        yield note(
            f"{text}, of which this container may have {_size(allowed)}",
            f"give it more: a run on large photos takes up to {_size(LOW_MEMORY)}",
        )
    elif free < LOW_MEMORY:
        yield note(text, f"end other programs: a run on large photos takes up to {_size(LOW_MEMORY)}")
    else:
        yield ok(text)


def decoding(_: Installation) -> Iterator[Finding]:
    """Whether photos are decoded in processes of their own, which may crash or be ended without the run."""
    from facefind_pipeline.vision.apart import why_not_apart

    if why := why_not_apart():
        yield note(
            f"photos are decoded in the run's own process, which one that crashes the decoder ends: {why}",
            "let facefind start other processes, or look through what strangers sent before you run it",
        )
    else:
        yield ok("photos are decoded in processes of their own")


def disk(installation: Installation) -> Iterator[Finding]:
    """Free space and free entries where data and temporary files lie."""
    settings = installation.settings
    places = {"the home": settings.home, "temporary files": Path(tempfile.gettempdir())}
    if not settings.database_url:
        places["the database"] = EmbeddedServer(settings.home, settings.server_user).data
    disks: dict[int, list[str]] = {}
    for name, place in places.items():
        disks.setdefault(_existing(place).stat().st_dev, []).append(name)
    for names in disks.values():
        place = _existing(places[names[0]])
        found = os.statvfs(place)
        free = found.f_bavail * found.f_frsize
        text = f"{_size(free)} free for {', '.join(names)} ({place})"
        if free < FULL or (found.f_files and found.f_favail < FEW_FILES):
            files = "" if free < FULL else f", and only {found.f_favail:,} more files can be made"
            yield problem(text + files, "free some: a full disk ends runs and the database")
        elif free < NEARLY_FULL:
            yield note(text, "free some soon: a full disk ends runs and the database")
        else:
            yield ok(text)


def shared_memory(_: Installation) -> Iterator[Finding]:
    """Whether runs that `facefind dev` starts can make the semaphores that they need."""
    if not SHARED_MEMORY.is_dir():
        yield ok("this system has no /dev/shm and needs none")
        return
    if not os.access(SHARED_MEMORY, os.W_OK | os.X_OK):
        yield problem(
            f"{SHARED_MEMORY} can't be written: runs of `facefind dev` end with `Could not reach user code server`",
            f"as root: chmod 1777 {SHARED_MEMORY}",
        )
        return
    found = os.statvfs(SHARED_MEMORY)
    free = found.f_bavail * found.f_frsize
    if free < 2**20:
        yield problem(f"{_size(free)} free in {SHARED_MEMORY}", "remove what programs left there")
    else:
        yield ok(f"{_size(free)} free in {SHARED_MEMORY}")


def telemetry(installation: Installation) -> Iterator[Finding]:
    """Whether libraries are kept from reporting to their makers."""
    import yaml

    lacking = [name for name, value in TELEMETRY_OFF.items() if os.environ.get(name) != value]
    if lacking:
        yield problem(f"telemetry is not switched off: {', '.join(lacking)}", "let nothing unset these variables")
        return
    file = installation.settings.dagster_home / "dagster.yaml"
    if file.is_file():
        configured = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        if configured.get("telemetry", {}).get("enabled") is not False:
            yield problem(f"{file} does not switch Dagster's telemetry off", "any `facefind run` writes that file anew")
            return
    yield ok(f"telemetry is off: {', '.join(TELEMETRY_OFF)}")


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _size(count: int) -> str:
    """Bytes with three significant digits."""
    return f"{count / 2**30:.3g} GB" if count >= 2**30 else f"{count / 2**20:.3g} MB"
